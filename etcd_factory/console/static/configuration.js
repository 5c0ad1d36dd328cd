// The view of the configuration: each value, the layer that set it, and where.

import { get } from "./api.js";
import { button, el, note, row, table } from "./dom.js";
import { encode, line, shown } from "./text.js";

export function configuration(app, view) {
  const text = (value) => line(encode(value));
  const filter = el("input", { type: "search", placeholder: "Filter keys", "aria-label": "Filter keys", spellcheck: "false", oninput: sift });
  let rows = [];

  async function load() {
    const found = await get("configuration");
    rows = found.rows.map(({ key, value, place }) => {
      const cells = [text(key), text(value), text(place)].map((one, index) => el("td", { className: index === 1 ? "mono cut" : "mono" }, one));
      return row(cells, { "data-key": key });
    });
    const names = (title, list) => (list.length ? el("p", { className: "muted small" }, `${title}: `, shown(list.join(", "))) : "");
    view.replaceChildren(
      el("div", { className: "bar" }, filter, button("Reload", () => app.run(load))),
      note("muted", "As the files are now; secrets are ***."),
      table(["Key", "Value", "Set by"], rows),
      names("Files read", found.files),
      names("Files that were looked for and are not there", found.absent),
    );
    sift();
  }

  function sift() {
    for (const one of rows) one.hidden = !one.dataset.key.includes(filter.value);
  }

  app.run(load);
  return {};
}
