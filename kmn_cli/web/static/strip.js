// The strip under the timeline: what became of each object, and what should be looked at.
import { S, by, called, colour, on, tell } from "./state.js";
import { askJson } from "./net.js";
import { last, show } from "./frames.js";

const strip = by("strip"), paper = strip.getContext("2d");
const LANE = 15, TOP = 12, LANES = 5;
const JUMP = 2, JUMP_SHARE = 0.001, UNSTEADY = 0.5;  // as in the report of a run
let revision = 0, frames = {}, stale = [], flags = [], timer = null;

// ---- keeping up with the program
export async function poll() {
  clearTimeout(timer);
  const found = await askJson(`survey/${revision}`);
  revision = found.revision;
  Object.assign(frames, found.frames);
  S.given = found.given;
  stale = found.stale;
  S.seen = new Set(Object.values(frames).flatMap((f) => Object.keys(f.area ?? {}).map(Number)));
  const known = [...new Set([...S.ids, ...S.seen])].sort((a, b) => a - b);
  if (known.length !== S.ids.length) { S.ids = known; tell("listed"); }
  flags = [...findFlags(), ...(found.signs ?? [])];
  tell("surveyed", Object.keys(found.frames).map(Number));
  draw();
  if (found.more) timer = setTimeout(poll, 100);
}
export const isStale = () => stale.length > 0;
export const tracked = () => Object.values(frames).filter((f) => f.area).length;

function findFlags() {
  const found = [], given = new Set(S.given);
  for (let i = 1; i <= last(); i++) {
    const now = frames[i], before = frames[i - 1];
    if (!now?.area || !before?.area || given.has(i)) continue;
    for (const id of S.ids) {
      const [a, b] = [before.area[id] ?? 0, now.area[id] ?? 0];
      const [small, large] = a < b ? [a, b] : [b, a];
      if (a && !b) found.push({ frame: i, id, text: "lost" });
      else if (small && large > Math.max(JUMP * small, JUMP_SHARE)) found.push({ frame: i, id, text: "jumped in size" });
      else if (a && b && large > JUMP_SHARE && now.steady[id] < UNSTEADY) found.push({ frame: i, id, text: "changed its shape" });
    }
  }
  return found;
}
export function goToFlag(step) {
  const places = [...new Set([...flags.map((f) => f.frame), ...S.given])].sort((a, b) => a - b);
  const next = step > 0 ? places.find((i) => i > S.frame) : places.findLast((i) => i < S.frame);
  if (next !== undefined) show(next);
}
export function aboutFrame() {
  const here = flags.filter((f) => f.frame === S.frame).map((f) => `${called(f.id)} ${f.text}`);
  if (S.given.includes(S.frame)) here.unshift("given mask");
  return here.join(", ");
}

// ---- drawing
const probe = document.createElement("span");  // says what a colour of the style sheet is now
probe.id = "token";
document.body.append(probe);
function token(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}
// A frame stands under the knob of the slider, whose middle stays KNOB from the ends.
const KNOB = 8;
const step = () => (strip.width - 2 * KNOB * (devicePixelRatio || 1)) / Math.max(1, last());
const x = (frame) => KNOB * (devicePixelRatio || 1) + frame * step();

export function draw() {
  if (S.mode !== "edit" || !S.info?.width) return;
  const k = devicePixelRatio || 1, lanes = Math.min(LANES, S.ids.length);
  const height = TOP + LANE * lanes + 4;
  strip.style.height = `${height}px`;
  strip.width = strip.clientWidth * k;
  strip.height = height * k;
  const one = Math.max(1, step());
  S.ids.slice(0, lanes).forEach((id, lane) => drawLane(id, (TOP + LANE * (lane + 1)) * k, k, one));
  drawStale(k);
  for (const frame of S.given) diamond(x(frame), (TOP / 2) * k, 4.5 * k);
  for (const { frame, id, text } of flags) {
    const lane = S.ids.indexOf(id);
    if (lane < lanes) mark(x(frame), (TOP + LANE * (lane + 1)) * k, k, token(text === "lost" ? "--bad" : "--warn"));
  }
  paper.fillStyle = token("--ink");
  paper.fillRect(x(S.frame) - k, 0, 2 * k, strip.height);
  const count = new Set(flags.map((f) => f.frame)).size;
  by("flags").textContent = aboutFrame() || (count ? `${count} to look at` : tracked() ? "nothing to look at" : "");
}
function drawLane(id, bottom, k, one) {
  let most = 0;
  for (const f of Object.values(frames)) most = Math.max(most, f.area?.[id] ?? 0);
  paper.fillStyle = colour(id, 0.14);
  paper.fillRect(0, bottom - (LANE - 3) * k, strip.width, (LANE - 3) * k);
  const perPixel = Math.max(1, Math.floor((last() + 1) / strip.width));
  for (let i = 0; i <= last(); i += perPixel) {
    const f = frames[i];
    if (!f?.area?.[id]) continue;
    paper.fillStyle = colour(id, 0.35 + 0.65 * (f.steady[id] ?? 1));
    const high = Math.max(2, (f.area[id] / most) * (LANE - 3)) * k;
    paper.fillRect(x(i) - one / 2, bottom - high, one + 0.5, high);
  }
}
function drawStale(k) {
  if (!stale.length) return;
  const [from, to] = [x(stale[0] - 0.5), x(stale[1] + 0.5)];
  paper.save();
  paper.beginPath(); paper.rect(from, TOP * k, to - from, strip.height); paper.clip();
  paper.strokeStyle = token("--panel"); paper.lineWidth = 2 * k;
  paper.beginPath();
  for (let at = from - strip.height; at < to; at += 7 * k) { paper.moveTo(at, strip.height); paper.lineTo(at + strip.height, 0); }
  paper.stroke();
  paper.restore();
}
function diamond(cx, cy, size) {
  paper.fillStyle = token("--go");
  paper.beginPath(); paper.moveTo(cx, cy - size); paper.lineTo(cx + size, cy);
  paper.lineTo(cx, cy + size); paper.lineTo(cx - size, cy); paper.fill();
}
function mark(cx, bottom, k, style) {
  paper.fillStyle = style;
  paper.beginPath(); paper.moveTo(cx, bottom - 7 * k); paper.lineTo(cx + 5 * k, bottom + 2 * k);
  paper.lineTo(cx - 5 * k, bottom + 2 * k); paper.fill();
}

const frameAt = (event) => Math.max(0, Math.min(last(), Math.round(
  (event.offsetX - KNOB) / ((strip.clientWidth - 2 * KNOB) / Math.max(1, last())))));
let dragging = false;
strip.onpointerdown = (event) => { dragging = true; strip.setPointerCapture(event.pointerId); show(frameAt(event)); };
strip.onpointermove = (event) => {
  if (dragging) show(frameAt(event));
  const frame = frameAt(event), here = flags.filter((f) => f.frame === frame);
  strip.title = [`Frame ${frame + 1}`, ...here.map((f) => `${called(f.id)} ${f.text}`)].join(" · ");
};
strip.onpointerup = strip.onpointercancel = () => { dragging = false; };
by("flag-back").onclick = () => goToFlag(-1);
by("flag-on").onclick = () => goToFlag(1);
on("framed", draw);
on("listed", draw);
on("drawn", () => { if (S.mode === "edit") poll(); });
addEventListener("resize", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
