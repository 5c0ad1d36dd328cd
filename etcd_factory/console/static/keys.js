// The view of keys: a tree that is read as it is opened, a search, and beside it one key.

import { get } from "./api.js";
import { button, el, note } from "./dom.js";
import { key as keyPanel } from "./key.js";
import { create } from "./editor.js";
import { base64, bytes, encode, line, muted, number } from "./text.js";

const SLASH = 47;
const NAME = 120; // bytes of a name in the tree

// Whether a part of the address is a key; anybody may write addresses.
function isKey(name) {
  try {
    return Boolean(name) && bytes(name).length > 0;
  } catch {
    return false;
  }
}

export function keys(app, view, rest) {
  const side = el("section", { className: "side", "aria-label": "Keys" });
  const detail = el("section", { className: "detail", "aria-label": "Key" });
  const list = el("div", { className: "tree", onkeydown: walk });
  const ask = (path, parameters) => get(path, { client: app.client, ...parameters });
  const expanded = new Set();
  let panel = null;

  // --- the tree

  async function level(prefix, start) {
    const found = await ask("children", { prefix, start });
    const entries = found.keys.map(bytes).map((data) => entry(prefix, data));
    if (found.next) entries.push(el("li", {}, more("more …", (item) => app.run(() => grow(item, level(prefix, bytes(found.next)))))));
    return { entries, count: found.count };
  }

  async function grow(item, rest) {
    const { entries } = await rest;
    item.replaceWith(...entries);
    entries[0]?.querySelector("button")?.focus();
  }

  const more = (label, action) => button(label, (event) => action(event.target.closest("li")), { className: "entry more" });

  function entry(prefix, data) {
    const name = data.subarray(prefix.length);
    return name.at(-1) === SLASH ? folder(data, name) : leaf(data, name);
  }

  function leaf(data, name) {
    const open = () => app.go("keys", base64(data));
    return el("li", {}, button(el("span", {}, line(name, NAME)), open, { className: "entry key", "data-key": base64(data) }));
  }

  function folder(prefix, name) {
    const count = el("small", {});
    const made = button("", () => app.run(turn), { className: "entry folder", "aria-expanded": "false" });
    made.append(el("span", {}, line(name, NAME)), count);
    const item = el("li", {}, made);
    async function turn() {
      const below = item.querySelector("ul"), name = base64(prefix);
      if (below) below.remove();
      else {
        const found = await level(prefix);
        count.textContent = number(found.count);
        item.append(el("ul", {}, found.entries));
        select();
      }
      expanded[below ? "delete" : "add"](name);
      made.setAttribute("aria-expanded", String(!below));
    }
    if (expanded.has(base64(prefix))) app.run(turn); // as it was before a reload
    return item;
  }

  async function root() {
    const { entries, count } = await level(new Uint8Array());
    const words = count ? `${number(count)} ${count === 1 ? "key" : "keys"}` : "There are no keys.";
    list.replaceChildren(el("p", { className: "muted small" }, words), el("ul", {}, entries));
    select();
  }

  // Arrow keys, as in any tree.
  function walk(event) {
    const at = event.target.closest(".entry"), all = [...list.querySelectorAll(".entry")];
    if (!at) return;
    const to = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const expanded = at.getAttribute("aria-expanded");
    if (to) all[all.indexOf(at) + to]?.focus();
    else if (event.key === "ArrowRight" && expanded === "false") at.click();
    else if (event.key === "ArrowLeft" && expanded === "true") at.click();
    else if (event.key === "ArrowLeft") at.closest("ul").closest("li")?.querySelector(".entry").focus();
    else return;
    event.preventDefault();
  }

  // --- the search

  const text = el("input", { type: "search", placeholder: "Search keys  ( / )", "aria-label": "Search keys", spellcheck: "false" });
  const how = el(
    "select",
    { "aria-label": "How to search" },
    el("option", { value: "contains" }, "contains"),
    el("option", { value: "begins" }, "begins with"),
  );
  const form = el("form", { className: "search", role: "search", onsubmit: search }, text, how);
  text.addEventListener("input", () => text.value || app.run(root));
  how.addEventListener("change", () => text.value && search());

  function search(event) {
    event?.preventDefault();
    return app.run(text.value ? find : root);
  }

  async function find() {
    list.replaceChildren(el("p", { className: "muted small" }, "searching …"));
    const items = el("ul", { className: "found" }), words = el("p", { className: "muted small" });
    await hits(items, words, 0, 0);
    list.replaceChildren(words, items);
    select();
  }

  async function hits(items, words, searched, count, start) {
    const found = await ask("search", { text: encode(text.value), how: how.value, start });
    searched += found.searched;
    count += found.keys.length;
    items.append(...found.keys.map(bytes).map((data) => leaf(data, data)));
    words.textContent = `${number(count)} found in ${number(searched)} keys${found.next ? " so far" : ""}`;
    const on = (item) => app.run(() => (item.remove(), hits(items, words, searched, count, bytes(found.next))));
    if (found.next) items.append(el("li", {}, more("search on …", on)));
  }

  function shortcut(event) {
    if (event.key !== "/" || /INPUT|TEXTAREA|SELECT/.test(document.activeElement.tagName)) return;
    event.preventDefault();
    text.focus();
  }

  // --- one key

  let chosen = null;

  function select() {
    for (const one of list.querySelectorAll(".key")) one.setAttribute("aria-current", String(one.dataset.key === chosen));
  }

  function open([name]) {
    panel?.close();
    panel = null;
    chosen = isKey(name) ? name : null;
    view.classList.toggle("has-key", chosen !== null);
    select();
    detail.replaceChildren();
    if (chosen === null) detail.append(note("muted", "Choose a key."));
    else panel = keyPanel(app, detail, bytes(chosen), { gone });
    return true;
  }

  const gone = () => list.querySelector(".key[aria-current=true]")?.closest("li").remove();
  const add = () => create(app, () => app.run(root));
  const tools = el("div", { className: "tools" }, button("Reload", () => search()), app.writable && button("New key …", add));
  side.append(form, tools, list);
  view.append(el("div", { className: "split" }, side, detail));
  document.addEventListener("keydown", shortcut);
  app.run(root);
  open(rest);
  return {
    moved: open,
    pause: () => panel?.pause(),
    resume: () => panel?.resume(),
    close: () => (panel?.close(), document.removeEventListener("keydown", shortcut)),
  };
}
