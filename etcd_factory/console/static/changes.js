// The view of changes: all of a prefix, as they come.

import { Stream } from "./api.js";
import { button, dot, el, field, note, row, table } from "./dom.js";
import { bytes, clock, encode, line, shown } from "./text.js";

const MOST = 500; // rows

export function changes(app, view) {
  const state = el("span", { className: "live" }), notes = el("div");
  const prefix = el("input", { className: "mono", spellcheck: "false", placeholder: "every key" });
  const hold = button("Pause", turn), wipe = button("Clear", () => rows.replaceChildren());
  const made = table(["Time", "Revision", "What", "Key", "Value", "Before"], [], { className: "changes" });
  const rows = made.querySelector("tbody");
  const form = el("form", { className: "bar", onsubmit: restart }, field("Keys that begin with", prefix), hold, wipe, state);
  let stream = null, paused = false;

  function turn() {
    paused = !paused;
    hold.textContent = paused ? "Resume" : "Pause";
    if (paused) (stream.pause(), say("", "paused"));
    else stream.resume();
  }

  function restart(event) {
    event?.preventDefault();
    stream?.pause();
    paused = false;
    hold.textContent = "Pause";
    const handlers = { open, connected: open, changes: seen, disconnected: lost, failed };
    stream = new Stream({ client: app.client, prefix: encode(prefix.value) }, handlers);
  }

  const say = (kind, words) => state.replaceChildren(kind ? dot(kind, words) : "", el("small", {}, words));
  const open = () => (say("ok", "live"), notes.replaceChildren());
  const lost = ({ error }) => (say("bad", "not connected"), notes.replaceChildren(note("bad", shown(error))));
  const failed = ({ error }) => notes.replaceChildren(note("bad", shown(error), " It goes on from now; changes may be missing."));

  function seen(events) {
    const time = clock();
    rows.prepend(...events.map((one) => change(time, one)).reverse());
    while (rows.children.length > MOST) rows.lastChild.remove();
  }

  function change(time, { type, key, revision, value, previous }) {
    const open = button(line(bytes(key)), () => app.go("keys", key), { className: "link" });
    const cells = [time, String(revision), el("span", { className: `kind ${type}` }, type)];
    return row([...cells, el("td", { className: "mono cut" }, open), text(value), text(previous)], { className: "flash" });
  }

  function text(value) {
    if (!value) return el("td", {});
    return el("td", { className: "mono cut" }, line(bytes(value.base64), 300, value.size));
  }

  view.append(form, notes, made);
  restart();
  return {
    close: () => stream.pause(),
    pause: () => stream.pause(),
    resume: () => paused || stream.resume(),
  };
}
