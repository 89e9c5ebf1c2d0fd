// Times as they are shown: the server's now, in the clinic's zone.

let aheadMs = 0;

export const nowMs = () => Date.now() + aheadMs;

// A browser's clock may be wrong by an hour: the server says what time it is.
export function itIs(serverMs) {
  aheadMs = serverMs - Date.now();
}

itIs(Number(document.documentElement.dataset.nowMs));

// All times are the clinic's, wherever the browser is and whatever its clock is set to.
const timeZone = usable(document.documentElement.dataset.zone);
const format = (options) => new Intl.DateTimeFormat("en-GB", { ...options, timeZone });
const clock = format({ hour: "2-digit", minute: "2-digit" });
const clockWithSeconds = format({ timeStyle: "medium" });
const weekday = format({ weekday: "short", day: "numeric", month: "short" });
const date = format({ year: "numeric", month: "numeric", day: "numeric" });

function usable(zone) {
  try {
    new Intl.DateTimeFormat("en-GB", { timeZone: zone });
    return zone;
  } catch {
    document.getElementById("zone").textContent = "UTC"; // the browser knows no zone of that name
    return "UTC";
  }
}

function dayOf(moment) {
  const [day, month, year] = date.format(moment).split("/").map(Number);
  return Date.UTC(year, month - 1, day) / 86_400_000;
}

export function absolute(atMs, { seconds = false } = {}) {
  const at = new Date(atMs);
  const now = new Date(nowMs());
  const text = (seconds ? clockWithSeconds : clock).format(at);
  const days = dayOf(now) - dayOf(at);
  if (days === 0) return text;
  return days === 1 ? `yesterday ${text}` : `${weekday.format(at).replace(",", "")} ${text}`;
}

export function relative(atMs) {
  const agoMs = nowMs() - atMs;
  if (agoMs < -60_000) return "in the future";
  if (agoMs < 60_000) return "just now";
  if (agoMs < 2 * 3_600_000) return `${Math.floor(agoMs / 60_000)} min ago`;
  if (agoMs < 2 * 86_400_000) return `${Math.floor(agoMs / 3_600_000)} h ago`;
  return `${Math.floor(agoMs / 86_400_000)} days ago`;
}

export function setTime(element, atMs, options) {
  element.dataset.at = atMs;
  element.dateTime = new Date(atMs).toISOString();
  element.textContent = atMs ? absolute(atMs, options) : "";
}

export function refreshTimes() {
  for (const time of document.querySelectorAll(".when time")) {
    const atMs = Number(time.dataset.at);
    if (!atMs) continue;
    setTime(time, atMs);
    time.parentElement.querySelector(".ago").textContent = relative(atMs);
  }
}
