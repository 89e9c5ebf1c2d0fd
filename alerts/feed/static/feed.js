// Keeps the page true without a reload. The server decides what is shown and in which order; this
// script fills slots in markup that the server wrote (parts.html), with textContent only.
//
// The page turns red by an animation in feed.css that nobody but this script holds back. If the
// script, the connection, the server or its log stops, the page turns red: there is no other state.

import { announce, isNews, tell } from "./spoken.js";
import { absolute, itIs, nowMs, refreshTimes, relative, setTime } from "./times.js";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const silenceMs = Number(root.dataset.silenceMs);
const nameKey = "vitalwire.name";
const movedGraceMs = 700; // a click so soon after the list moved was meant for something else
const quietMs = 60_000; // the bridge marks the time every 15 s, even if nobody measures

// ---------------------------------------------------------------- life: what holds back the red

const guarded = [root, document.body, byId("silence")];
let heardAt = performance.now();
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

function heartbeat(beat) {
  itIs(beat.now_ms);
  reloadFor("build", beat.build);
  reloadFor("zone", beat.zone);
  if (beat.contact_age_ms !== null && !broken) holdBack(beat.contact_age_ms);
  const minutes = Math.floor((beat.quiet_ms ?? 0) / 60_000);
  const quiet =
    beat.quiet_ms > quietMs
      ? `No reading has reached the clinic for ${minutes} min: homes may be cut off.`
      : "";
  showTrouble(beat.trouble ?? quiet);
}

// ---------------------------------------------------------------- filling markup

function fill(element, values) {
  for (const slot of element.querySelectorAll("[data-slot]")) {
    slot.textContent = values[slot.dataset.slot];
  }
  for (const box of element.querySelectorAll("[data-slot-box]")) {
    box.hidden = !values[box.dataset.slotBox];
  }
  for (const when of element.querySelectorAll("[data-time]")) {
    const atMs = values[when.dataset.time];
    setTime(when.querySelector("time"), atMs);
    when.querySelector(".ago").textContent = atMs ? relative(atMs) : "";
  }
  const patient = element.querySelector("a[data-slot=patient]");
  if (patient) patient.href = `/patients/${encodeURIComponent(values.patient_id)}`;
}

function clone(templateId) {
  return byId(templateId).content.firstElementChild.cloneNode(true);
}

// ---------------------------------------------------------------- alerts

const cards = new Map();
let movedAt = -Infinity;

function adopt() {
  const former = new Set(cards.values());
  cards.clear();
  for (const card of document.querySelectorAll("#main .card")) {
    cards.set(card.dataset.id, card);
    if (former.has(card)) continue; // somebody may type their name in it
    const { id: alert_id, attention, kind, severity } = card.dataset;
    isNews({ alert_id, attention, kind, severity });
    card.querySelectorAll("form.deed").forEach(introduce);
  }
}

// Moves no more than it must: what is moved loses the focus, and what is typed there.
function lay(container, wanted) {
  for (const card of [...container.children]) if (!wanted.includes(card)) card.remove();
  let moved = false;
  for (const [index, card] of wanted.entries()) {
    if (container.children[index] === card) continue;
    container.insertBefore(card, container.children[index] ?? null);
    moved = true;
  }
  return moved;
}

function put(values) {
  const known = cards.get(values.alert_id);
  const card = known ?? clone("blank-alert");
  const before = { ...card.dataset };
  card.dataset.id = values.alert_id;
  card.dataset.event = values.event_id;
  for (const name of ["severity", "attention", "condition", "kind"]) card.dataset[name] = values[name];
  const { severity, title, patient, what } = values;
  card.setAttribute("aria-label", `${severity}: ${title}, ${patient}${what ? `, ${what}` : ""}`);
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
    form.elements.event_id.value = values.event_id;
    setBusy(form, false);
    if (!known) introduce(form);
  }
  card.querySelector(".verb").textContent = values.kind === "work" ? "Done" : "Acknowledge";
  cards.set(values.alert_id, card);
  if (known && before.event !== values.event_id) card.changedAt = performance.now();
  return isNews(values) ? values : null;
}

