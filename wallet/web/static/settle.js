// What asks for a yes is looked at first: its buttons wait until it has stood on the screen for half a second, and wait
// again whenever it changes. The client refuses a faster yes by itself (wallet/desk.py); this is so that nobody meets it.

function settle(sheet) {
  if (sheet.dataset.settling || document.visibilityState !== "visible") return;
  sheet.dataset.settling = "yes";
  setTimeout(() => {
    for (const button of sheet.querySelectorAll("button[data-yes]")) button.disabled = false;
    sheet.setAttribute("data-settled", "");
  }, Number(sheet.dataset.settle));
}

function look() {
  document.querySelectorAll("[data-settle]").forEach(settle);
}

look();
document.addEventListener("htmx:afterSwap", look);
document.addEventListener("visibilitychange", look);

// While an answer is on its way the page asks for nothing else (hx-sync); it looks afterwards whether something came.
document.addEventListener("htmx:afterSettle", (event) => {
  const asked = event.detail.requestConfig;
  if (asked?.verb === "post" && asked.path.startsWith("/approvals/")) {
    document.body.dispatchEvent(new CustomEvent("tandem:approvals"));
  }
});
