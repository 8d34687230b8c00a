// The frame with what lies over it, and drawing on it.
import { S, by, change, colour, draft, drawn, isEmpty, on, say, tell } from "./state.js";
import { layer } from "./layers.js";

const canvas = by("canvas"), paper = canvas.getContext("2d");
export const shown = { picture: null, mask: null, before: null };  // of the frame on the canvas
const view = { scale: 1, x: 0, y: 0, fitted: true };
let live = null, pointer = null, panning = null, spaceDown = false, panned = false, polygon = [];

export const HINTS = {
  box: "Drag a box closely around the object.",
  inside: "Click what belongs to the object; right-click or Shift: what does not.",
  outside: "Click what does not belong to the object.",
  polygon: "Click the corners; Enter or a double click closes it, with Shift it is cut out.",
  brush: "Paint what belongs to the object.",
  erase: "Rub out what does not belong to it.",
  hand: "Drag to move the picture; the wheel zooms.",
};
const ratio = () => devicePixelRatio || 1;

// ---- the view
export function fit() {
  canvas.width = canvas.clientWidth * ratio();
  canvas.height = canvas.clientHeight * ratio();
  if (!S.info?.width) return;
  const { width, height } = S.info;
  view.scale = 0.96 * Math.min(canvas.width / width, canvas.height / height);
  view.x = (canvas.width - width * view.scale) / 2;
  view.y = (canvas.height - height * view.scale) / 2;
  view.fitted = true;
  paint();
}
function resize() {
  if (view.fitted) return fit();
  canvas.width = canvas.clientWidth * ratio();
  canvas.height = canvas.clientHeight * ratio();
  paint();
}
export function zoom(factor, at = [canvas.width / 2, canvas.height / 2]) {
  const scale = Math.max(0.02, Math.min(64, view.scale * factor));
  const [x, y] = [(at[0] - view.x) / view.scale, (at[1] - view.y) / view.scale];
  view.x = at[0] - x * scale;
  view.y = at[1] - y * scale;
  view.scale = scale;
  view.fitted = false;
  paint();
}
export const actualSize = () => zoom(ratio() / view.scale);
export const pixelsWide = () => Math.ceil(Math.max(S.info.width, S.info.height) * view.scale);

// ---- painting
export function paint() {
  paper.setTransform(1, 0, 0, 1, 0, 0);
  paper.clearRect(0, 0, canvas.width, canvas.height);
  if (!shown.picture) return;
  const { width, height } = S.info;
  by("zoom").textContent = `${Math.round((100 * view.scale) / ratio())} %`;
  canvas.dataset.view = [view.scale, view.x, view.y, canvas.width].join(" ");
  paper.setTransform(view.scale, 0, 0, view.scale, view.x, view.y);
  paper.imageSmoothingEnabled = view.scale < 2;
  paper.drawImage(shown.picture, 0, 0, width, height);
  if (shown.mask) {
    const kind = S.view === "onion" ? "tint" : S.view;
    const isClear = kind !== "tint";
    paper.globalAlpha = isClear ? 1 : by("opacity").value / 100;
    paper.drawImage(layer(shown.mask, kind), 0, 0, width, height);
    paper.globalAlpha = 1;
  }
  if (S.view === "onion" && shown.before)
    paper.drawImage(layer(shown.before, "ghost"), 0, 0, width, height);
  if (S.view !== "matte") paintHints();
}
function paintHints() {
  const thin = (1.5 * ratio()) / view.scale;
  for (const id of S.ids) {
    const object = drawn(id);
    if (!object || S.hidden.has(id)) continue;
    if (object.box) frameBox(object.box, colour(id, id === S.current ? 1 : 0.5), thin);
    for (const p of object.inside) dot(p, colour(id), "+", thin);
    for (const p of object.outside) dot(p, colour(id), "−", thin);
  }
  if (live?.tool === "box") frameBox(boxOf(live.points), "#fff", thin);
  else if (live) line(live.points, 2 * live.radius, live.tool === "erase" ? "#fff6" : colour(S.current, 0.6));
  if (polygon.length) line([...polygon, pointer ?? polygon[0]], thin * 1.4, "#fff");
  if (pointer && (S.tool === "brush" || S.tool === "erase")) {
    for (const [style, width] of [["#000a", 2.4 * thin], [S.tool === "erase" ? "#fff" : colour(S.current), thin]]) {
      paper.beginPath();
      paper.arc(...pointer, radius(), 0, 7);
      paper.lineWidth = width;
      paper.strokeStyle = style;
      paper.stroke();
    }
  }
}
function frameBox([x, y, w, h], style, thin) {
  paper.lineWidth = 2.4 * thin; paper.strokeStyle = "#000a"; paper.strokeRect(x, y, w, h);
  paper.lineWidth = thin; paper.strokeStyle = style; paper.strokeRect(x, y, w, h);
}
function dot([x, y], style, sign, thin) {
  const size = 6 * thin, half = size / 2, [cx, cy] = [x + 0.5, y + 0.5];
  paper.beginPath(); paper.arc(cx, cy, size, 0, 7);
  paper.fillStyle = sign === "+" ? style : "#222"; paper.fill();
  paper.lineWidth = thin; paper.strokeStyle = sign === "+" ? "#000" : style; paper.stroke();
  paper.beginPath(); paper.moveTo(cx - half, cy); paper.lineTo(cx + half, cy);
  if (sign === "+") { paper.moveTo(cx, cy - half); paper.lineTo(cx, cy + half); }
  paper.stroke();
}
function line(points, width, style) {
  paper.lineWidth = width; paper.lineCap = paper.lineJoin = "round"; paper.strokeStyle = style;
  paper.beginPath(); paper.moveTo(...points[0]);
  for (const p of points) paper.lineTo(...p);
  paper.stroke();
}

