// Keeps the page true without a reload. The server decides what is shown and in which order; these
// scripts fill slots in markup that the server wrote (parts.html), with textContent only. This one reads
// the stream, and all others are below it.

import "./deeds.js";
import { adopt } from "./cards.js";
import { heartbeat, isBroken, lose, silenceMs } from "./life.js";
import { byId } from "./markup.js";
import { readings, snapshot, update } from "./overview.js";
import { concerns, elsewhere, hasCome, isFetched, refetch } from "./fetched.js";
import { refreshTimes } from "./times.js";

const onFeed = Boolean(byId("rows"));
// A patient's page asks what there is elsewhere.
let cursor = onFeed ? document.documentElement.dataset.cursor : "";
let heardAt = performance.now();
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
    on("snapshot", (overview) => snapshot(overview) || resync());
    on("update", (changes) => update(changes) || resync());
    on("readings", readings);
  } else if (isFetched) {
    on("snapshot", ({ cards: all, order }) => {
      elsewhere(all, order, true);
      refetch();
    });
    on("update", ({ cards: changed, order }) => {
      elsewhere(changed, order, false);
      if (concerns(changed)) refetch();
    });
    on("readings", (rows) => {
      if (rows.some(hasCome)) refetch();
    });
  }
}

function resync() {
  cursor = ""; // a place that no ring knows: the server answers with a snapshot
  connect();
}

adopt();
refreshTimes();
connect();
setInterval(() => {
  const refused = source.readyState === EventSource.CLOSED; // the browser does not try again
  if (isBroken()) resync();
  else if (refused || performance.now() - heardAt > silenceMs) connect();
}, 2_000 + Math.random() * 1_000); // so that a thousand pages do not come back at once
setInterval(refreshTimes, 10_000);
addEventListener("pageshow", (event) => event.persisted && location.reload());
