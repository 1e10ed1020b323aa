import { readCapture } from "./read-capture.ts";

const [, , cap, re, max] = process.argv;
for (const s of readCapture(cap as string)) {
  if (re && !new RegExp(re).test(s.name)) continue;
  console.log(
    "##",
    s.spanId,
    "^",
    s.parentSpanId,
    s.name,
    "|",
    s.scope.name,
    "st",
    s.statusCode,
    s.statusMessage.slice(0, 80),
  );
  for (const [k, v] of s.attributes)
    console.log("   ", k, "=", String(typeof v === "object" ? JSON.stringify(v) : v).slice(0, Number(max ?? 200)));
  for (const e of s.events) console.log("    EV", e.name, JSON.stringify([...e.attributes]).slice(0, 160));
}
