// A mask as it is shown: tinted, outlined, as a matte.
import { S } from "./state.js";

export const VIEWS = { tint: "Tint", outline: "Outline", onion: "Onion skin", matte: "Matte" };

// The mask's pixels, and which objects are in it.
export function readMask(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const paper = canvas.getContext("2d", { willReadFrequently: true });
  paper.drawImage(bitmap, 0, 0);
  const pixels = paper.getImageData(0, 0, bitmap.width, bitmap.height);
  const words = new Uint32Array(pixels.data.buffer);
  const ids = new Map(S.info.colours.map(([r, g, b], id) =>
    [((255 << 24) | (b << 16) | (g << 8) | r) >>> 0, id]));
  const shown = new Set();
  let last = 0;
  for (const word of words) {
    if (word !== last && word) shown.add(ids.get(word));
    last = word;
  }
  return { width: bitmap.width, height: bitmap.height, words, shown, ids };
}

const made = new WeakMap();

// A canvas of the mask in a view; `kind` is tint, outline, ghost or matte.
export function layer(mask, kind) {
  const key = `${kind} ${[...S.hidden]}`, known = made.get(mask);
  if (known?.key === key) return known.canvas;
  const { width, height, words } = mask;
  const canvas = new OffscreenCanvas(width, height), paper = canvas.getContext("2d");
  const image = paper.createImageData(width, height);
  const out = new Uint32Array(image.data.buffer);
  const hide = new Set([...mask.ids].filter(([, id]) => S.hidden.has(id)).map(([word]) => word));
  const seen = hide.size ? words.map((word) => (hide.has(word) ? 0 : word)) : words;
  if (kind === "tint") out.set(seen);
  else if (kind === "matte") out.set(seen.map((word) => (word ? 0xffffffff : 0xff000000)));
  else outline(seen, out, width, height, kind === "ghost");
  paper.putImageData(image, 0, 0);
  if (kind !== "ghost") made.set(mask, { key, canvas });
  return canvas;
}

function outline(words, out, width, height, isGhost) {
  const thick = Math.max(1, Math.round(Math.min(width, height) / 360));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * width + x, word = words[at];
      if (!word) continue;
      const isEdge = x < thick || y < thick || x >= width - thick || y >= height - thick ||
        words[at - thick] !== word || words[at + thick] !== word ||
        words[at - thick * width] !== word || words[at + thick * width] !== word;
      if (isEdge) out[at] = isGhost ? 0xffffffff : word;
    }
  }
}
