// What the page knows, what was drawn, and taking it back.
export const by = (id) => document.getElementById(id);

export const S = {
  info: null,
  mode: "mask",          // or "edit"
  frame: 0,
  tool: "box",
  current: 1,            // the object that is drawn
  ids: [1],              // objects of the video
  names: {},
  hidden: new Set(),     // objects that are not shown
  drawings: {},          // by frame: { base, objects: { id: … } }, in the order of drawing
  adopted: new Set(),    // frames whose mask was given without a drawing
  given: [],             // frames with a given mask
  view: "tint",
};

const listeners = {};
export const on = (name, call) => (listeners[name] ??= []).push(call);
export const tell = (name, fact) => Promise.all((listeners[name] ?? []).map((call) => call(fact)));

export function say(text, isError = false) {
  by("status").textContent = text;
  by("status").classList.toggle("error", isError);
}

export const colour = (id, alpha = 1) => {
  const [r, g, b] = S.info.colours[id];
  return `rgba(${r},${g},${b},${alpha})`;
};
export const called = (id) => S.names[id] || `Object ${id}`;

// ---- drawings
const blank = () => ({ box: null, inside: [], outside: [], strokes: [] });
export const isEmpty = (o) =>
  !o || (!o.box && !o.inside.length && !o.outside.length && !o.strokes.length);
export const drawn = (id) => S.drawings[S.frame]?.objects[id];

export function draft(id = S.current) {
  const fresh = { base: S.mode === "edit" ? S.frame : null, objects: {}, order: [] };
  const drawing = (S.drawings[S.frame] ??= fresh);
  drawing.order = [...drawing.order.filter((each) => each !== id), id];
  return (drawing.objects[id] ??= blank());
}
export function drawing() {
  const { base, objects, order } = S.drawings[S.frame] ?? { base: null, objects: {}, order: [] };
  const ids = S.mode === "edit" ? order : Object.keys(objects).map(Number);
  return {
    frame: S.frame, base, order,
    objects: ids.filter((id) => !isEmpty(objects[id])).map((id) => ({ id, ...objects[id] })),
  };
}
export function restoreDrawing({ base, objects, order }) {
  const entries = objects.map(({ id, ...object }) => [id, { ...blank(), ...object }]);
  return { base, order: order ?? objects.map((o) => o.id), objects: Object.fromEntries(entries) };
}

// ---- undo
const past = [], future = [];
const LONGEST = 200;
const snapshot = () => JSON.stringify({
  frame: S.frame, current: S.current, ids: S.ids, drawing: S.drawings[S.frame] ?? null,
});
export function change(act) {
  const before = snapshot();
  if (act() === false) return;
  past.push(before);
  if (past.length > LONGEST) past.shift();
  future.length = 0;
  tell("changed");
}
async function travel(from, to) {
  if (!from.length) return;
  const then = JSON.parse(from.pop());
  if (then.frame !== S.frame) await tell("goto", then.frame);
  to.push(snapshot());
  if (then.drawing) S.drawings[then.frame] = then.drawing;
  else delete S.drawings[then.frame];
  Object.assign(S, { current: then.current, ids: then.ids });
  tell("changed");
}
export const undo = () => travel(past, future), redo = () => travel(future, past);
export const canUndo = () => past.length > 0, canRedo = () => future.length > 0;
export const isChanged = () => past.length > 0;

// ---- objects
export function addObject() {
  let free = 1;
  while (S.ids.includes(free)) free++;
  if (free > 255) return say("There are 255 objects: no more fit into a mask.", true);
  change(() => { S.ids = [...S.ids, free].sort((a, b) => a - b); S.current = free; });
}
export function select(id) {
  if (!S.ids.includes(id)) return;
  S.current = id;
  tell("listed");
}
export function clearObject() {
  const [id, object] = [S.current, drawn(S.current)];
  change(() => {
    if (!isEmpty(object)) S.drawings[S.frame].objects[id] = blank();
    else if (S.mode === "edit" && S.shown?.has(id)) eraseAll(id);
    else if (S.ids.length > 1 && !isUsed(id)) {
      S.ids = S.ids.filter((each) => each !== id);
      S.current = S.ids[0];
    } else return false;
  });
}
const isUsed = (id) =>
  S.seen?.has(id) || Object.values(S.drawings).some((each) => !isEmpty(each.objects[id]));
function eraseAll(id) {
  const { width: w, height: h } = S.info;
  draft(id).strokes.push({ area: true, erase: true, points: [[0, 0], [w, 0], [w, h], [0, h]] });
}
