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

// News that come while the page asks or answers wait (hx-sync), and are lost where what waits for them is replaced by what
// comes. So it looks again after each new sheet, until the answer is that nothing is new.
document.addEventListener("htmx:afterSettle", (event) => {
  const path = event.detail.requestConfig?.path ?? "";
  if (path.startsWith("/approvals/") && !path.startsWith("/approvals/line")) {
    document.body.dispatchEvent(new CustomEvent("tandem:approvals"));
  }
});
