// What all pages share: the theme, keys, moments, messages, and whether the figures are current.

import { markSources } from "./source.js";

const root = document.documentElement.dataset.root;
const byId = (id) => document.getElementById(id);

// ---- Theme

byId("theme").addEventListener("click", () => {
  const html = document.documentElement;
  const isDark = (html.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  html.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("rhaid.theme", html.dataset.theme);
  document.dispatchEvent(new Event("rhaid:theme"));
});

// On a narrow screen the names of the pages do not all fit.
document.querySelector(".bar nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center", behavior: "instant" });

// ---- Moments: "3 s ago" stays right between two readings. The age is the server's, so clocks need not agree.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function told(age) {
  const seconds = Math.floor(Math.abs(age) / 1000);
  if (seconds < 1) return "now";
  const [size, unit] = UNITS.find(([size]) => seconds >= size);
  const text = `${Math.floor(seconds / size)} ${unit}`;
  return age < 0 ? `in ${text}` : `${text} ago`;
}

function tellMoments() {
  const now = performance.now();
  for (const time of document.querySelectorAll("time[data-age]")) {
    if (time.dataset.age !== time.seenAge) {
      time.seenAge = time.dataset.age;
      time.seenAt = now;
    }
    const text = told(Number(time.seenAge) + now - time.seenAt);
    if (time.textContent !== text) time.textContent = text;
  }
}

setInterval(() => document.hidden || tellMoments(), 1000);

// ---- Whether the page is current. The server sends a beat with each reading.

const SILENCE_MS = 8000;
const live = byId("live");
const state = byId("link-state");
let heard = performance.now();
let isOver = !live || !live.hasAttribute("hx-sse:connect");

function showState(isLost) {
  state.hidden = !isLost;
  document.body.classList.toggle("lost", isLost);
}

function hear() {
  heard = performance.now();
  showState(false);
}

if (!isOver) {
  live.addEventListener("beat", hear);
  live.addEventListener("over", () => {
    isOver = true;
    showState(false);
  });
  live.addEventListener("htmx:sse:after:message", hear);
  live.addEventListener("htmx:sse:error", (event) => {
    // The session has ended: the page that says so.
    if ([401, 403, 404].includes(event.detail.status)) location.reload();
    else if (!isOver) showState(true);
  });
  // A reading that ends is begun again, but not after the last one.
  live.addEventListener("htmx:sse:before:connection", (event) => {
    if (isOver) event.preventDefault();
  });
  setInterval(() => {
    if (document.hidden) heard = performance.now();
    else if (!isOver && performance.now() - heard > SILENCE_MS) {
      showState(true);
      live._htmx?.sse?.reader?.cancel();
    }
  }, 1000);
}

// ---- Messages, and what is done after them

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-dismiss],[data-copy],[data-copy-from],[data-empty]");
  if (!target) return;
  if (target.hasAttribute("data-dismiss")) target.closest(".notice").remove();
  else if (target.hasAttribute("data-empty")) document.querySelector(target.dataset.empty).replaceChildren();
  else copy(target);
});

// What is copied is the text itself, data-copy, or what is at an address, data-copy-from: the page may show a part of it, or
// signs in place of characters.

async function copy(button) {
  const name = button.getAttribute("aria-label").replace("Copy the ", "");
  try {
    const { copy: text, copyFrom: address } = button.dataset;
    await put(address ? textAt(address) : Promise.resolve(text));
  } catch {
    tell(`The ${name} was not copied. Mark it, or open its raw text, and copy it from there.`, true);
    return;
  }
  say(`Copied the ${name}.`);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1200);
}

async function textAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.text();
}

async function put(promised) {
  // A browser has this over TLS and on its own machine only. Some take a text only at the click, before it has come from its
  // address, so they are given the promise of it.
  if (navigator.clipboard && window.ClipboardItem) {
    const blob = promised.then((text) => new Blob([text], { type: "text/plain" }));
    return navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
  }
  const text = await promised;
  const area = document.createElement("textarea");
  const focused = document.activeElement;
  area.className = "sr";
  area.value = text;
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  focused?.focus();
  if (!isDone) throw new Error("the browser refused");
}

