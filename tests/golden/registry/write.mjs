// Writes the golden file of Midway's format: node write.mjs
import { writeFileSync } from "node:fs";

const instance = (meta, tags = [], status = "UP") => ({ serviceName: "user", id: "a", ttl: 30, tags, meta, status });
const at = { host: "10.0.0.1", port: "8080" };
const texts = { zone: "x<y>&z", é: "日本\u2028\u2029\u007f", b: '"quoted" \\ tab\t line\n bell\u0007', a: "" };
const numbers = {
  int: 7, half: 0.5, whole: 100000.0, large: 1e20, larger: 1.5e21, small: 0.000001, smaller: 1.25e-7,
  negative: -3.25, digits: 123456789012345.67, long: 1.2345678901234567e20, zero: 0.0,
};
const lines = {
  plain: instance(at),
  texts: instance({ ...texts, ...at }),
  ipv6: instance({ host: "::1", port: "8080" }),
  numbers: instance({ ...numbers, ...at }),
  indices: instance({ b: 1, 10: 2, 2: 3, "02": 4, ...at }),
  tags: instance(at, ["web", "blue"]),
  paused: instance(at, [], "DOWN"),
};
const rows = Object.entries(lines).map(([name, value]) => `${name}\tservices/user/a\t${JSON.stringify(value)}\n`);
writeFileSync("midway.tsv", rows.join(""));
