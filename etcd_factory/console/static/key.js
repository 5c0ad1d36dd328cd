// One key: its value as it is or was, its history, live.

import { get, remove, Stream } from "./api.js";
import { button, confirmed, dot, el, note, row, table } from "./dom.js";
import { editor } from "./editor.js";
import { bytes, decodeCut, dump, line, muted, number, pretty, shown, size } from "./text.js";

const KEEP = "\n\t"; // characters of a value that are shown by what they do

export function key(app, place, name, { gone }) {
  const live = el("span", { className: "live" });
  const title = el("h2", { className: "name mono" }, line(name, 4000));
  const back = button("‹ Keys", () => app.go("keys"), { className: "back" });
  const facts = el("p", { className: "facts" }), actions = el("div", { className: "tools" });
  const notes = el("div"), body = el("div", { className: "value" }), past = el("div");
  let kv = null, form = "", isAll = false, isEditing = false;
  const ask = (path, parameters) => get(path, { client: app.client, key: name, ...parameters });

  place.append(el("div", { className: "title" }, back, title, live), facts, actions, notes, body, past);

  // --- the value

  async function load() {
    const found = await ask("key", { all: isAll ? "1" : null });
    kv = found.kv;
    isEditing = false;
    notes.replaceChildren();
    facts.replaceChildren(...(kv ? factsOf(kv) : [`not there at revision ${found.revision}`]));
    actions.replaceChildren(...(kv && app.writable ? [button("Edit", edit), button("Delete …", drop, { className: "danger" })] : []));
    if (kv) value(kv);
    else body.replaceChildren(note("muted", "There is no such key."));
    await history();
  }

  function factsOf(one) {
    const parts = [
      `revision ${one.mod_revision}`,
      `version ${one.version}`,
      `created at ${one.create_revision}`,
      size(one.value.size),
      one.lease && `lease ${one.lease}`,
    ];
    return parts.filter(Boolean).map((part) => el("span", {}, part));
  }

  function value(one) {
    const data = bytes(one.value.base64), isCut = data.length < one.value.size;
    const text = decodeCut(data, isCut), json = isCut || text === null ? null : pretty(text);
    const forms = { JSON: json, text, hex: dump };
    const names = Object.keys(forms).filter((each) => forms[each] !== null);
    if (!names.includes(form)) form = names[0];
    const choose = (each) =>
      button(each, () => ((form = each), value(one)), { "aria-pressed": String(each === form) });
    const made = el("pre", { className: "mono", tabIndex: 0 });
    if (!data.length) made.append(muted("(empty)"));
    else made.append(form === "hex" ? dump(data) : shown(form === "JSON" ? json : text, KEEP));
    const words = text === null ? "not UTF-8" : "";
    const bar = el("div", { className: "forms", role: "group", "aria-label": "Show as" }, names.map(choose), muted(words));
    const rest = isCut && note("warn", `The first ${size(data.length)} of ${size(one.value.size)}. `, button("Show all", all));
    body.replaceChildren(bar, rest || "", made);
  }

  function all() {
    isAll = true;
    app.run(load);
  }

  // --- changing it

  function edit() {
    if (bytes(kv.value.base64).length < kv.value.size) {
      isAll = true;
      return app.run(async () => (await load(), begin(kv)));
    }
    return begin(kv);
  }

  function begin(from) {
    isEditing = true;
    actions.replaceChildren();
    notes.replaceChildren();
    const start = { key: name, data: bytes(from.value.base64), revision: kv?.mod_revision ?? 0 };
    body.replaceChildren(editor(app, start, { done: () => app.run(load), load: () => app.run(load) }));
    body.querySelector("textarea").focus();
  }

  async function drop() {
    const words = `It is deleted only if it is still at revision ${kv.mod_revision}.`;
    const details = el("div", {}, el("p", { className: "mono" }, line(name)), el("p", {}, `Client ${app.client}. ${words}`));
    if (!(await confirmed("Delete this key?", details, "Delete", "danger"))) return;
    await app.run(async () => {
      await remove("key", { client: app.client, key: name, if_revision: kv.mod_revision });
      gone();
      await load();
    });
  }

  // --- its history

  async function history() {
    const rows = el("tbody"), end = el("p", { className: "muted small" });
    const made = table(["Revision", "Version", "Size", "Value"], []);
    made.querySelector("tbody").replaceWith(rows);
    await earlier(rows, end);
    past.replaceChildren(el("h3", {}, "History"), rows.children.length ? made : "", end);
  }

  async function earlier(rows, end, before) {
    const found = await ask("history", { before });
    rows.append(...found.kvs.map(state));
    end.replaceChildren(shown(found.end));
    if (found.next) end.append(button("earlier …", () => app.run(() => earlier(rows, end, found.next))));
  }

  function state(one) {
    const text = line(bytes(one.value.base64), 300, one.value.size);
    const look = button(number(one.mod_revision), () => app.run(() => then(one.mod_revision)), { className: "link" });
    return row([look, String(one.version), el("td", { className: "brief" }, size(one.value.size)), el("td", { className: "mono cut" }, text)]);
  }

  async function then(revision) {
    if (revision === kv?.mod_revision) return load();
    const { kv: was } = await ask("key", { revision, all: "1" });
    const again = app.writable && button("Edit this value", () => begin(was));
    notes.replaceChildren(note("warn", `As it was at revision ${revision}. `, button("Back to now", () => app.run(load)), again || ""));
    facts.replaceChildren(...factsOf(was));
    actions.replaceChildren();
    value(was);
    body.scrollIntoView({ block: "nearest" });
    return undefined;
  }

  // --- live

  function seen(events) {
    const last = events.at(-1).revision;
    if (kv && last <= kv.mod_revision) return;
    if (!isEditing) return app.run(load).then(flash);
    const words = `Somebody changed this key at revision ${last}. Saving will be refused. `;
    return notes.replaceChildren(note("warn", words, button("Discard mine and load it", () => app.run(load))));
  }

  function flash() {
    body.classList.remove("flash");
    requestAnimationFrame(() => body.classList.add("flash"));
  }

  const state_ = (kind, words) => live.replaceChildren(dot(kind, words), el("small", {}, words));
  const stream = new Stream(
    { client: app.client, key: name },
    {
      open: () => state_("ok", "live"),
      connected: () => state_("ok", "live"),
      disconnected: ({ error }) => (state_("bad", "not live"), (live.title = error)),
      failed: ({ error }) => app.failed(new Error(error)),
      changes: seen,
    },
  );

  app.run(load);
  return { close: () => stream.pause(), pause: () => stream.pause(), resume: () => stream.resume() };
}
