// Keeps the page true without a reload. The server decides what is shown and in which order; this
// script fills slots in markup that the server wrote (parts.html), with textContent only.
//
// The page turns red by an animation in feed.css that nobody but this script holds back. If the
// script, the connection, the server or its log stops, the page turns red: there is no other state.

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const silenceMs = Number(root.dataset.silenceMs);
const nameKey = "vitalwire.name";
const movedGraceMs = 700; // a click so soon after the list moved was meant for something else
const announcementsKept = 5;
const quietMs = 60_000; // the bridge marks the time every 15 s, even if nobody measures

// ---------------------------------------------------------------- life: what holds back the red

const guarded = [document.body, byId("silence")];
let serverAheadMs = Number(root.dataset.nowMs) - Date.now();
let heardAt = performance.now();
let broken = false; // what the server said could not be shown: the page must not look true

root.style.setProperty("--silence", `${silenceMs}ms`);

function isSilent() {
  return getComputedStyle(byId("silence")).visibility === "visible";
}

function holdBack(contactAgeMs) {
  const wasSilent = isSilent();
  for (const element of guarded) {
    for (const animation of element.getAnimations()) animation.currentTime = contactAgeMs;
  }
  const contact = Date.now() + serverAheadMs - contactAgeMs;
  setTime(byId("live-text").querySelector("time"), contact, { seconds: true });
  byId("silence-since").textContent = absolute(contact, { seconds: true });
  if (wasSilent && !isSilent()) {
    announce("The page is live again.");
    retitle();
  }
}

byId("silence").addEventListener("animationstart", () => {
  announce("This page is not live. New alerts do not show here.", { now: true });
  retitle();
});

function heartbeat(beat) {
  serverAheadMs = beat.now_ms - Date.now();
  if (beat.build !== root.dataset.build && sessionStorage.getItem("build") !== beat.build) {
    sessionStorage.setItem("build", beat.build); // at most one reload for each version
    location.reload();
  }
  if (beat.contact_age_ms !== null && !broken) holdBack(beat.contact_age_ms);
  const minutes = Math.floor((beat.quiet_ms ?? 0) / 60_000);
  const quiet =
    beat.quiet_ms > quietMs
      ? `No reading has reached the clinic for ${minutes} min: homes may be cut off.`
      : "";
  byId("trouble").textContent = beat.trouble ?? quiet;
  byId("trouble").hidden = !byId("trouble").textContent;
}

// ---------------------------------------------------------------- times

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short" });

function absolute(atMs, { seconds = false } = {}) {
  const at = new Date(atMs);
  const now = new Date(Date.now() + serverAheadMs);
  const text = (seconds ? clockWithSeconds : clock).format(at);
  const midnight = (moment) => new Date(moment).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days === 0) return text;
  return days === 1 ? `yesterday ${text}` : `${weekday.format(at).replace(",", "")} ${text}`;
}

function relative(atMs) {
  const agoMs = Date.now() + serverAheadMs - atMs;
  if (agoMs < -60_000) return "in the future";
  if (agoMs < 60_000) return "just now";
  if (agoMs < 3_600_000) return `${Math.floor(agoMs / 60_000)} min ago`;
  if (agoMs < 2 * 86_400_000) return `${Math.floor(agoMs / 3_600_000)} h ago`;
  return `${Math.floor(agoMs / 86_400_000)} days ago`;
}

function setTime(element, atMs, options) {
  element.dataset.at = atMs;
  element.dateTime = new Date(atMs).toISOString();
  element.textContent = atMs ? absolute(atMs, options) : "";
}

function refreshTimes() {
  for (const time of document.querySelectorAll(".when time")) {
    const atMs = Number(time.dataset.at);
    if (!atMs) continue;
    setTime(time, atMs);
    time.parentElement.querySelector(".ago").textContent = relative(atMs);
  }
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

// A line of its own for each: a later one must not swallow what nobody has heard yet.
function announce(text, { now = false } = {}) {
  const heard = byId(now ? "announce-now" : "announce-politely");
  heard.append(Object.assign(document.createElement("p"), { textContent: text }));
  while (heard.children.length > announcementsKept) heard.firstElementChild.remove();
}

// ---------------------------------------------------------------- alerts

const cards = new Map();
let movedAt = -Infinity;

function adopt() {
  cards.clear();
  for (const card of document.querySelectorAll("#main .card")) {
    cards.set(card.dataset.id, card);
    card.querySelectorAll("form.deed").forEach(introduce);
  }
}

function put(values) {
  const known = cards.get(values.alert_id);
  const card = known ?? clone("blank-alert");
  const before = { ...card.dataset };
  card.dataset.id = values.alert_id;
  card.dataset.event = values.event_id;
  for (const name of ["severity", "attention", "condition", "kind"]) card.dataset[name] = values[name];
  card.setAttribute("aria-label", `${values.severity}: ${values.title}, ${values.patient}`);
  card.querySelector(".shape use").setAttribute("href", `#shape-${values.severity}`);
  fill(card, values);
  const chart = card.querySelector(".chart");
  chart.hidden = !values.charted;
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
  const asks = values.attention === "unacknowledged" && values.kind === "alert";
  const asked = known && before.attention === "unacknowledged" && before.kind === "alert";
  if (asks && (!asked || before.severity !== values.severity)) return values;
  return null;
}

function arrange(order) {
  const active = document.activeElement;
  const shown = new Set();
  for (const part of document.querySelectorAll("[data-part]")) {
    const ids = order[part.dataset.part];
    const container = part.querySelector(".cards");
    for (const [index, id] of ids.entries()) {
      const card = cards.get(id);
      if (!card) return resync(); // it was not shown before, so it was not sent
      shown.add(id);
      if (container.children[index] !== card) {
        container.insertBefore(card, container.children[index] ?? null);
        movedAt = performance.now();
      }
    }
    part.querySelector("[data-count]").textContent = ids.length;
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
  const waiting = document.querySelector("[data-part=waiting] [data-count]")?.textContent ?? "0";
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
  const worst = news.find((values) => values.severity === "critical") ?? news[0];
  if (worst) {
    announce(`${worst.severity} alert: ${worst.patient}, ${worst.title}, ${worst.what}`, {
      now: worst.severity === "critical",
    });
  }
}

function snapshot(overview) {
  overview.cards.forEach(put);
  arrange(overview.order);
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

function introduceAll() {
  for (const form of document.querySelectorAll("form.deed")) introduce(form);
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

async function refetch() {
  if (refetching) return;
  refetching = true;
  try {
    while (document.activeElement?.matches("#main :is(input, select)")) await pause(1_000); // somebody types
    const response = await fetch(location.href);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    byId("main").replaceChildren(...fresh.getElementById("main").children);
    adopt();
    refreshTimes();
    keepPlace();
    broken = false;
  } catch (error) {
    lose(error);
  } finally {
    refetching = false;
  }
}

const pause = (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs));

// ---------------------------------------------------------------- the stream

const onFeed = Boolean(byId("rows"));
let cursor = root.dataset.cursor;
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
    on("snapshot", refetch);
    on("update", ({ cards }) => cards.some((card) => card.patient_id === patientId) && refetch());
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