// For a screen reader. The same words are said again if they come again.
function say(text) {
  byId("said").textContent = "";
  setTimeout(() => { byId("said").textContent = text; }, 50);
}

document.addEventListener("rhaid:go", (event) => {
  location.href = root + event.detail.path;
});

document.addEventListener("htmx:after:request", (event) => {
  const then = event.detail.ctx.sourceElement?.dataset?.then;
  if (then !== undefined && event.detail.ctx.response?.raw?.ok) location.href = root + then;
});

// What asked for something is over when it is done.
document.addEventListener("htmx:after:request", (event) => {
  const form = event.detail.ctx.sourceElement;
  if (form?.matches?.("#bulk form")) form.remove();
});

document.addEventListener("htmx:error", (event) => {
  const { ctx, error } = event.detail;
  if (ctx?.sourceElement === live || error?.name === "AbortError") return;
  tell("The gateway did not answer. Try again.", true);
});

function tell(text, isError) {
  const notice = document.createElement("div");
  notice.className = `notice ${isError ? "bad" : "good"}`;
  notice.setAttribute("role", isError ? "alert" : "status");
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet icon";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", "Close this message");
  close.textContent = "✕";
  notice.append(paragraph, close);
  byId("notices").replaceChildren(notice);
}

// ---- Questions before something that can't be undone

document.addEventListener("htmx:confirm", (event) => {
  const { ctx } = event.detail;
  event.preventDefault();
  const dialog = byId("confirm");
  byId("confirm-text").textContent = ctx.confirm;
  byId("confirm-yes").textContent = ctx.sourceElement.dataset.yes ?? "Yes";
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "yes") event.detail.issueRequest();
    else event.detail.dropRequest();
  }, { once: true });
  dialog.showModal();
});

// ---- Keys

let isGoing = false;
byId("help").addEventListener("click", () => byId("keys").showModal());

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input,textarea,select,[contenteditable]");
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const form = event.target.closest?.("form") ?? document.querySelector("form[data-main]");
    if (form?.matches("[data-submit-keys]")) {
      event.preventDefault();
      form.requestSubmit();
    }
    return;
  }
  if (isTyping) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (isGoing) {
    isGoing = false;
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) link.click();
    return;
  }
  switch (event.key) {
    case "g":
      isGoing = true;
      setTimeout(() => { isGoing = false; }, 1500);
      break;
    case "?":
      byId("keys").showModal();
      break;
    case "/": {
      event.preventDefault();
      const search = byId("search");
      if (search) search.focus();
      else location.href = `${root}tasks#search`;
      break;
    }
    case "j":
    case "k":
      moveRow(event.key === "j" ? 1 : -1);
      break;
  }
});

function moveRow(by) {
  const links = [...document.querySelectorAll("table.rows tbody tr a:first-of-type")];
  if (links.length === 0) return;
  const row = document.activeElement?.closest?.("tr");
  const at = links.findIndex((link) => link.closest("tr") === row);
  const next = at < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(at + by, 0), links.length - 1);
  links[next].focus();
}

if (location.hash === "#search") byId("search")?.focus();

// ---- After each reading

// A log shows its last lines, unless it was scrolled up.
document.addEventListener("scroll", (event) => {
  const log = event.target;
  if (log.classList?.contains("log")) log.isHeld = log.scrollTop + log.clientHeight < log.scrollHeight - 24;
}, true);

function showLastLines() {
  for (const log of document.querySelectorAll("[hx-sse\\:connect] .log")) {
    if (!log.isHeld) log.scrollTop = log.scrollHeight;
  }
}

document.addEventListener("htmx:after:swap", () => {
  tellMoments();
  markSources(document);
  showLastLines();
});
markSources(document);
tellMoments();
