// Going to a frame, playing, and the mask of what is drawn.
import { S, by, drawing, on, say, tell } from "./state.js";
import { ask, askImage } from "./net.js";
import { HINTS, paint, pixelsWide, shown } from "./canvas.js";
import { readMask } from "./layers.js";

const PLAY_SIDE = 960;
let asked = null, maskNumber = 0, playing = false;
const busy = (is) => { if (is) document.body.dataset.busy = "yes"; else delete document.body.dataset.busy; };
export const last = () => Math.max(0, (S.info.frames ?? 1) - 1);

export async function show(wanted, { playing: isPlaying = false } = {}) {
  if (!isPlaying) stop();
  const frame = Math.max(0, Math.min(last(), Math.round(wanted) || 0));
  S.frame = frame;
  busy(true);
  by("slider").value = by("frame").value = frame;
  tell("framed");
  tell("listed");
  asked?.abort();
  const mine = (asked = new AbortController());
  if (shown.picture && !isPlaying) await new Promise((go) => setTimeout(go, 60));  // the slider may move on
  if (mine.signal.aborted) return;
  try {
    const side = isPlaying ? PLAY_SIDE : pixelsWide() > 1600 ? "" : 1600;
    const [picture, mask, before] = await Promise.all([
      askImage(`frame/${frame}${side ? `/${side}` : ""}`, undefined, mine.signal),
      S.mode === "edit" ? askImage(`labels/${frame}`, undefined, mine.signal) : null,
      S.view === "onion" && frame ? askImage(`labels/${frame - 1}`, undefined, mine.signal) : null,
    ]);
    shown.picture = picture;
    shown.before = before && readMask(before);
    put(mask);
    by("canvas").dataset.frame = frame;
    if (S.mode === "mask") await refresh();
    else busy(false);
  } catch (error) {
    if (error.name !== "AbortError") { say(error.message, true); stop(); }
  }
}
function put(bitmap) {
  shown.mask = bitmap && readMask(bitmap);
  S.shown = shown.mask?.shown ?? new Set();
  paint();
}
// The tracked mask of this frame may have come since.
export async function renew() {
  const frame = S.frame;
  const bitmap = await askImage(`labels/${frame}`);
  if (frame === S.frame && !document.body.dataset.busy) put(bitmap);
}

// The mask of the drawing, which in `kmn edit` becomes the given one.
export async function refresh() {
  const number = ++maskNumber, said = drawing(), frame = S.frame;
  const isDrawn = Boolean(S.drawings[frame]);
  busy(true);
  try {
    let bitmap = null;
    if (S.mode === "edit" && !isDrawn) {
      if (S.adopted.has(frame)) await ask("mask", { ...said, base: frame });
      else await ask("forget", { frame });
      bitmap = await askImage(`labels/${frame}`);
    } else if (S.mode === "edit" || said.objects.length) {
      if (said.objects.length) say("Looking for the edges …");
      bitmap = await askImage("mask", said);
    }
    if (number !== maskNumber || frame !== S.frame) return;  // a newer drawing is on its way
    put(bitmap);
    say(HINTS[S.tool]);
  } catch (error) {
    if (number === maskNumber) say(error.message, true);
  }
  if (number !== maskNumber) return;
  paint();
  busy(false);
  tell("drawn");
}
on("changed", () => { tell("listed"); refresh(); });
on("goto", (frame) => show(frame));
on("touched", stop);

// Give this frame the mask that a frame shows.
export async function give(base) {
  S.drawings[S.frame] = { base, objects: {}, order: [] };
}

// ---- playing: as fast as frames come, at most in time
export function play() {
  if (playing) return stop();
  playing = true;
  tell("playing", true);
  run(performance.now(), S.frame >= last() ? 0 : S.frame);
}
export function stop() {
  if (playing) tell("playing", false);
  playing = false;
}
async function run(start, from) {
  while (playing && S.frame < last()) {
    const due = from + Math.round(((performance.now() - start) / 1000) * (S.info.fps || 25));
    const next = Math.min(last(), Math.max(S.frame + 1, Math.min(due, S.frame + 8)));
    await show(next, { playing: true });
    const early = start + ((next - from) / (S.info.fps || 25)) * 1000 - performance.now();
    if (early > 0) await new Promise((go) => setTimeout(go, early));
  }
  const ended = playing;
  stop();
  if (ended) show(S.frame);
}
