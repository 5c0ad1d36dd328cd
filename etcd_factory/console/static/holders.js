// The view of locks, elections and leases: who holds what, and for how long.

import { get } from "./api.js";
import { button, el, note, row, table } from "./dom.js";
import { bytes, line, muted, number } from "./text.js";

export function holders(app, view) {
  const locks = [], leases = [];

  async function load(start) {
    const found = await get("holders", { client: app.client, start });
    if (!start) locks.length = leases.length = 0;
    locks.push(...found.locks);
    leases.push(...found.leases);
    view.replaceChildren(
      el("div", { className: "bar" }, el("h2", {}, "Locks and elections"), button("Reload", () => app.run(() => load()))),
      locks.length ? table(["Name", "Holder", "Since revision", "Lease", "Left", "Value", "Waiting"], locks.map(lock)) : note("muted", "Nobody holds a lock or leads an election."),
      el("h2", {}, "Leases"),
      leases.length ? table(["Lease", "Left", "Granted", "Keys in the client's namespace"], leases.map(lease)) : note("muted", "There are no leases."),
      found.next ? button("more …", () => app.run(() => load(found.next))) : "",
    );
  }

  const open = (key) => button(line(bytes(key)), () => app.go("keys", key), { className: "link mono" });
  const brief = (...children) => el("td", { className: "mono brief" }, children);
  const seconds = (count) => (count === null || count === undefined ? "" : `${number(count)} s`);

  function lock({ name, contenders, more }) {
    const [holder, ...others] = contenders;
    const list = el("ol", {}, others.map((one) => el("li", {}, open(one.key), muted(` ${seconds(one.ttl)}`))));
    const waiting = others.length ? el("details", {}, el("summary", {}, `${others.length}${more ? "+" : ""} waiting`), list) : muted("nobody");
    const value = holder.value.size ? line(bytes(holder.value.base64), 300, holder.value.size) : "";
    return row([
      el("td", { className: "mono" }, line(bytes(name))),
      open(holder.key),
      String(holder.revision),
      brief(holder.lease),
      brief(seconds(holder.ttl)),
      el("td", { className: "mono cut" }, value),
      waiting,
    ]);
  }

  function lease({ id, ttl, granted, keys, count }) {
    const rest = count > keys.length ? muted(`and ${number(count - keys.length)} more`) : "";
    const list = keys.length ? [keys.map((key) => el("div", {}, open(key))), rest] : [muted("none")];
    const left = el("meter", { min: 0, max: granted || 1, value: ttl, title: `${ttl} of ${granted} s` });
    return row([brief(id), brief(left, " ", seconds(ttl)), brief(seconds(granted)), el("td", {}, list)]);
  }

  app.run(() => load());
  return {};
}
