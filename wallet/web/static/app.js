// What every page does: htmx with this tab's token, news from the client, copying. Nothing is loaded from elsewhere.
import "htmx.org";
import "./settle.js";
import "./countdown.js";

const token = () => document.querySelector('meta[name="page-token"]')?.content ?? "";

// A change counts only with this header (wallet/web/server.py); a page of another origin cannot send it.
document.addEventListener("htmx:configRequest", (event) => {
  event.detail.headers["X-Tandem-Page"] = token();
});

// What an answer puts into the alert is read out, and is what the person looks at next.
document.addEventListener("htmx:afterSwap", (event) => {
  const found = event.target.querySelector?.("[data-focus]");
  if (found) found.focus({ preventScroll: false });
});
document.addEventListener("htmx:beforeRequest", (event) => {
  const problem = document.getElementById("problem");
  if (problem && event.detail.requestConfig.verb === "post") problem.replaceChildren();
});
document.addEventListener("htmx:sendError", () => showAway());

function showAway() {
  const away = document.getElementById("away");
  if (away) {
    away.textContent = away.dataset.text;
    away.hidden = false;
  }
}

function say(name) {
  const live = document.getElementById("live");
  const text = name === "approvals" ? live?.dataset.approval : name === "activity" ? live?.dataset.activity : "";
  if (live && text) live.textContent = text;
}

// News are names alone; parts of the page that care ask for themselves again (hx-trigger="tandem:activity from:body").
function listen() {
  const source = new EventSource("/events");
  for (const name of ["approvals", "activity", "account", "quote"]) {
    source.addEventListener(name, () => {
      say(name);
      document.body.dispatchEvent(new CustomEvent(`tandem:${name}`));
    });
  }
  source.addEventListener("ready", () => document.body.setAttribute("data-listening", ""));
  source.addEventListener("lock", () => location.assign("/"));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) showAway();
  });
  addEventListener("pagehide", () => source.close());
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  const said = button.querySelector("[data-said]") ?? button;
  said.textContent = button.dataset.copied;
});

// What a link asks for is filled in only when the person says so.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-fill]");
  if (!button) return;
  for (const [name, value] of [[button.dataset.fill, button.dataset.value], [button.dataset.also, button.dataset.then]]) {
    const field = document.getElementById(name);
    if (field && value) field.value = value;
  }
});

// A details that is a menu closes when something else is wanted.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.more[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.more[open]")) menu.open = false;
});

// A page that comes back from the browser's memory may be older than the lock.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

if (document.body.hasAttribute("data-live")) listen();
