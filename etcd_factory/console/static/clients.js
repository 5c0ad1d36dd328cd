// The view of all clients with their health.

import { button, dot, el, row, table } from "./dom.js";
import { encode, line, shown } from "./text.js";

const HEADS = ["", "Client", "Hosts", "Namespace", "In use", "Version", "Leader", "Latency", "Priority"];

export function clients(app, view) {
  function show() {
    view.replaceChildren(el("h2", {}, "Clients"), table(HEADS, app.clients.flatMap(lines)));
  }

  function lines(one) {
    const choose = () => {
      app.client = one.name;
      app.go("keys");
    };
    const state = one.ok ? dot("ok", "healthy") : dot("bad", "not healthy");
    const mono = (text) => el("td", { className: "mono" }, text ? line(encode(text)) : "");
    const facts = row([
      state,
      button(line(encode(one.name)), choose, { className: "link" }),
      mono(one.hosts.join(" ")),
      mono(one.namespace),
      mono(one.endpoint),
      one.version,
      mono(one.leader),
      one.ok ? `${one.latency_ms} ms` : "",
      one.priority,
    ]);
    const words = el("td", { colSpan: HEADS.length - 1, className: "error" }, shown(one.error ?? ""));
    return one.error ? [facts, row(["", words])] : [facts];
  }

  show();
  return { refreshed: show };
}
