// The feed's page: every alert, and the readings that came last.

import { arrange, cards, put } from "./cards.js";
import { mended } from "./life.js";
import { byId, clone, fill } from "./markup.js";
import { tell } from "./spoken.js";

// Gives false if only a snapshot helps.
export function update({ cards: changed, order }) {
  const news = changed.map(put).filter(Boolean);
  const whole = arrange(order);
  const fresh = news.map(({ alert_id }) => cards.get(alert_id)).filter(Boolean);
  for (const card of fresh) card.classList.remove("new");
  void document.body.offsetWidth; // restarts the highlight; once for all, or many alerts take seconds
  for (const card of fresh) card.classList.add("new");
  tell(news);
  return whole;
}

// After a silence it brings what came meanwhile: that is news to whoever hears the page.
export function snapshot(overview) {
  const news = overview.cards.map(put).filter(Boolean);
  const whole = arrange(overview.order);
  tell(news);
  const banner = byId("simulated");
  banner.hidden = !overview.simulated;
  banner.querySelector("[data-all]").hidden = overview.simulated !== overview.patients;
  banner.querySelector("[data-some]").hidden = overview.simulated === overview.patients;
  mended();
  return whole;
}

export function readings(rows) {
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
