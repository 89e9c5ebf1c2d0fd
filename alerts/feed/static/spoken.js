// What a reader of the screen says aloud: what is new, once.

const announcementsKept = 5;
const namedMax = 3; // of alerts that come at once; the others are counted

// A line of its own for each: a later one must not swallow what nobody has heard yet.
export function announce(text, { now = false } = {}) {
  const heard = document.getElementById(now ? "announce-now" : "announce-politely");
  heard.append(Object.assign(document.createElement("p"), { textContent: text }));
  while (heard.children.length > announcementsKept) heard.firstElementChild.remove();
}

// How severe each alert was that asks for somebody: what asks anew, or asks for more, is news.
const asking = new Map();

export function isNews({ alert_id, attention, kind, severity }) {
  const before = asking.get(alert_id);
  if (attention !== "unacknowledged" || kind !== "alert") {
    asking.delete(alert_id);
    return false;
  }
  asking.set(alert_id, severity);
  return before !== severity;
}

export function tell(news) {
  const urgent = news.filter(({ severity }) => severity === "critical");
  const others = news.filter(({ severity }) => severity !== "critical");
  for (const [alerts, now] of [[urgent, true], [others, false]]) {
    for (const { severity, patient, title, what } of alerts.slice(0, namedMax)) {
      announce(`${severity} alert: ${patient}, ${title}${what ? `, ${what}` : ""}`, { now });
    }
    const left = alerts.length - namedMax;
    const kind = `${now ? "critical " : ""}alert${left === 1 ? "" : "s"}`;
    if (left > 0) announce(`And ${left} more ${kind}.`, { now });
  }
}
