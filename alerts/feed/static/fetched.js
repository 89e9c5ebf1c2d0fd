// A page of a part of all that is: a patient's, or what found no room on the first. It is fetched
// again whenever something of it may have changed.

import { beginnings, carryOver, focusAt, goOn, placeIn } from "./begun.js";
import { adopt, cards, lay } from "./cards.js";
import { lose, mended, retitle } from "./life.js";
import { byId } from "./markup.js";
import { keepPlace } from "./place.js";
import { isNews, tell } from "./spoken.js";
import { refreshTimes } from "./times.js";

export const isFetched = Boolean(document.querySelector("[data-fetched]"));
const patientId = document.querySelector("[data-patient]")?.dataset.patient;
const pauseMs = 1_000; // of hundreds of alerts at once a page asks once
let asked;
let refetching = false;
let again = false; // something came while the last was fetched
let counted = false; // what asks elsewhere is known, so that what comes is news

// What found no room is in no change that the stream brings: only that there was one.
export const concerns = (changed) =>
  patientId === undefined || changed.some((card) => card.patient_id === patientId);

export function refetch() {
  asked ??= setTimeout(fetchAgain, patientId === undefined ? pauseMs : 0);
}

async function fetchAgain() {
  asked = undefined;
  again = refetching;
  if (refetching) return;
  refetching = true;
  try {
    const response = await fetch(location.href);
    if (!response.ok) throw new Error(`the page answers ${response.status}`);
    take(new DOMParser().parseFromString(await response.text(), "text/html"));
    mended();
  } catch (error) {
    lose(error);
  } finally {
    refetching = false;
  }
  if (again) refetch();
}

// A card that says what it said stays; in one that does not, what was begun goes on. Whoever works
// by keyboard keeps the place.
function take(fresh) {
  const container = document.querySelector("#main .cards");
  const place = placeIn(cards.get(document.activeElement.closest(".card")?.dataset.id));
  const begun = beginnings(cards);
  const came = [...fresh.querySelectorAll("#main .cards > .card")].map((card) => {
    const known = cards.get(card.dataset.id);
    if (known && said(known) === said(card)) return known;
    if (known) carryOver(known, card);
    return document.adoptNode(card);
  });
  lay(container, came);
  for (const rows of document.querySelectorAll(".readings tbody")) {
    rows.replaceChildren(...fresh.querySelectorAll(".readings tbody tr"));
  }
  const others = fresh.querySelectorAll(".empty, .part .count, .pages");
  for (const [index, one] of document.querySelectorAll(".empty, .part .count, .pages").entries()) {
    if (!one.isEqualNode(others[index])) one.replaceWith(others[index]);
  }
  adopt();
  refreshTimes();
  if (place) focusAt(cards.get(place.id), place);
  goOn(begun, cards);
  keepPlace(cards);
}

function said(card) {
  const slots = [...card.querySelectorAll("[data-slot], [data-list]")].map((one) => one.textContent);
  const times = [...card.querySelectorAll(".when time")].map((one) => one.dataset.at);
  return JSON.stringify([{ ...card.dataset }, slots, times]);
}

// Of other patients only the number is shown here, and what is new of them is said.
export function elsewhere(changed, order, whole) {
  const news = changed.filter(isNews);
  tell(whole && !counted ? news.filter((one) => one.patient_id === patientId) : news);
  counted ||= whole;
  const waiting = order.counts.waiting;
  byId("elsewhere").dataset.count = waiting;
  byId("elsewhere").textContent = waiting ? `(${waiting} need${waiting === 1 ? "s" : ""} somebody)` : "";
  retitle();
}

export const hasCome = ({ patient_id, reading_id }) =>
  patient_id === patientId && !document.querySelector(`tr[data-id="${CSS.escape(reading_id)}"]`);
