// The view of services: their instances, and which one a balancer picks.

import { get } from "./api.js";
import { button, el, field, note, row, table } from "./dom.js";
import { encode, line, muted } from "./text.js";

const HEADS = ["Instance", "Address", "Status", "Weight", "Tags", "Metadata", "Picks"];

export function services(app, view, rest) {
  const side = el("section", { className: "side", "aria-label": "Services" });
  const detail = el("section", { className: "detail", "aria-label": "Instances" });
  let balancers = [];
  const text = (value) => line(encode(value));

  async function list() {
    const found = await get("services");
    balancers = found.balancers;
    const words = found.services.length ? "" : note("muted", "No service has an instance.");
    const open = (name) => button(el("span", {}, text(name)), () => app.go("services", name), { className: "entry key", "data-key": name });
    side.replaceChildren(words, el("ul", { className: "found tree" }, found.services.map((name) => el("li", {}, open(name)))));
    moved(rest.length ? rest : found.services.slice(0, 1));
  }

  function moved([name]) {
    for (const one of side.querySelectorAll(".key")) one.setAttribute("aria-current", String(one.dataset.key === name));
    view.classList.toggle("has-key", rest.length > 0 || location.hash.split("/").length > 3);
    detail.replaceChildren();
    if (name) app.run(() => service(name));
    return true;
  }

  async function service(name) {
    const { instances } = await get("instances", { service: name });
    const counts = new Map(), cells = new Map();
    const rows = instances.map((one) => {
      const count = el("td", { className: "number" }, "");
      cells.set(one.id, count);
      return instance(one, count);
    });
    const balancer = el("select", {}, el("option", { value: "" }, "as configured"), balancers.map((one) => el("option", {}, one)));
    const key = el("input", { className: "mono", spellcheck: "false", placeholder: "for consistent_hash" });
    const back = button("‹ Services", () => app.go("services"), { className: "back" });

    async function pick(times) {
      for (let number = 0; number < times; number++) {
        const found = await get("pick", { service: name, balancer: balancer.value, key: key.value });
        counts.set(found.id, (counts.get(found.id) ?? 0) + 1);
        for (const one of rows) one.classList.toggle("chosen", one.dataset.id === found.id);
        if (cells.has(found.id)) cells.get(found.id).textContent = counts.get(found.id);
      }
    }

    const reset = () => {
      counts.clear();
      cells.forEach((cell) => (cell.textContent = ""));
    };
    balancer.addEventListener("change", reset);
    const ask = (label, times, given) => button(label, () => app.run(() => pick(times)), given);
    detail.replaceChildren(
      el("div", { className: "title" }, back, el("h2", { className: "name mono" }, text(name)), button("Reload", () => app.run(() => service(name)))),
      el("div", { className: "bar" }, field("Balancer", balancer), field("Key", key), ask("Pick", 1, { className: "primary" }), ask("Pick 20 times", 20)),
      table(HEADS, rows),
    );
  }

  function instance(one, count) {
    const state = el("span", { className: `kind ${one.status}` }, one.status);
    const metadata = el("td", { className: "mono cut" }, one.metadata ? text(one.metadata) : "");
    const address = el("td", { className: "mono brief" }, one.address ? text(one.address) : muted("none"));
    return row([el("td", { className: "mono" }, text(one.id)), address, state, String(one.weight), text(one.tags.join(", ") || "–"), metadata, count], {
      "data-id": one.id,
    });
  }

  view.append(el("div", { className: "split" }, side, detail));
  app.run(list);
  return { moved };
}
