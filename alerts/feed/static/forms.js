// The forms on each card: who answers, what failed, and whether an answer is under way.

const nameKey = "vitalwire.name";

// Not form.elements: of a form that the parser made, Chromium looks for them in the whole page, and
// with hundreds of cards each answer took seconds.
export const field = (form, name) => form.querySelector(`[name=${name}]`);

const remembered = () => localStorage.getItem(nameKey) ?? "";

export function introduce(form) {
  const name = remembered();
  field(form, "who").value = name;
  form.querySelector(".who").hidden = Boolean(name);
}

// Says on a card as whom its buttons answer: whoever comes to a screen that knows another name sees it.
export function sayWho(card) {
  const name = remembered();
  for (const box of card.querySelectorAll("[data-known]")) box.hidden = !name;
  for (const slot of card.querySelectorAll(".as")) slot.textContent = name ? ` as ${name}` : "";
}

const nameFields = (inside) => [...inside.closest(".card").querySelectorAll("[name=who]")];

// A name that is being typed stays: hidden, its field would lose the place of whoever types.
function introduceAll() {
  for (const card of document.querySelectorAll("#main .card")) {
    const typing = card.querySelector("[name=who]:focus");
    const forms = [...card.querySelectorAll("form.deed")];
    if (!typing || forms.some(isBusy)) forms.forEach(introduce);
    else if (!typing.value) for (const one of nameFields(typing)) one.value = remembered();
    sayWho(card);
  }
}

// A card asks for the name in one place (feed.css): what is typed there is for all that can be done.
document.addEventListener("input", ({ target }) => {
  if (target.name !== "who") return;
  for (const one of nameFields(target)) one.value = target.value;
});

document.addEventListener(
  "invalid",
  (event) => {
    if (event.target.name !== "who" || event.target.checkVisibility()) return;
    event.preventDefault(); // nobody sees that field
    nameFields(event.target).find((one) => one.checkVisibility())?.reportValidity();
  },
  { capture: true },
);

export function askWho(inside) {
  remember("");
  nameFields(inside).find((one) => one.checkVisibility())?.focus();
}

export function fail(form, sentence) {
  const failure = form.querySelector(".failure");
  failure.textContent = sentence;
  failure.hidden = !sentence;
}

// A button that is disabled loses the focus, and with it the place of whoever works by keyboard.
export function setBusy(form, busy) {
  form.querySelector("button[type=submit]").setAttribute("aria-disabled", busy);
}

export const isBusy = (form) => form.querySelector("button[type=submit]").ariaDisabled === "true";

export function remember(name) {
  if (name) localStorage.setItem(nameKey, name);
  else localStorage.removeItem(nameKey);
  introduceAll();
}

addEventListener("storage", (event) => event.key === nameKey && introduceAll());
