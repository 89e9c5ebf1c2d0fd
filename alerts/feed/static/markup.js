// The server wrote the markup (parts.html); text is filled into its slots, never more markup.

import { relative, setTime } from "./times.js";

export const byId = (id) => document.getElementById(id);

export function fill(element, values) {
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
  if (!patient) return;
  if (values.patient_id) patient.href = `/patients/${encodeURIComponent(values.patient_id)}`;
  else patient.removeAttribute("href"); // it is about a gateway, or about the system itself
}

export function clone(templateId) {
  return byId(templateId).content.firstElementChild.cloneNode(true);
}
