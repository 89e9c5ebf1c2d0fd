// The cards of alerts: one for each, in the parts and the order that the server gives.

import { beginnings, goOn } from "./begun.js";
import { field, introduce, sayWho, setBusy } from "./forms.js";
import { retitle } from "./life.js";
import { byId, clone, fill } from "./markup.js";
import { keepPlace } from "./place.js";
import { announce, isNews } from "./spoken.js";

export const cards = new Map();
const movedGraceMs = 700; // a click so soon after the list moved was meant for something else
let movedAt = -Infinity;
let hiddenCount = Number(byId("hidden-count")?.querySelector("b").textContent);

export function adopt() {
  const former = new Set(cards.values());
  cards.clear();
  for (const card of document.querySelectorAll("#main .card")) {
    cards.set(card.dataset.id, card);
    if (former.has(card)) continue; // somebody may type their name in it
    const { id: alert_id, attention, kind, severity } = card.dataset;
    isNews({ alert_id, attention, kind, severity });
    card.querySelectorAll("form.deed").forEach(introduce);
    sayWho(card);
  }
}

// Moves no more than it must: what is moved loses the focus, and what is typed there.
export function lay(container, wanted) {
  const stays = new Set(wanted);
  for (const card of [...container.children]) {
    if (stays.has(card)) continue;
    card.remove();
    movedAt = performance.now();
  }
  for (const [index, card] of wanted.entries()) {
    if (container.children[index] === card) continue;
    container.insertBefore(card, container.children[index] ?? null);
    movedAt = performance.now();
  }
}

export function put(values) {
  const known = cards.get(values.alert_id);
  const card = known ?? clone("blank-alert");
  const before = { ...card.dataset };
  card.id = `alert-${values.alert_id}`;
  card.dataset.id = values.alert_id;
  card.dataset.event = values.event_id;
  card.dataset.covers = values.covers.join(" ");
  for (const name of ["severity", "attention", "condition", "kind"]) card.dataset[name] = values[name];
  const { severity, title, patient, what } = values;
  card.setAttribute("aria-label", `${severity}: ${title}, ${patient}${what ? `, ${what}` : ""}`);
  card.querySelector(".deeds").setAttribute("aria-label", `More for ${patient}, ${title}`);
  card.querySelector(".alone").href = `/alerts/${encodeURIComponent(values.alert_id)}`;
  card.querySelector(".shape use").setAttribute("href", `#shape-${values.severity}`);
  fill(card, values);
  const chart = card.querySelector(".chart");
  chart.hidden = !values.charted;
  chart.alt = values.chart;
  const drawn = `/api/v1/alerts/${encodeURIComponent(values.alert_id)}/chart.svg?${encodeURIComponent(values.event_id)}`;
  if (values.charted && chart.getAttribute("src") !== drawn) chart.src = drawn;
  for (const list of card.querySelectorAll("[data-list]")) {
    const items = values[list.dataset.list];
    list.replaceChildren(
      ...items.map((text) => Object.assign(document.createElement("li"), { textContent: text })),
    );
  }
  for (const form of card.querySelectorAll("form.deed")) {
    form.action = `/api/v1/alerts/${encodeURIComponent(values.alert_id)}/${form.dataset.deed}`;
    field(form, "event_id").value = values.event_id;
    setBusy(form, false);
    if (!known) introduce(form);
  }
  if (!known) sayWho(card);
  card.querySelector(".verb").textContent = values.kind === "work" ? "Done" : "Acknowledge";
  cards.set(values.alert_id, card);
  if (known && before.event !== values.event_id) card.changedAt = performance.now();
  return isNews(values) ? values : null;
}

// Gives false if a card is missing: it was not shown, so it was not sent.
export function arrange(order) {
  const active = document.activeElement;
  const begun = beginnings(cards);
  const shown = new Set();
  for (const part of document.querySelectorAll("[data-part]")) {
    const ids = order[part.dataset.part];
    const wanted = ids.map((id) => cards.get(id));
    if (wanted.includes(undefined)) return false;
    ids.forEach((id) => shown.add(id));
    lay(part.querySelector(".cards"), wanted);
    part.querySelector("[data-count]").textContent = order.counts[part.dataset.part];
    part.querySelector(".empty").hidden = ids.length > 0;
  }
  for (const [id, card] of cards) {
    if (!shown.has(id)) {
      card.remove();
      cards.delete(id);
    }
  }
  if (order.hidden > hiddenCount) announce(`${order.hidden} more are open than this page shows.`);
  hiddenCount = order.hidden;
  byId("hidden-count").hidden = !order.hidden;
  byId("hidden-count").querySelector("b").textContent = order.hidden;
  if (active !== document.activeElement && active?.isConnected) active.focus({ preventScroll: true });
  goOn(begun, cards);
  keepPlace(cards);
  pointToLongest(order.longest);
  retitle();
  return true;
}

// The list is by what is newest: who waits longest is far below, and must not be forgotten there.
function pointToLongest(longest) {
  byId("longest").hidden = !longest;
  if (!longest) return;
  fill(byId("longest"), longest);
  byId("longest").querySelector("a").href = `#alert-${encodeURIComponent(longest.alert_id)}`;
}

export function hasJustMoved(card) {
  return performance.now() - Math.max(movedAt, card.changedAt ?? -Infinity) < movedGraceMs;
}
