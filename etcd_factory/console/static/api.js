// Asking the server, with the token that its command printed.

import { base64 } from "./text.js";

const KEPT = "etcd-factory-token"; // of this tab and this origin alone

// The token comes in the fragment of the address, and leaves it at once: neither the history nor a copied address
// has it.
export function takeToken() {
  const found = /^#token=([\w-]+)$/.exec(location.hash);
  if (found) {
    sessionStorage.setItem(KEPT, found[1]);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(KEPT) !== null;
}

export const setToken = (token) => sessionStorage.setItem(KEPT, token);

export class Failed extends Error {
  constructor(status, body) {
    super(body.error ?? `The server answered ${status}.`);
    this.status = status;
    this.kind = body.kind;
    this.body = body;
  }
}

// The parameters of a request: bytes become base64.
function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null) query.set(name, value instanceof Uint8Array ? base64(value) : value);
  }
  return `/api/${path}?${query}`;
}

async function ask(url, options = {}) {
  const headers = { ...options.headers, Authorization: `Bearer ${sessionStorage.getItem(KEPT)}` };
  let answer;
  try {
    answer = await fetch(url, { ...options, headers, credentials: "omit", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed(0, { error: "The console does not answer. Does `etcd-factory console` still run?" });
  }
  if (!answer.ok) throw new Failed(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export async function get(path, parameters = {}, options = {}) {
  return (await ask(address(path, parameters), options)).json();
}

export async function remove(path, parameters) {
  return (await ask(address(path, parameters), { method: "DELETE" })).json();
}

export async function put(path, parameters, body) {
  const headers = { "Content-Type": "application/json" };
  return (await ask(address(path, parameters), { method: "PUT", headers, body: JSON.stringify(body) })).json();
}

const PAUSES = [500, 1000, 2000, 5000];

// Server-sent events. EventSource sends no headers, so these are read here. After a break it asks for what came after
// the last id; `pause` and `resume` do the same.
export class Stream {
  constructor(parameters, handlers) {
    this.parameters = parameters;
    this.handlers = handlers;
    this.last = "";
    this.tries = 0;
    this.resume();
  }

  resume() {
    if (this.ending) return;
    this.ending = new AbortController();
    this.run(this.ending.signal);
  }

  pause() {
    this.ending?.abort();
    this.ending = null;
  }

  async run(signal) {
    while (!signal.aborted) {
      try {
        const headers = this.last ? { "Last-Event-ID": this.last } : {};
        const answer = await ask(address("watch", this.parameters), { signal, headers });
        await this.read(answer.body.pipeThrough(new TextDecoderStream()).getReader());
      } catch (error) {
        if (signal.aborted) return;
        this.handlers.disconnected?.({ error: error.message });
        if (error.status === 401 || error.status === 400 || error.status === 404) return;
      }
      const pause = PAUSES[Math.min(this.tries++, PAUSES.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  async read(reader) {
    for (let rest = ""; ; ) {
      const { value, done } = await reader.read();
      if (done) return;
      const parts = (rest + value).split("\n\n");
      rest = parts.pop();
      parts.forEach((part) => this.handle(part));
    }
  }

  handle(part) {
    const fields = Object.fromEntries(part.split("\n").map((one) => one.split(/: (.*)/s)));
    if (fields.id) this.last = fields.id;
    if (fields.event === "failed") this.last = ""; // as after a compaction: from now on
    else this.tries = 0;
    this.handlers[fields.event]?.(JSON.parse(fields.data));
  }
}