function arrange(order) {
  const active = document.activeElement;
  const shown = new Set();
  for (const part of document.querySelectorAll("[data-part]")) {
    const ids = order[part.dataset.part];
    const wanted = ids.map((id) => cards.get(id));
    if (wanted.includes(undefined)) return resync(); // it was not shown, so it was not sent
    ids.forEach((id) => shown.add(id));
    if (lay(part.querySelector(".cards"), wanted)) movedAt = performance.now();
    part.querySelector("[data-count]").textContent = order.counts[part.dataset.part];
    part.querySelector(".empty").hidden = ids.length > 0;
  }
  for (const [id, card] of cards) {
    if (!shown.has(id)) {
      card.remove();
      cards.delete(id);
    }
  }
  byId("hidden-count").hidden = !order.hidden;
  byId("hidden-count").querySelector("b").textContent = order.hidden;
  if (active !== document.activeElement && active?.isConnected) active.focus({ preventScroll: true });
  keepPlace();
  retitle();
}

function retitle() {
  const shown = document.querySelector("[data-part=waiting] [data-count]");
  const waiting = shown?.textContent ?? byId("elsewhere")?.dataset.count ?? "0";
  const what = document.title.replace(/^(NOT LIVE – )?(\(\d+\) )?/, "");
  document.title = (isSilent() ? "NOT LIVE – " : "") + (waiting === "0" ? "" : `(${waiting}) `) + what;
}

function update({ cards: changed, order }) {
  const news = changed.map(put).filter(Boolean);
  arrange(order);
  for (const values of news) {
    const card = cards.get(values.alert_id);
    card?.classList.remove("new");
    void card?.offsetWidth; // restarts the highlight
    card?.classList.add("new");
  }
  tell(news);
}

// After a silence it brings what came meanwhile: that is news to whoever hears the page.
function snapshot(overview) {
  const news = overview.cards.map(put).filter(Boolean);
  arrange(overview.order);
  tell(news);
  const banner = byId("simulated");
  banner.hidden = !overview.simulated;
  banner.querySelector("[data-all]").hidden = overview.simulated !== overview.patients;
  banner.querySelector("[data-some]").hidden = overview.simulated === overview.patients;
  broken = false;
}

// ---------------------------------------------------------------- readings

function readings(rows) {
  const body = byId("rows");
  const known = new Map([...body.children].map((row) => [row.dataset.id, row]));
  const moving = known.size > 0;
  body.replaceChildren(
    ...rows.map((values) => {
      const row = known.get(values.reading_id) ?? clone("blank-reading");
      row.dataset.id = values.reading_id;
      row.classList.toggle("new", moving && !known.has(values.reading_id));
      fill(row, values);
      return row;
    }),
  );
  document.querySelector(".readings .empty").hidden = rows.length > 0;
}

// ---------------------------------------------------------------- acknowledging

const remembered = () => localStorage.getItem(nameKey) ?? "";

function introduce(form) {
  const name = remembered();
  form.elements.who.value = name;
  form.querySelector(".who").hidden = Boolean(name);
  const notMe = form.querySelector(".not-me");
  if (!notMe) return;
  notMe.hidden = !name;
  form.querySelector(".as").textContent = name ? ` as ${name}` : "";
}

// A name that is being typed stays: hidden, its field would lose the place of whoever types.
function introduceAll() {
  for (const form of document.querySelectorAll("form.deed")) {
    const { who } = form.elements;
    if (who !== document.activeElement || isBusy(form)) introduce(form);
    else if (!who.value) who.value = remembered();
  }
}

function fail(form, sentence) {
  const failure = form.querySelector(".failure");
  failure.textContent = sentence;
  failure.hidden = !sentence;
}

