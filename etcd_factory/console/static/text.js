// Bytes as texts. Keys and values are anybody's: whatever does not show what it is, is escaped.

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

// Control and format characters (bidi overrides, zero widths), separators, spaces other than the space, private use,
// unassigned, and marks that would pile up.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}|(?<=\p{M}\p{M})\p{M}/gu;

export function bytes(base64) {
  const text = atob(base64.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(text, (one) => one.charCodeAt(0));
}

export function base64(data) {
  const parts = [];
  for (let at = 0; at < data.length; at += 0x8000) parts.push(String.fromCharCode(...data.subarray(at, at + 0x8000)));
  return btoa(parts.join("")).replaceAll("+", "-").replaceAll("/", "_");
}

export const encode = (text) => new TextEncoder().encode(text);

// The text of bytes, null if they are not UTF-8.
export function decode(data) {
  try {
    return utf8.decode(data);
  } catch {
    return null;
  }
}

// The same of the beginning of a value: a character may have been cut in two.
export function decodeCut(data, isCut) {
  for (let less = 0; less < (isCut ? 4 : 1); less++) {
    const found = decode(data.subarray(0, data.length - less));
    if (found !== null) return found;
  }
  return null;
}

// Nodes that show a text, with what is hidden in it as marks; `keep` has characters that stay.
export function shown(text, keep = "") {
  const made = document.createDocumentFragment();
  const all = [...text.matchAll(HIDDEN)].filter((found) => !keep.includes(found[0]));
  if (all.length > MARKS) {
    made.append(text.replace(HIDDEN, (one) => (keep.includes(one) ? one : name(one))));
    return made;
  }
  let last = 0;
  for (const found of all) {
    made.append(text.slice(last, found.index), mark(found[0]));
    last = found.index + found[0].length;
  }
  made.append(text.slice(last));
  return made;
}

const MARKS = 2000; // elements; a large value of control characters would be a million

const NAMES = { "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0" };

const name = (one) => NAMES[one] ?? `U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

function mark(character) {
  const made = document.createElement("span");
  made.className = "escaped";
  made.textContent = name(character);
  return made;
}

// Nodes that show a key or the beginning of a value on one line; bytes that are not UTF-8 in hex. Of a value that the
// server has cut, `whole` is its size.
export function line(data, limit = 300, whole = data.length) {
  const part = data.subarray(0, limit), isCut = part.length < whole, text = decodeCut(part, isCut);
  const made = document.createDocumentFragment();
  if (!whole) made.append(muted("(empty)"));
  else if (text === null) made.append(hexOf(part), muted(" (not UTF-8)"));
  else made.append(shown(text));
  if (isCut) made.append(muted(` … ${size(whole)}`));
  return made;
}

export function muted(text) {
  const made = document.createElement("span");
  made.className = "muted";
  made.textContent = text;
  return made;
}

const hexOf = (data) => Array.from(data, (one) => one.toString(16).padStart(2, "0")).join(" ");

// A hex dump: offset, 16 bytes, their ASCII.
export function dump(data) {
  const lines = [];
  for (let at = 0; at < data.length; at += 16) {
    const row = data.subarray(at, at + 16);
    const ascii = Array.from(row, (one) => (one > 31 && one < 127 ? String.fromCharCode(one) : ".")).join("");
    lines.push(`${at.toString(16).padStart(8, "0")}  ${hexOf(row).padEnd(47)}  ${ascii}`);
  }
  return lines.join("\n");
}

export const plainHex = (data) => hexOf(data).replace(/(.{47}) /g, "$1\n");

// The bytes of hex digits; spaces do not count.
export function fromHex(text) {
  const digits = text.replace(/\s/g, "");
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) throw new Error("Write bytes as pairs of hex digits: 00 ff");
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

const DEEPEST = 100; // levels; the indentation of more would be larger than any value

// JSON with line breaks, null if it is none or too deep. Its numbers and texts stay as they were written: JavaScript's numbers
// have fewer digits.
export function pretty(text) {
  try {
    if (typeof JSON.parse(text) !== "object") return null;
  } catch {
    return null;
  }
  const parts = [];
  let depth = 0;
  const newline = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (depth > DEEPEST) return null;
    if (token === "{" || token === "[") parts.push(token, (depth++, newline()));
    else if (token === "}" || token === "]") parts.push((depth--, newline()), token);
    else if (token === ",") parts.push(",", newline());
    else if (token === ":") parts.push(": ");
    else parts.push(/^[{[]/.test(token) ? token.replace(/\s/g, "") : token);
  }
  return parts.join("");
}

export function size(count) {
  if (count < 1024) return `${count} ${count === 1 ? "byte" : "bytes"}`;
  const unit = count < 1024 * 1024 ? ["KiB", 1024] : ["MiB", 1024 * 1024];
  return `${(count / unit[1]).toFixed(1)} ${unit[0]}`;
}

export const number = (count) => count.toLocaleString("en");

export const clock = () => new Date().toLocaleTimeString("en", { hour12: false });
