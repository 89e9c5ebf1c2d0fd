// What is answered leaves its place; whoever works by keyboard goes on where they were.

let answering = null; // the card that is answered by whoever has the focus in it, and its place

export function holdPlace(form) {
  if (!form.contains(document.activeElement)) return;
  const card = form.closest(".card");
  const place = [...card.parentElement.children].indexOf(card);
  answering = { id: card.dataset.id, part: card.closest("[data-part]"), place };
}

export function giveUpPlace() {
  answering = null;
}

// The focus goes on to what is there now, and answers nothing.
export function keepPlace(cards) {
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