const done = {
  acknowledge: "Acknowledged.",
  undo: "Taken back.",
  note: "Note added.",
  assign: "Assigned.",
  shelve: "Shelved.",
  resolve: "Closed.",
};

// A button that is disabled loses the focus, and with it the place of whoever works by keyboard.
function setBusy(form, busy) {
  form.querySelector("button[type=submit]").setAttribute("aria-disabled", busy);
}

const isBusy = (form) => form.querySelector("button[type=submit]").ariaDisabled === "true";

let answering = null; // the card that is answered by whoever has the focus in it, and its place

// What is answered leaves its place: the focus goes on to what is there now, and answers nothing.
function keepPlace() {
  if (!answering) return;
  const focused = document.activeElement;
  if (focused !== document.body && focused.checkVisibility()) return;
  const { id, part, place } = answering;
  const card = cards.get(id);
  answering = null;
  if (!part || part.contains(card)) return card?.querySelector(".more > summary").focus();
  const left = part.querySelectorAll(".card");
  (left[Math.min(place, left.length - 1)] ?? part.querySelector("h2")).focus();
}

document.addEventListener("focusin", (event) => {
  if (answering && event.target.closest(".card")?.dataset.id !== answering.id) answering = null;
});

async function act(form) {
  if (isBusy(form)) return;
  const card = form.closest(".card");
  const who = form.elements.who.value.trim();
  setBusy(form, true);
  if (form.contains(document.activeElement)) {
    const place = [...card.parentElement.children].indexOf(card);
    answering = { id: card.dataset.id, part: card.closest("[data-part]"), place };
  }
  fail(form, "");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...Object.fromEntries(new FormData(form)), who }),
      signal: AbortSignal.timeout(15_000),
    });
    if (response.ok) {
      localStorage.setItem(nameKey, who);
      introduceAll();
      announce(done[form.dataset.deed]);
      if (form.dataset.deed !== "acknowledge") finish(form);
      return; // the stream brings the card's new state, here and on every other screen
    }
    fail(form, (await response.json()).error);
  } catch {
    fail(form, "Not done: the server cannot be reached. Please try again.");
  }
  answering = null;
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

function lastMoved(form) {
  return Math.max(movedAt, form.closest(".card").changedAt ?? -Infinity);
}

document.addEventListener("submit", (event) => {
  const form = event.target.closest("form.deed");
  if (!form) return;
  event.preventDefault();
  act(form);
});

document.addEventListener(
  "click",
  (event) => {
    const form = event.target.closest("form.deed");
    const button = event.target.closest("button");
    if (!form || !button) return;
    const byPointer = event.detail > 0;
    if (button.classList.contains("not-me")) {
      localStorage.removeItem(nameKey);
      introduceAll();
      form.elements.who.focus();
    } else if (byPointer && performance.now() - lastMoved(form) < movedGraceMs) {
      event.preventDefault();
      fail(form, "This has just moved or changed under your pointer: press again if you mean it.");
    }
  },
  { capture: true },
);

// ---------------------------------------------------------------- a patient's page

const patientId = document.querySelector("[data-patient]")?.dataset.patient;
let refetching = false;
let again = false; // something came while the last was fetched
let counted = false; // what asks elsewhere is known, so that what comes is news

