"""The local page: one look tells whether somebody has to do something, and what.

HTML without a framework, readable on a phone through an SSH tunnel. It only looks: pairing and
unpairing admit and dismiss devices, and whoever may do that signs in over SSH. It shows no values
and no names of people. The page carries everything that it needs; its policy allows nothing else.
"""

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape

from gateway.admission.live import DeviceRow, Live, LiveStranger, Overview
from gateway.bedside import words
from gateway.bedside.advice import Advice, Level, advice

REFRESH_S = 5
_STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #16202c; --soft: #5a6676;
  --line: #dde2e8; --good: #137a4b; --warn: #9a5b00; --bad: #b3261e; --code: #eef1f5; }
@media (prefers-color-scheme: dark) { :root { --ground: #10161d; --card: #1a222c; --ink: #eef2f6;
  --soft: #a3b0bf; --line: #2c3744; --good: #5fd39a; --warn: #ffb95c; --bad: #ff8a80;
  --code: #242e3a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 18px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", Arial, sans-serif; }
main, footer { max-width: 46rem; margin: 0 auto; padding: 0 1rem; }
.state { display: flex; gap: 1rem; align-items: center; margin: 1.25rem 0; padding: 1.1rem 1.25rem;
  border-radius: 16px; color: #fff; background: var(--tone); }
@media (prefers-color-scheme: dark) { .state { color: #10161d; } }
.state .sign { font-size: 2.4rem; line-height: 1; }
.state h1 { margin: 0; font-size: 1.5rem; line-height: 1.25; }
.state p { margin: .15rem 0 0; }
.good { --tone: var(--good); } .notice { --tone: var(--warn); } .problem { --tone: var(--bad); }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.15rem; }
.card { margin: .6rem 0; padding: .9rem 1.1rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 14px; }
.todo { border-left: 6px solid var(--tone); }
.todo strong { display: block; }
.card h3 { display: flex; flex-wrap: wrap; gap: 0 .6rem; margin: 0; font-size: 1.1rem; }
.soft, .card h3 span { color: var(--soft); font-weight: 400; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .4rem 1rem;
  margin: .5rem 0 0; }
dt { color: var(--soft); font-size: .85rem; } dd { margin: 0; font-weight: 600; }
code { padding: .1em .4em; border-radius: 6px; background: var(--code); font-size: .9em;
  overflow-wrap: anywhere; }
ol { margin: .4rem 0 0; padding-left: 1.4rem; } li { margin: .3rem 0; }
meter { width: 4.5rem; height: .8rem; vertical-align: baseline; }
footer { margin-top: 1.75rem; padding-bottom: 2rem; color: var(--soft); font-size: .85rem; }
"""
_SCRIPT = """
const tone = (name) => { document.querySelector('.state').className = 'state ' + name; };
setInterval(async () => {
  try {
    const answer = await fetch('/', {cache: 'no-store', signal: AbortSignal.timeout(4000)});
    if (!answer.ok) throw new Error();
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    document.title = page.title;
    document.querySelector('main').replaceWith(page.querySelector('main'));
    document.querySelector('footer').replaceWith(page.querySelector('footer'));
  } catch {
    tone('problem');
    document.title = 'No answer';
    document.querySelector('.state h1').textContent = 'The gateway does not answer';
    document.querySelector('.state .sign').textContent = '\\u2716';
    document.querySelector('.state p').textContent =
      'Is your tunnel still open? What is below was true before.';
  }
}, REFRESH_MS);
""".replace("REFRESH_MS", str(REFRESH_S * 1000))


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; style-src {_hash(_STYLE)}; script-src {_hash(_SCRIPT)}; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SIGNS = {Level.PROBLEM: "✖", Level.NOTICE: "!"}


def render(overview: Overview, at: str) -> str:
    """Give the page; ``at`` is the time of day that it says it was made."""
    todo = advice(overview)
    worst = todo[0].level if todo else None
    title = {None: "All is well", Level.NOTICE: "Please look", Level.PROBLEM: "Needs you"}[worst]
    parts = (*_state(worst, overview), *_todo(todo), *_devices(overview.devices))
    main = "".join((*parts, *_strangers(overview.live), *_help()))
    about = overview.live.gateway_id if overview.live is not None else "gateway"
    software = overview.live.software if overview.live is not None else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="icon" href="data:,">'
        f"<title>{title}: {escape(about)}</title><style>{_STYLE}</style></head>"
        f"<body><main>{main}</main><footer>{escape(about)} · {escape(software)} · {escape(at)}, "
        f"new every {REFRESH_S} s · shows no values and no names of people</footer>"
        f"<script>{_SCRIPT}</script></body></html>"
    )


def _state(worst: Level | None, overview: Overview) -> Iterator[str]:
    held = overview.journal.held if overview.journal is not None else None
    waiting = (
        "How many readings wait here for the clinic cannot be told."
        if held is None
        else f"{words.counted(held, 'reading')} wait{'s' if held == 1 else ''} here for the clinic."
        if held
        else "No reading waits here for the clinic."
        if worst is Level.PROBLEM  # it may not have been read
        else "Everything that was measured is at the clinic."
    )
    if worst is None:
        yield _banner("good", "✔", "All is well", waiting)
    elif worst is Level.NOTICE:
        yield _banner("notice", "!", "It works, but please look", waiting)
    else:
        yield _banner("problem", "✖", "This gateway needs you", waiting)


def _banner(tone: str, sign: str, title: str, text: str) -> str:
    return (
        f'<section class="state {tone}" role="status"><div class="sign" aria-hidden="true">{sign}'
        f"</div><div><h1>{title}</h1><p>{text}</p></div></section>"
    )


def _todo(todo: list[Advice]) -> Iterator[str]:
    if todo:
        yield "<h2>What to do</h2>"
    for one in todo:
        do = f"<div>{_text(one.do)}</div>" if one.do else ""
        yield (
            f'<div class="card todo {one.level.value}"><strong>{_SIGNS[one.level]} '
            f"{_text(one.what)}</strong>{do}</div>"
        )


def _devices(devices: list[DeviceRow]) -> Iterator[str]:
    yield "<h2>Devices of this home</h2>"
    if not devices:
        yield '<p class="soft">None yet.</p>'
    for device in devices:
        facts = [("Last reading", words.last_reading(device))]
        if device.last_seen_s is not None:
            facts.append(("Last heard", words.ago(device.last_seen_s)))
        items = "".join(f"<div><dt>{name}</dt><dd>{text}</dd></div>" for name, text in facts)
        if device.battery_percent is not None:
            percent = device.battery_percent
            items += (
                f'<div><dt>Battery</dt><dd><meter min="0" max="100" low="20" optimum="100" '
                f'value="{percent}"></meter> {percent} %</dd></div>'
            )
        elif device.battery_low:
            items += "<div><dt>Battery</dt><dd>low, its record says</dd></div>"
        if device.failures:
            items += f"<div><dt>Failed visits in a row</dt><dd>{device.failures}</dd></div>"
        name = device.name or device.model or device.address
        yield (
            f'<div class="card"><h3>{escape(name)} <span>{escape(device.model or "")} '
            f"{escape(device.address)}</span></h3><dl>{items}</dl></div>"
        )


def _strangers(live: Live | None) -> Iterator[str]:
    if live is None or not live.strangers:
        return
    yield "<h2>Near, but not paired here</h2>"
    for stranger in live.strangers:
        yield _stranger(stranger)


def _stranger(stranger: LiveStranger) -> str:
    advert = stranger.advert
    name = advert.name or advert.address
    about = f"{words.kind(advert)} · {words.distance(advert.rssi_dbm)}"
    return (
        f'<div class="card"><h3>{escape(name)} <span>{escape(about)}</span></h3>'
        f"<div>Does it belong to this home? {escape(words.how_to_pair(name=advert.name))} Then: "
        f"<code>sudo vitalwire gateway pair {escape(advert.address)}</code></div></div>"
    )


def _help() -> Iterator[str]:
    yield (
        '<h2>To pair a device</h2><div class="card"><ol>'
        "<li>Sit down beside the gateway with the device.</li>"
        "<li>In the SSH window run <code>sudo vitalwire gateway pair</code> and follow it.</li>"
        "<li>Take one measurement. Within a minute this page shows it as the last reading.</li>"
        '</ol></div><p class="soft">Stuck? <code>sudo vitalwire gateway doctor</code> checks '
        "everything, one after another.</p>"
    )


def _text(text: str) -> str:
    """Escape a sentence; what is between backticks is a command."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
