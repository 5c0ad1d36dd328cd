// Writing a value: only if the key is as it was shown, and after a question.

import { put } from "./api.js";
import { button, confirmed, el, field, note } from "./dom.js";
import { base64, decode, encode, fromHex, line, plainHex, shown, size } from "./text.js";

// `start`: the key, the bytes to begin with, and the revision that the key must still have; 0: there is none.
export function editor(app, start, { done, load }) {
  const text = decode(start.data);
  // a text field would change other line breaks, and has no NUL
  const isText = text !== null && !/[\r\0]/.test(text);
  const area = el("textarea", { className: "mono", spellcheck: "false", rows: 12, "aria-label": isText ? "Value" : "Value in hex" });
  area.value = isText ? text : plainHex(start.data);
  const notes = el("div");

  async function save() {
    try {
      const data = isText ? encode(area.value) : fromHex(area.value);
      if (!(await ask(app, start, data))) return;
      await put("key", { client: app.client }, { key: base64(start.key), value: base64(data), if_revision: start.revision });
      app.clear();
      done();
    } catch (error) {
      const again = error.status === 409 && button("Discard mine and load it", load);
      notes.replaceChildren(note("bad", shown(error.message), " ", again || ""));
    }
  }

  const kind = isText ? "" : note("muted", "Not a plain text: edited as hex digits.");
  return el("div", {}, kind, area, notes, el("div", { className: "tools" }, button("Save …", save, { className: "primary" }), button("Cancel", load)));
}

function ask(app, { key, revision }, data) {
  const words = revision ? `It is written only if the key is still at revision ${revision}.` : "It is written only if there is no such key.";
  const details = el(
    "div",
    {},
    el("p", { className: "mono" }, line(key)),
    el("p", {}, `${size(data.length)} on client ${app.client}. ${words}`),
  );
  return confirmed(revision ? "Write this value?" : "Create this key?", details, "Write");
}

// A dialog for a new key.
export function create(app, done) {
  const name = el("input", { className: "mono", required: true, spellcheck: "false", autocomplete: "off" });
  const area = el("textarea", { className: "mono", spellcheck: "false", rows: 6 });
  const notes = el("div");

  async function save(event) {
    event.preventDefault();
    const key = encode(name.value), data = encode(area.value);
    try {
      if (!(await ask(app, { key, revision: 0 }, data))) return;
      await put("key", { client: app.client }, { key: base64(key), value: base64(data), if_revision: 0 });
      dialog.close();
      done();
      app.go("keys", base64(key));
    } catch (error) {
      notes.replaceChildren(note("bad", shown(error.message)));
    }
  }

  const form = el(
    "form",
    { onsubmit: save },
    el("h2", {}, "New key"),
    field("Key", name),
    field("Value", area),
    notes,
    el("div", { className: "actions" }, button("Cancel", () => dialog.close()), el("button", { type: "submit", className: "primary" }, "Create …")),
  );
  const dialog = el("dialog", { onclose: () => dialog.remove(), "aria-label": "New key" }, form);
  document.body.append(dialog);
  dialog.showModal();
}