async function refetch() {
  again = refetching;
  if (refetching) return;
  refetching = true;
  try {
    const response = await fetch(location.href);
    if (!response.ok) throw new Error(`the page answers ${response.status}`);
    take(new DOMParser().parseFromString(await response.text(), "text/html"));
    broken = false;
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
  const came = [...fresh.querySelectorAll("#main .cards > .card")].map((card) => {
    const known = cards.get(card.dataset.id);
    if (known && said(known) === said(card)) return known;
    if (known) carryOver(known, card);
    return document.adoptNode(card);
  });
  lay(container, came);
  document.querySelector(".readings tbody").replaceChildren(...fresh.querySelectorAll(".readings tbody tr"));
  for (const where of [".part", ".readings"]) {
    document.querySelector(`${where} .empty`).hidden = fresh.querySelector(`${where} .empty`).hidden;
  }
  document.querySelector(".part .count").textContent = came.length;
  adopt();
  refreshTimes();
  if (place) focusables(cards.get(place.id))[place.index]?.focus({ preventScroll: true });
  keepPlace();
}

const focusables = (card) => [...(card?.querySelectorAll("a, button, input, select, summary") ?? [])];

function placeIn(card) {
  const index = focusables(card).indexOf(document.activeElement);
  return index < 0 ? null : { id: card.dataset.id, index };
}

function said(card) {
  const slots = [...card.querySelectorAll("[data-slot], [data-list]")].map((one) => one.textContent);
  const times = [...card.querySelectorAll(".when time")].map((one) => one.dataset.at);
  return JSON.stringify([{ ...card.dataset }, slots, times]);
}

function carryOver(known, card) {
  card.querySelector(".more").open = known.querySelector(".more").open;
  const fields = (one) => [...one.querySelectorAll("input:not([type=hidden]), select")];
  const former = fields(known);
  for (const [index, field] of fields(card).entries()) {
    if (former[index].value !== former[index].defaultValue) field.value = former[index].value;
  }
}

// Of other patients only the number is shown here, and what is new of them is said.
function elsewhere(changed, order, whole) {
  const news = changed.filter(isNews);
  tell(whole && !counted ? news.filter((one) => one.patient_id === patientId) : news);
  counted ||= whole;
  const waiting = order.counts.waiting;
  byId("elsewhere").dataset.count = waiting;
  byId("elsewhere").textContent = waiting ? `(${waiting} need somebody)` : "";
  retitle();
}

// ---------------------------------------------------------------- the stream

const onFeed = Boolean(byId("rows"));
let cursor = onFeed ? root.dataset.cursor : ""; // a patient's page asks what there is elsewhere
let source;

function connect() {
  source?.close();
  heardAt = performance.now();
  source = new EventSource(`/api/v1/alerts/stream?cursor=${encodeURIComponent(cursor)}`);
  const on = (name, act) =>
    source.addEventListener(name, (event) => {
      heardAt = performance.now();
      try {
        if (event.lastEventId) cursor = event.lastEventId;
        act(JSON.parse(event.data));
      } catch (error) {
        lose(error);
      }
    });
  on("heartbeat", heartbeat);
  if (onFeed) {
    on("snapshot", snapshot);
    on("update", update);
    on("readings", readings);
  } else if (patientId) {
    on("snapshot", ({ cards: all, order }) => {
      elsewhere(all, order, true);
      refetch();
    });
    on("update", ({ cards: changed, order }) => {
      elsewhere(changed, order, false);
      if (changed.some((card) => card.patient_id === patientId)) refetch();
    });
    on("readings", (rows) => {
      const isNew = ({ patient_id, reading_id }) =>
        patient_id === patientId && !document.querySelector(`tr[data-id="${CSS.escape(reading_id)}"]`);
      if (rows.some(isNew)) refetch();
    });
  }
}

function resync() {
  cursor = ""; // a place that no ring knows: the server answers with a snapshot
  connect();
}

// Nothing holds back the red until a snapshot could be shown; the timer below asks for one.
function lose(error) {
  console.error(error);
  broken = true;
}

adopt();
refreshTimes();
connect();
setInterval(() => {
  const refused = source.readyState === EventSource.CLOSED; // the browser does not try again
  if (broken) resync();
  else if (refused || performance.now() - heardAt > silenceMs) connect();
}, 2_000 + Math.random() * 1_000); // so that a thousand pages do not come back at once
setInterval(refreshTimes, 10_000);
addEventListener("pageshow", (event) => event.persisted && location.reload());
addEventListener("storage", (event) => event.key === nameKey && introduceAll());
