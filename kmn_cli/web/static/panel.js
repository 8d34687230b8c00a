// Tools, objects, views: the buttons around the frame.
import {
  S, by, called, canRedo, canUndo, change, colour, drawing, drawn, on, redo, say, select, tell, undo,
} from "./state.js";
import { ask } from "./net.js";
import { HINTS, paint } from "./canvas.js";
import { VIEWS } from "./layers.js";
import { last, show } from "./frames.js";

const TOOLS = [
  ["box", "Box", "B"], ["inside", "Click in", "I"], ["outside", "Click out", "O"],
  ["polygon", "Polygon", "L"], ["brush", "Brush", "P"], ["erase", "Eraser", "E"], ["hand", "Move", "H"],
];
const icon = (name) => `<svg aria-hidden="true"><use href="#i-${name}"/></svg>`;

function button(name, text, key) {
  const made = document.createElement("button");
  made.innerHTML = icon(name);
  made.title = `${text} (${key})`;
  made.setAttribute("aria-label", text);
  return made;
}
export function buildTools() {
  for (const [name, text, key] of TOOLS) {
    const made = button(name, text, key);
    made.dataset.tool = name;
    made.onclick = () => choose(name);
    by("tools").append(made);
  }
  by("tools").append(document.createElement("hr"));
  for (const [name, text, key, act] of [["undo", "Undo", "Ctrl Z", undo], ["redo", "Redo", "Ctrl Y", redo]]) {
    const made = button(name, text, key);
    made.id = name;
    made.onclick = act;
    by("tools").append(made);
  }
  for (const [name, text] of Object.entries(VIEWS)) {
    const made = document.createElement("button");
    made.textContent = text;
    made.dataset.view = name;
    made.onclick = () => look(name);
    if (name === "onion") made.className = "edit";
    by("views").append(made);
  }
}
export function choose(name) {
  S.tool = name;
  by("canvas").style.cursor = name === "hand" ? "grab" : "crosshair";
  say(HINTS[name]);
  list();
  paint();
}
export function look(name) {
  S.view = name;
  list();
  if (name === "onion") show(S.frame);  // the mask of the frame before is needed, too
  else paint();
}
export function nextView() {
  const names = Object.keys(VIEWS).filter((name) => S.mode === "edit" || name !== "onion");
  look(names[(names.indexOf(S.view) + 1) % names.length]);
}

// ---- the list of objects
let renaming = null; // the object whose name is being typed
function row(id) {
  const line = document.createElement("div");
  line.className = "object";
  if (id === S.current) line.dataset.current = "";
  if (renaming === id) return renameRow(line, id);
  const pick = document.createElement("button");
  pick.dataset.object = id;
  pick.setAttribute("aria-pressed", String(id === S.current));
  const swatch = document.createElement("i"), text = document.createElement("span");
  swatch.style.background = colour(id);
  text.textContent = called(id);
  const key = document.createElement("kbd"), box = drawn(id)?.box;
  key.textContent = box && S.mode === "mask" ? box.join(",") : id < 10 ? id : "";
  pick.append(swatch, text, key);
  pick.title = S.mode === "edit" ? "Choose; double click renames" : "Choose";
  pick.onclick = () => select(id);
  pick.ondblclick = () => rename(id);
  const eye = document.createElement("button"), isHidden = S.hidden.has(id);
  eye.className = "eye plain";
  eye.textContent = isHidden ? "○" : "●";
  eye.setAttribute("aria-label", `${isHidden ? "Show" : "Hide"} ${called(id)}`);
  eye.title = isHidden ? "Show" : "Hide";
  eye.onclick = () => { if (!S.hidden.delete(id)) S.hidden.add(id); list(); paint(); };
  line.append(pick, eye);
  return line;
}
function renameRow(line, id) {
  const input = document.createElement("input");
  input.type = "text";
  input.maxLength = 60;
  input.value = S.names[id] ?? "";
  input.placeholder = `Object ${id}`;
  input.setAttribute("aria-label", `Name of object ${id}`);
  const finish = async (isKept) => {
    if (renaming !== id) return;
    renaming = null;
    input.blur(); // the next key is no part of the name, however long the answer takes
    if (isKept) {
      S.names = { ...S.names, [id]: input.value.trim() };
      await ask("names", S.names).catch((error) => say(error.message, true));
    }
    tell("listed");
  };
  input.onkeydown = (event) => {
    event.stopPropagation();
    if (event.key === "Enter" || event.key === "Escape") finish(event.key === "Enter");
  };
  input.onblur = () => finish(true);
  line.append(input);
  return line;
}
export function rename(id) {
  if (S.mode !== "edit" || !S.ids.includes(id)) return;
  renaming = id;
  listObjects();
  by("objects").querySelector("input").focus(); // at once: the next key is part of the name
}

function listObjects() {
  const focused = document.activeElement?.dataset?.object;
  by("objects").replaceChildren(...S.ids.map(row));
  if (focused) by("objects").querySelector(`[data-object="${focused}"]`)?.focus();
}
function list() {
  if (!S.info?.width) return;
  if (renaming === null) listObjects(); // what is being typed stays
  for (const each of by("tools").querySelectorAll("[data-tool]"))
    each.setAttribute("aria-pressed", String(each.dataset.tool === S.tool));
  for (const each of by("views").children)
    each.setAttribute("aria-pressed", String(each.dataset.view === S.view));
  by("undo").disabled = !canUndo();
  by("redo").disabled = !canRedo();
  by("save").disabled = !drawing().objects.length;
  const isGiven = S.given.includes(S.frame);
  by("forget").disabled = !isGiven;
  by("keep").disabled = isGiven || !S.shown?.size;
  by("copy-before").disabled = S.frame === 0;
  by("last").textContent = `· ${S.frame + 1} of ${last() + 1}`;
}
on("listed", list);
on("surveyed", list);
on("drawn", () => {
  list();
  if (S.mode === "edit") by("saved").textContent = "✓ all is on disk";
});
on("playing", (is) => {
  by("play").innerHTML = icon(is ? "pause" : "play");
  by("play").setAttribute("aria-label", is ? "Pause" : "Play");
});

// ---- masks of whole frames
const setBase = (base) => change(() => { S.drawings[S.frame] = { base, objects: {}, order: [] }; });
export const copyBefore = () => { if (S.mode === "edit" && S.frame) setBase(S.frame - 1); };
export const keepMask = () => { if (!by("keep").disabled) setBase(S.frame); };
export function forget() {
  if (by("forget").disabled) return;
  change(() => { delete S.drawings[S.frame]; S.adopted.delete(S.frame); });
}
by("copy-before").onclick = copyBefore;
by("keep").onclick = keepMask;
by("forget").onclick = forget;
