// The page turns red by an animation in feed.css that nobody but this script holds back. If the
// script, the connection, the server or its log stops, the page turns red: there is no other state.

import { byId } from "./markup.js";
import { announce } from "./spoken.js";
import { absolute, itIs, nowMs, setTime } from "./times.js";

const root = document.documentElement;
export const silenceMs = Number(root.dataset.silenceMs);

const guarded = [root, document.body, byId("silence")];
let broken = false; // what the server said could not be shown: the page must not look true
let saidSilent = false;

root.style.setProperty("--silence", `${silenceMs}ms`);

function isSilent() {
  return getComputedStyle(byId("silence")).visibility === "visible";
}

function holdBack(contactAgeMs) {
  for (const element of guarded) {
    for (const animation of element.getAnimations()) animation.currentTime = contactAgeMs;
  }
  const contact = nowMs() - contactAgeMs;
  setTime(byId("live-text").querySelector("time"), contact, { seconds: true });
  byId("silence-since").textContent = absolute(contact, { seconds: true });
  if (saidSilent && !isSilent()) {
    saidSilent = false;
    announce("The page is live again.");
    retitle();
  }
}

byId("silence").addEventListener("animationstart", () => {
  if (saidSilent || !isSilent()) return; // setting it back counts as a start, too
  saidSilent = true;
  announce("This page is not live. New alerts do not show here.", { now: true });
  retitle();
});

export function retitle() {
  const shown = document.querySelector("[data-part=waiting] [data-count]");
  const waiting = shown?.textContent ?? byId("elsewhere")?.dataset.count ?? "0";
  const what = document.title.replace(/^(NOT LIVE – )?(\(\d+\) )?/, "");
  document.title = (isSilent() ? "NOT LIVE – " : "") + (waiting === "0" ? "" : `(${waiting}) `) + what;
}

// What is counted up with each heartbeat is shown so, and said once.
const kindOf = (trouble) => trouble.replace(/\d+/g, "");
let saidTrouble = kindOf(byId("trouble").textContent);

function showTrouble(trouble) {
  if (byId("trouble").textContent !== trouble) byId("trouble").textContent = trouble;
  byId("trouble").hidden = !trouble;
  if (trouble && kindOf(trouble) !== saidTrouble) announce(trouble);
  saidTrouble = kindOf(trouble);
}

// At most one reload for each version of the page, and for each zone that the clinic takes.
function reloadFor(name, value) {
  if (value === root.dataset[name] || sessionStorage.getItem(name) === value) return;
  sessionStorage.setItem(name, value);
  location.reload();
}

export function heartbeat(beat) {
  itIs(beat.now_ms);
  reloadFor("build", beat.build);
  reloadFor("zone", beat.zone);
  if (beat.contact_age_ms !== null && !broken) holdBack(beat.contact_age_ms);
  for (const none of document.querySelectorAll(".readings .empty")) none.textContent = beat.no_reading;
  showTrouble(beat.trouble ?? "");
}

// Nothing holds back the red until a snapshot could be shown; whoever reads the stream asks for one.
export function lose(error) {
  console.error(error);
  broken = true;
}

export function mended() {
  broken = false;
}

export const isBroken = () => broken;
