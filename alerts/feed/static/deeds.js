// What a person does to an alert: sent as the form says, shown once the stream brings it.

import { hasComeBack } from "./begun.js";
import { hasJustMoved } from "./cards.js";
import { askWho, fail, field, introduce, isBusy, remember, setBusy } from "./forms.js";
import { giveUpPlace, holdPlace } from "./place.js";
import { announce } from "./spoken.js";

const done = {
  acknowledge: "Acknowledged.",
  undo: "Taken back.",
  note: "Note added.",
  assign: "Assigned.",
  shelve: "Shelved.",
  resolve: "Closed.",
};

async function act(form) {
  if (isBusy(form)) return;
  const who = field(form, "who").value.trim();
  setBusy(form, true);
  holdPlace(form);
  fail(form, "");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...Object.fromEntries(new FormData(form)), who }),
      signal: AbortSignal.timeout(15_000),
    });
    if (response.ok) {
      remember(who);
      announce(done[form.dataset.deed]);
      if (form.dataset.deed !== "acknowledge") finish(form);
      return; // the stream brings the card's new state, here and on every other screen
    }
    fail(form, (await response.json()).error);
  } catch {
    fail(form, "Not done: the server cannot be reached. Please try again.");
  }
  giveUpPlace();
  setBusy(form, false);
}

function finish(form) {
  form.reset();
  introduce(form);
  setBusy(form, false);
  const more = form.closest("details");
  const hadFocus = more.contains(document.activeElement);
  more.open = false;
  if (hadFocus) more.querySelector("summary").focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form.deed");
  if (!form) return;
  event.preventDefault();
  if (!hasComeBack(form.closest(".card"))) act(form);
  else fail(form, "This came back while you were at it: read it again, and press again if you mean it.");
});

document.addEventListener(
  "click",
  (event) => {
    const form = event.target.closest("form.deed");
    const button = event.target.closest("button");
    if (!button) return;
    const byPointer = event.detail > 0;
    if (button.classList.contains("not-me")) askWho(button);
    else if (form && byPointer && hasJustMoved(form.closest(".card"))) {
      event.preventDefault();
      fail(form, "This has just moved or changed under your pointer: press again if you mean it.");
    }
  },
  { capture: true },
);
