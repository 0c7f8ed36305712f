// How long an offer is good: counted down in words, and told once when it is over; its yes is gone then.

function tick() {
  for (const shown of document.querySelectorAll("[data-until]")) {
    const left = Math.ceil(Number(shown.dataset.until) - Date.now() / 1000);
    const over = left <= 0;
    shown.textContent = over ? shown.dataset.over : shown.dataset.left.replace("{n}", String(left));
    if (!over || shown.hasAttribute("data-ended")) continue;
    shown.setAttribute("data-ended", "");
    shown.setAttribute("role", "status");
    for (const button of document.querySelectorAll("#step button.primary")) button.disabled = true;
  }
}

setInterval(tick, 1000);
document.addEventListener("htmx:afterSwap", tick);
