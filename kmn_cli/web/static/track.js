// Tracking: starting, watching, pausing.
import { S, by, on, say } from "./state.js";
import { ask, askJson } from "./net.js";
import { give, refresh, renew } from "./frames.js";
import { isStale, poll, tracked } from "./strip.js";

const PERIOD = 400;  // ms between looks at a run
let order = null, isWatching = false;

const MENU = [
  ["Both ways", "T", () => track({ direction: "both" })],
  ["Forwards only", "", () => track({ direction: S.direction === "both" && tracked() ? "auto" : "forward" })],
  ["Backwards only", "", () => track({ direction: "both", until: Math.min(...S.given) })],
  ["From here on", "", async () => {
    if (!S.given.includes(S.frame)) { await give(S.frame); await refresh(); await poll(); }
    track({ direction: "both" });
  }],
  ["Up to here", "", () => track({ direction: "both", until: S.frame })],
  ["Quick preview", "", () => track({ direction: "both", preview: true })],
];

export async function track(wanted = { direction: "both" }) {
  try {
    by("progress").dataset.state = "running";
    await ask("track", wanted);
    order = wanted;
    S.direction = wanted.direction;
    watch();
  } catch (error) { say(error.message, true); }
}
export async function watch() {
  if (isWatching) return;
  isWatching = true;
  by("progress").hidden = false;
  let status;
  do {
    try { status = await askJson("status"); await poll(); } catch (error) { say(error.message, true); break; }
    show(status);
    if (status.running) await new Promise((go) => setTimeout(go, PERIOD));
  } while (status.running);
  isWatching = false;
  await renew();
  await poll();
}
function show({ state, running, done = 0, total, left, error, hint, preview, warnings }) {
  const share = total ? done / total : 0;
  by("progress").querySelector("i").style.width = `${100 * share}%`;
  const what = preview ? "Preview" : "Tracking";
  by("progress-text").textContent = {
    loading: "Loading the network …",
    tracking: `${what} ${done} of ${total ?? "?"}${left > 1 ? ` · ${clock(left)} left` : ""}`,
    stopped: `Paused after ${done} of ${total ?? "?"}; all of it is kept.`,
    done: preview ? "The preview is there. Track in full when it is right." : "All frames are tracked.",
    failed: [error, hint].filter(Boolean).join(" "),
  }[state] ?? "";
  by("progress-text").classList.toggle("error", state === "failed");
  by("pause").textContent = running ? "Pause" : state === "stopped" || state === "failed" ? "Go on" : "Track again";
  by("cancel").textContent = running ? "Cancel" : "Close";
  by("progress").querySelector(".bar").hidden = !running;
  by("progress").querySelector(".pair").hidden = state === "done";
  by("progress").dataset.state = running ? "running" : state;
  by("track-row").hidden = running;
  if (state === "done") say(warnings?.length ? warnings.join(" ") : "");
}
const clock = (seconds) =>
  seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

function label() {
  const again = isStale() && tracked();
  by("track").firstChild.textContent = again ? "Track again" : "Track both ways";
  by("track").disabled = by("track-more").disabled = !S.given.length;
  by("track").title = S.given.length ? "" : "Mark an object first";
}
on("surveyed", (changed) => {
  label();
  if (changed.includes(S.frame) && by("progress").dataset.state === "running") renew().catch(() => {});
});

by("track").onclick = () => track();
by("pause").onclick = async () => {
  if (by("progress").dataset.state === "running") await ask("stop", {});
  else track(order ?? undefined);
};
by("cancel").onclick = async () => {
  await ask("stop", {});
  by("progress").hidden = true;
  by("track-row").hidden = false;
};

// ---- the menu
const menu = by("track-menu");
for (const [text, key, act] of MENU) {
  const item = document.createElement("button");
  item.setAttribute("role", "menuitem");
  item.append(text);
  if (key) { const kbd = document.createElement("kbd"); kbd.textContent = key; item.append(kbd); }
  item.onclick = () => { open(false); act(); };
  menu.append(item);
}
function open(is) {
  menu.hidden = !is;
  by("track-more").setAttribute("aria-expanded", String(is));
  if (is) menu.firstChild.focus();
}
by("track-more").onclick = () => open(menu.hidden);
menu.onkeydown = (event) => {
  const items = [...menu.children], at = items.indexOf(document.activeElement);
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) { event.preventDefault(); items[(at + step + items.length) % items.length].focus(); }
  if (event.key === "Escape") { open(false); by("track-more").focus(); }
  event.stopPropagation();
};
addEventListener("pointerdown", (event) => {
  if (!menu.hidden && !by("track-row").contains(event.target)) open(false);
});
