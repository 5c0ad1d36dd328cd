// Making elements. Texts become text nodes, never markup.

export function el(tag, given = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name in made && name !== "spellcheck") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((one) => one !== null && one !== undefined && one !== false));
  return made;
}

// A button whose action may wait; until it has ended, another click does nothing.
export function button(label, action, given = {}) {
  let isBusy = false;
  async function act(event) {
    if (isBusy) return;
    isBusy = true;
    try {
      await action(event);
    } finally {
      isBusy = false;
    }
  }
  return el("button", { type: "button", onclick: act, ...given }, label);
}

export function table(heads, rows, given = {}) {
  const head = el("thead", {}, el("tr", {}, heads.map((one) => el("th", { scope: "col" }, one))));
  return el("div", { className: "scroll" }, el("table", given, head, el("tbody", {}, rows)));
}

export function row(cells, given = {}) {
  return el("tr", given, cells.map((one) => (one instanceof HTMLTableCellElement ? one : el("td", {}, one ?? ""))));
}

export function field(label, control) {
  return el("label", { className: "field" }, el("span", {}, label), control);
}

export function dot(kind, title) {
  return el("span", { className: `dot ${kind}`, title, role: "img", "aria-label": title });
}

export function note(kind, ...children) {
  return el("p", { className: `note ${kind}` }, children);
}

// Ask before something is done; resolves to whether to do it.
export function confirmed(title, details, action, kind = "primary") {
  return new Promise((resolve) => {
    const close = (answer) => () => dialog.close(answer);
    const dialog = el(
      "dialog",
      { onclose: () => (dialog.remove(), resolve(dialog.returnValue === "yes")), "aria-label": title },
      el("h2", {}, title),
      details,
      el("div", { className: "actions" }, button("Cancel", close("")), button(action, close("yes"), { className: kind })),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
