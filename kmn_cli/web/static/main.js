// Starts the page, and what keys do.
import {
  S, addObject, by, clearObject, drawing, isChanged, on, redo, restoreDrawing, say, select, tell, undo,
} from "./state.js";
import { ask, askJson } from "./net.js";
import {
  HINTS, actualSize, closePolygon, dropPolygon, fillHoles, fit, paint, spaceHeld, spaceUp,
} from "./canvas.js";
import { last, play, show } from "./frames.js";
import { buildTools, choose, copyBefore, forget, keepMask, nextView, rename } from "./panel.js";
import { goToFlag, poll } from "./strip.js";
import { track, watch } from "./track.js";
import { chooser, exporting, help, isOpen } from "./dialogs.js";

// ---- the mask of one frame: kmn init-mask --web
let isSaved = true;
async function save() {
  if (S.mode === "edit") return say("Everything is on disk already.");
  if (by("save").disabled) return;
  try {
    const saved = await askJson("save", drawing());
    by("command").textContent = saved.command;
    by("done").hidden = false;
    isSaved = true;
    say(`Saved ${saved.mask} and ${saved.preview}.`);
  } catch (error) { say(error.message, true); }
}
on("changed", () => { by("done").hidden = true; isSaved = false; });
async function end() {
  await ask("end", {});
  isSaved = true;
  const text = document.createElement("main");
  text.className = "farewell";
  text.textContent = "Finished. This page can be closed.";
  document.body.replaceChildren(text);
}
by("save").onclick = save;
by("end").onclick = by("finish").onclick = end;
by("copy").onclick = () => navigator.clipboard.writeText(by("command").textContent)
  .then(() => say("Copied."), () => getSelection().selectAllChildren(by("command")));

// ---- buttons
by("add").onclick = addObject;
by("clear").onclick = clearObject;
by("holes").onclick = fillHoles;
by("fit").onclick = fit;
by("help").onclick = help;
by("export").onclick = exporting;
by("play").onclick = play;
by("slider").oninput = () => show(Number(by("slider").value));
by("frame").onchange = () => show(Number(by("frame").value));
by("back").onclick = () => show(S.frame - 1);
by("forward").onclick = () => show(S.frame + 1);

// ---- keys
const grow = (step) => { by("radius").value = Number(by("radius").value) + step; paint(); };
const inEdit = (act) => () => { if (S.mode === "edit") act(); };
const KEYS = {
  b: () => choose("box"), i: () => choose("inside"), o: () => choose("outside"),
  l: () => choose("polygon"), p: () => choose("brush"), e: () => choose("erase"), h: () => choose("hand"),
  n: addObject, g: fillHoles, f: fit, z: actualSize, v: nextView, r: () => rename(S.current),
  c: inEdit(copyBefore), k: inEdit(keepMask), x: inEdit(forget), t: inEdit(() => { if (!by("track").disabled && !by("track-row").hidden) track(); }),
  delete: clearObject, backspace: clearObject, "?": help,
  arrowleft: (event) => show(S.frame - (event.shiftKey ? 10 : 1)),
  arrowright: (event) => show(S.frame + (event.shiftKey ? 10 : 1)),
  home: () => show(0), end: () => show(last()),
  ",": inEdit(() => goToFlag(-1)), ".": inEdit(() => goToFlag(1)),
  "[": () => grow(-3), "]": () => grow(3),
  enter: (event) => closePolygon(event.shiftKey), escape: () => dropPolygon(),
};
const isField = ({ tagName, type }) => tagName === "SELECT" || (tagName === "INPUT" && type !== "range");
addEventListener("keydown", (event) => {
  if (!S.info?.width || isOpen()) return;
  const key = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    const act = { z: event.shiftKey ? redo : undo, y: redo, s: save }[key];
    if (act) { event.preventDefault(); act(); }
    return;
  }
  if (isField(event.target) || event.altKey) return;
  const isButton = event.target.tagName === "BUTTON";
  if (isButton && (key === " " || key === "enter")) return;
  if (key === " ") { spaceHeld(); event.preventDefault(); return; }
  if (event.target.type === "range" && /^(arrow|home|end)/.test(key)) return;
  const act = KEYS[key] ?? (/^[1-9]$/.test(key) ? () => select(Number(key)) : null);
  if (act) { event.preventDefault(); act(event); }
});
addEventListener("keyup", (event) => {
  if (event.key === " " && event.target.tagName !== "BUTTON" && !isField(event.target) && S.info?.width && spaceUp())
    if (S.mode === "edit") play();
});
addEventListener("beforeunload", (event) => {
  if (S.mode === "mask" && isChanged() && !isSaved) event.preventDefault();
});

// ---- the start
async function start() {
  S.info = await askJson("info");
  S.mode = document.body.dataset.mode = S.info.mode === "mask" ? "mask" : "edit";
  if (S.info.mode === "choose") return chooser(S.info);
  buildTools();
  document.title = `${S.info.name} – kmn ${S.mode === "mask" ? "init-mask" : "edit"}`;
  by("name").textContent = S.info.name;
  by("slider").max = by("frame").max = last();
  if (S.mode === "edit") {
    S.names = S.info.names;
    for (const [frame, said] of Object.entries(S.info.drawings)) S.drawings[frame] = restoreDrawing(said);
    await poll();
    S.adopted = new Set(S.given.filter((frame) => !S.drawings[frame]));
  }
  fit();
  say(HINTS[S.tool]);
  tell("listed");
  await show(S.info.frame);
  if (S.mode === "edit" && (await askJson("status")).running) watch();
}
start().catch((error) => say(error.message, true));
