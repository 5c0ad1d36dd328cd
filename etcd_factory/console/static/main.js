// The page: which client, which view, and what is said of errors.

import { get, setToken, takeToken } from "./api.js";
import { changes } from "./changes.js";
import { configuration } from "./configuration.js";
import { button, dot, el, field, note } from "./dom.js";
import { holders } from "./holders.js";
import { keys } from "./keys.js";
import { services } from "./services.js";
import { shown } from "./text.js";
import { clients } from "./clients.js";

const VIEWS = { keys, changes, services, locks: holders, configuration, clients };
const REFRESH = 10_000; // ms between two looks at the clients' health
const $ = (id) => document.getElementById(id);

// What the views share: the clients, the chosen one, whether keys may be changed.
const app = { clients: [], client: null, writable: false, clear, failed, run, go };
let current = null; // the view that is shown: what it holds open is closed with it

function clear() {
  $("messages").replaceChildren();
}

function failed(error) {
  $("messages").replaceChildren(note("bad", shown(error.message), " ", button("Dismiss", clear)));
  if (error.status === 401) askForToken();
}

// Do something for the user; an error is shown in the library's own words.
async function run(action) {
  try {
    const found = await action();
    clear();
    return found;
  } catch (error) {
    failed(error);
    return undefined;
  }
}

// --- the address: #/<view>/<client>/<rest>

function place() {
  const [, view, client, ...rest] = location.hash.split("/").map(decode);
  return { view: view in VIEWS ? view : "keys", client, rest };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function go(view, ...rest) {
  const hash = `#/${[view, app.client ?? "", ...rest].map(encodeURIComponent).join("/")}`;
  if (location.hash === hash) show();
  else location.hash = hash;
}

function show() {
  const { view, client, rest } = place();
  if (client && app.clients.some((one) => one.name === client)) app.client = client;
  if (current?.view === view && current.client === app.client && current.moved?.(rest)) return;
  current?.close?.();
  clear();
  head(view);
  document.body.dataset.view = view;
  $("view").replaceChildren();
  current = { view, client: app.client, ...VIEWS[view](app, $("view"), rest) };
}

// --- the head

function head(view) {
  const names = Object.keys(VIEWS);
  const tab = (one) =>
    el("a", { href: `#/${one}/${encodeURIComponent(app.client ?? "")}`, "aria-current": one === view ? "page" : null }, one);
  $("tabs").replaceChildren(...names.map(tab));
  $("tabs").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  $("mode").className = app.writable ? "badge warn" : "badge";
  $("mode").textContent = app.writable ? "writing allowed" : "read-only";
  document.title = `${view} · etcd-factory console`;
  client();
}

function client() {
  const now = app.clients.find((one) => one.name === app.client);
  const option = (one) => el("option", { value: one.name, selected: one.name === app.client }, `${one.ok ? "" : "⚠ "}${one.name}`);
  const choose = (event) => {
    app.client = event.target.value;
    go(place().view);
  };
  const facts = now?.ok ? `${now.endpoint} · etcd ${now.version} · ${now.latency_ms} ms` : (now?.error ?? "");
  const state = now?.ok ? dot("ok", "healthy") : dot("bad", "not healthy");
  const select = el("select", { onchange: choose, "aria-label": "Client" }, app.clients.map(option));
  if ($("client").contains(document.activeElement)) return; // somebody chooses right now
  $("client").replaceChildren(now ? state : "", select, el("small", { title: facts }, shown(facts)));
}

async function look() {
  const found = await get("clients");
  Object.assign(app, { clients: found.clients, writable: found.writable });
  app.client ??= found.first;
}

async function refresh() {
  if (document.hidden) return;
  try {
    await look();
    client();
    current?.refreshed?.();
  } catch (error) {
    failed(error);
  }
}

// --- the start

function askForToken() {
  current?.close?.();
  current = null;
  const input = el("input", { type: "password", autocomplete: "off", required: true });
  const open = (event) => {
    event.preventDefault();
    setToken(input.value.trim());
    begin();
  };
  const words = "The console needs the token that its command printed: open the printed address, or paste the token.";
  const form = el("form", { className: "panel token", onsubmit: open }, el("p", {}, words), field("Token", input));
  form.append(el("button", { type: "submit", className: "primary" }, "Open"));
  $("view").replaceChildren(form);
  input.focus();
}

let timer = null;

async function begin() {
  clearInterval(timer);
  if ((await run(async () => (await look(), true))) === undefined) return;
  show();
  timer = setInterval(refresh, REFRESH);
}

addEventListener("hashchange", () => (takenAgain() ? begin() : show()));
document.addEventListener("visibilitychange", () => (document.hidden ? current?.pause?.() : (current?.resume?.(), refresh())));

const takenAgain = () => location.hash.startsWith("#token=") && takeToken();

if (takeToken()) begin();
else askForToken();
