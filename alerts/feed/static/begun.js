// What somebody has begun in a card goes on in the one that takes its place: another state of the
// same alert, or the alert by which its problem came back.

import { isBusy } from "./forms.js";

const fieldsOf = (card) => [...card.querySelectorAll("input:not([type=hidden]), select")];

const focusables = (card) => [...(card?.querySelectorAll("a, button, input, select, summary") ?? [])];

export function placeIn(card) {
  const index = focusables(card).indexOf(document.activeElement);
  return index < 0 ? null : { id: card.dataset.id, index };
}

export function focusAt(card, { index }) {
  focusables(card)[index]?.focus({ preventScroll: true });
}

export function carryOver(known, card) {
  if (known.querySelector(".more").open) card.querySelector(".more").open = true;
  const former = fieldsOf(known);
  for (const [index, field] of fieldsOf(card).entries()) {
    if (former[index].value !== former[index].defaultValue) field.value = former[index].value;
  }
}

// What is sent already is not begun.
function isBegun(card) {
  const touched = card.contains(document.activeElement) || card.querySelector(".more").open;
  return touched && ![...card.querySelectorAll("form.deed")].some(isBusy);
}

export const beginnings = (cards) =>
  [...cards.values()].filter(isBegun).map((card) => ({ card, place: placeIn(card) }));

// A problem that came back has one card: what was begun in the former one goes on in it. Nobody may
// have seen yet that it is another one: the next answer is asked for twice.
export function goOn(begun, cards) {
  for (const { card, place } of begun) {
    const { id } = card.dataset;
    if (cards.has(id)) continue;
    const other = [...cards.values()].find(({ dataset }) => dataset.covers.split(" ").includes(id));
    if (!other) continue;
    carryOver(card, other);
    if (place) focusAt(other, place);
    other.cameBack = true;
  }
}

export function hasComeBack(card) {
  const unseen = Boolean(card.cameBack);
  card.cameBack = false;
  return unseen;
}
