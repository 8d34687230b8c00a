// Help, exporting, choosing a video.
import { S, by, called, say } from "./state.js";
import { ask, askJson } from "./net.js";

const KEYS = [
  ["Box", "B"], ["Click in", "I"], ["Click out", "O / right click"], ["Polygon", "L, Enter closes"],
  ["Brush", "P"], ["Eraser", "E"], ["Smaller, larger", "[ ]"], ["Fill holes", "G"],
  ["Move the picture", "H / hold Space"], ["Fit, actual size", "F, Z"], ["View", "V"],
  ["Object 1 – 9", "1 – 9"], ["New object", "N"], ["Rename", "R"], ["Clear the object", "Del"],
  ["Copy the mask before", "C"], ["Keep the mask", "K"], ["Forget the mask", "X"],
  ["Undo, redo", "Ctrl Z, Ctrl Y"], ["Frame back, on", "← →"], ["Ten frames", "Shift ← →"],
  ["First, last frame", "Home, End"], ["To look at: back, on", ", ."], ["Play", "Space"],
  ["Track both ways", "T"], ["Save (init-mask)", "Ctrl S"], ["This help", "?"],
];
const FORMATS = {
  binary: "Black and white pictures, a folder an object", rgba: "Cut-outs: PNG with transparency",
  overlay: "Video with coloured objects", alpha: "ProRes 4444 with transparency (.mov)",
  "alpha-webm": "WebM with transparency", "green-screen": "Video before green",
  coco: "COCO (RLE)", yolo: "YOLO polygons", cvat: "CVAT: Segmentation mask 1.1",
  npz: "NumPy (.npz)", "contact-sheet": "Contact sheet (.jpg)", "davis-zip": "DAVIS submission",
  "youtube-vos-zip": "YouTube-VOS submission",
};
const make = (tag, facts = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), facts);
  made.append(...children);
  return made;
};

function open(title, ...content) {
  by("dialog-title").textContent = title;
  by("dialog-body").replaceChildren(...content);
  by("dialog").showModal();
}
export function help() {
  const rows = KEYS.map(([text, key]) => make("div", {}, make("span", {}, text), make("kbd", {}, key)));
  open("Keys", make("div", { className: "keys" }, ...rows));
}

export function exporting() {
  const format = make("select", { id: "format" }, ...S.info.formats.map((name) =>
    make("option", { value: name }, FORMATS[name] ?? name)));
  format.value = "overlay";
  const checks = S.ids.map((id) => make("label", {},
    make("input", { type: "checkbox", checked: true, value: id }), called(id)));
  const every = make("input", { type: "number", min: 1, value: 1 });
  const said = make("p", { className: "quiet", role: "status" });
  const go = make("button", { type: "button", className: "go", id: "export-go" }, "Write it");
  go.onclick = async () => {
    const objects = checks.map((each) => each.firstChild).filter((box) => box.checked).map((box) => Number(box.value));
    go.disabled = true;
    said.classList.remove("error");
    try {
      await ask("export", { format: format.value, objects, every: Math.max(1, Number(every.value) || 1) });
      await follow(said);
    } catch (error) { said.textContent = error.message; said.classList.add("error"); }
    go.disabled = false;
  };
  open("Export", make("div", { className: "fields" },
    make("label", {}, "Format", format),
    make("fieldset", { className: "checks" }, ...checks),
    make("label", {}, "Every n-th frame", every), go, said));
}
async function follow(said) {
  for (;;) {
    const { export: status } = await askJson("status");
    if (status.state === "failed") throw new Error([status.error, status.hint].filter(Boolean).join(" "));
    if (status.state === "done") { said.textContent = [`Written: ${status.output}`, ...status.warnings].join(" "); return; }
    said.textContent = `${status.done} of ${status.total ?? "?"} frames`;
    await new Promise((done) => setTimeout(done, 200));
  }
}

export function chooser({ folder, choices }) {
  const buttons = choices.map((name) => {
    const made = make("button", { type: "button" }, name);
    made.onclick = async () => {
      try { await ask("open", { name }); location.reload(); } catch (error) { say(error.message, true); }
    };
    return made;
  });
  const nothing = make("p", {}, `There is no video in ${folder}. Start kmn edit VIDEO, or in another folder.`);
  by("dialog").querySelector("header button").hidden = true;
  by("dialog").oncancel = (event) => event.preventDefault();
  open(`Which video of ${folder}?`, choices.length ? make("div", { className: "choices" }, ...buttons) : nothing);
}
export const isOpen = () => by("dialog").open;
