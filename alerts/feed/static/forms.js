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
  const notMe = form.querySelector(".not-me");
  if (!notMe) return;
  notMe.hidden = !name;
  form.querySelector(".as").textContent = name ? ` as ${name}` : "";
}

// A name that is being typed stays: hidden, its field would lose the place of whoever types.
function introduceAll() {
  for (const form of document.querySelectorAll("form.deed")) {
    const who = field(form, "who");
    if (who !== document.activeElement || isBusy(form)) introduce(form);
    else if (!who.value) who.value = remembered();
  }
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