// ---- drawing
// The brush keeps its size on the screen whatever the size of the video.
const radius = () => Math.max(0.5, (by("radius").value * ratio()) / view.scale);
const rounded = ([x, y]) => [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
const within = ([x, y]) => x >= 0 && y >= 0 && x < S.info.width && y < S.info.height;
const onScreen = (event) => {
  const area = canvas.getBoundingClientRect(), k = canvas.width / area.width;
  return [(event.clientX - area.left) * k, (event.clientY - area.top) * k];
};
const place = (event) => {
  const [x, y] = onScreen(event);
  return [(x - view.x) / view.scale, (y - view.y) / view.scale];
};
function boxOf([[x0, y0], [x1, y1]]) {
  const left = Math.max(0, Math.floor(Math.min(x0, x1)));
  const top = Math.max(0, Math.floor(Math.min(y0, y1)));
  const right = Math.min(S.info.width, Math.ceil(Math.max(x0, x1)));
  const bottom = Math.min(S.info.height, Math.ceil(Math.max(y0, y1)));
  return [left, top, right - left, bottom - top];
}
function click(at, isOut) {
  if (!within(at)) return;
  const object = drawn(S.current), isThere = !isEmpty(object) || S.shown?.has(S.current);
  if (isOut && !isThere) return say("First a box, or a click on the object itself.", true);
  change(() => { draft()[isOut ? "outside" : "inside"].push(at.map(Math.floor)); });
}
export function closePolygon(isCut = false) {
  const points = polygon;
  polygon = [];
  if (points.length < 3) { if (points.length) say("An outline has three corners at least.", true); }
  else change(() => { draft().strokes.push({ area: true, erase: isCut, points }); });
  paint();
}
export function dropPolygon() { const was = polygon.length; polygon = []; paint(); return was > 0; }
export function fillHoles() { change(() => { draft().strokes.push({ fill: true }); }); }

canvas.onpointerdown = (event) => {
  canvas.focus();
  if (!shown.picture) return;
  tell("touched");
  canvas.setPointerCapture(event.pointerId);
  if (event.button === 1 || spaceDown || S.tool === "hand") {
    panning = [event.clientX, event.clientY];
    panned = true;
    return;
  }
  const at = place(event), isOther = event.shiftKey || event.button === 2;
  if (S.tool === "inside") click(at, isOther);
  else if (S.tool === "outside") click(at, true);
  else if (S.tool === "polygon") {
    const isCorner = (p) => p && Math.hypot(p[0] - at[0], p[1] - at[1]) * view.scale < 7 * ratio();
    if (event.button === 2 || isCorner(polygon[0]) || isCorner(polygon.at(-1)))
      closePolygon(event.shiftKey);
    else { polygon.push(rounded(at)); paint(); }
  } else if (event.button === 0) {
    live = { tool: S.tool, points: [rounded(at), rounded(at)], radius: Math.round(radius() * 10) / 10 };
    paint();
  }
};
canvas.onpointermove = (event) => {
  if (panning) {
    view.x += (event.clientX - panning[0]) * ratio();
    view.y += (event.clientY - panning[1]) * ratio();
    view.fitted = false;
    panning = [event.clientX, event.clientY];
    return paint();
  }
  if (!S.info?.width) return;
  pointer = place(event);
  if (live?.tool === "box") live.points[1] = pointer;
  else if (live) live.points.push(rounded(pointer));
  paint();
};
canvas.onpointerup = () => {
  panning = null;
  const done = live;
  live = null;
  if (!done) return;
  if (done.tool === "box") {
    const box = boxOf(done.points);
    if (box[2] < 3 || box[3] < 3) { paint(); return say("Drag from corner to corner.", true); }
    change(() => { draft().box = box; });
  } else {
    const { points, radius, tool } = done;
    change(() => { draft().strokes.push({ points, radius, erase: tool === "erase" }); });
  }
};
canvas.onpointercancel = () => { live = panning = null; paint(); };
canvas.onpointerleave = () => { pointer = null; paint(); };
canvas.oncontextmenu = (event) => event.preventDefault();
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (S.info?.width) zoom(Math.exp(-event.deltaY / 400), onScreen(event));
}, { passive: false });

// The space bar held moves the picture; `spaceUp` says whether it was only tapped.
export const spaceHeld = () => { if (!spaceDown) panned = false; spaceDown = true; };
export const spaceUp = () => { spaceDown = false; return !panned; };
on("framed", () => { polygon = []; live = null; });
on("listed", paint);
by("opacity").oninput = by("radius").oninput = paint;
addEventListener("resize", resize);
