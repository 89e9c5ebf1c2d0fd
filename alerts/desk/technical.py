"""Trouble of the desk itself, as an alert.

An empty rota, a page that no channel took, a channel that failed beside one that took it, lateness.
There is one a day for each trouble of a programme, or of a channel (``place``); one more if the
desk has closed the last one, because the cause was gone, and it came again (``episode``).
"""

import hashlib
from dataclasses import dataclass
from typing import Literal

from alerts.desk.case import Case
from alerts.desk.staffing import DAY_MS
from schemas.alert import Action, Evidence, Transition
from schemas.rota import Channel, RotaEntry

Trouble = Literal["empty-rota", "undelivered", "channel", "late"]

DESK = "desk"
_PREFIXES = ("desk/", "gateway/", "pipeline/")
_TITLES: dict[str, str] = {
    "empty-rota": "Nobody is on the rota",
    "undelivered": "A notification reached nobody",
    "channel": "A channel takes nothing",
    "late": "Alerts are late",
}
_ADVICE = (
    "Technical staff: look at the rota, the channels of the people on it, and the desk's log. "
    "Until it is mended, watch the page: it shows every alert."
)


@dataclass(frozen=True, slots=True)
class Way:
    """A channel of a rota, by the person whose it is; ``label``: its kind, never its address.

    The second webhook of a person is ``webhook 2``. ``mark`` tells its address from the next one,
    and gives neither away: what is said of the one says nothing of the other.
    """

    programme: str
    name: str
    label: str
    mark: str

    @property
    def place(self) -> str:
        """Name it among all that can have trouble."""
        return f"{self.programme}/{self.name}/{self.label}/{self.mark}"


def ways(rota: RotaEntry, name: str) -> dict[Way, Channel]:
    """Give the channels of a person of a rota."""
    found: dict[Way, Channel] = {}
    for contact in rota.contacts:
        if contact.name != name:
            continue
        for channel in contact.channels:
            same = 1 + sum(one.kind == channel.kind for one in found.values())
            label = channel.kind if same == 1 else f"{channel.kind} {same}"
            found[Way(rota.programme, name, label, _mark(channel.address))] = channel
    return found


def _mark(address: str) -> str:
    return hashlib.sha256(address.encode()).hexdigest()[:4]


def identity(*parts: str) -> str:
    """Name what the desk does so that whoever decides it again gives the same name: 32 digits."""
    return hashlib.sha256("\0".join(("desk", *parts)).encode()).hexdigest()[:32]


def is_technical(event: Transition) -> bool:
    """Whether an alert is the technical chain's."""
    return event.subject.startswith(_PREFIXES)


def trouble_id(trouble: Trouble, place: str, at_ms: int, episode: int = 0) -> str:
    """Name the alert about trouble of a programme; one a day, and one for each further episode."""
    again = (str(episode),) if episode else ()
    return identity("technical", trouble, place, str(at_ms // DAY_MS), *again)


def report(trouble: Trouble, place: str, at_ms: int, sentence: str, episode: int = 0) -> Action:
    """Write the record that raises a technical alert; ``place``: programme or channel, or none."""
    alert_id = trouble_id(trouble, place, at_ms, episode)
    return Action(
        action_id=identity("raised", alert_id),
        alert_ids=[alert_id],
        kind="technical",
        who=DESK,
        at_ms=at_ms,
        patient_id="",
        note=sentence,
        assignee=f"{trouble}/{place}" if place else trouble,
    )


def failing(way: Way, cause: str, at_ms: int) -> Action:
    """Raise that a channel failed while another one took the same notice."""
    sentence = f"Programme {way.programme}: the {way.label} of {way.name} failed ({cause})"
    return report("channel", way.place, at_ms, f"{sentence}; another channel took the notice.")


def again(trouble: Action, episode: int) -> Action:
    """Raise the same trouble once more that day."""
    kind, _, place = trouble.assignee.partition("/")
    assert kind in _TITLES, kind
    return report(kind, place, trouble.at_ms, trouble.note, episode)  # type: ignore[arg-type]


def is_of_the_desk(case: Case) -> bool:
    """Whether an alert is about trouble of the desk itself."""
    return case.demand.subject.startswith(f"{DESK}/")


def place_of(case: Case) -> str:
    """Name what has the trouble: a programme, or a channel of it; empty: no single one."""
    return case.demand.subject.removeprefix(f"{DESK}/").partition("/")[2]


def programme_of(case: Case) -> str:
    """Name the programme that has the trouble; empty: no single one."""
    return place_of(case).partition("/")[0]


def finding_of(action: Action) -> Transition:
    """Read such a record as the event that opens the alert."""
    assert action.kind == "technical", action.kind
    trouble = action.assignee.partition("/")[0] or "trouble"
    return Transition(
        event_id=action.action_id,
        alert_id=action.alert_ids[0],
        patient_id="",
        ladder=f"desk-{trouble}",
        rule=trouble,
        event="onset",
        severity="high",
        at_ms=action.at_ms,
        title=_TITLES.get(trouble, "The desk has trouble"),
        reason=action.note,
        evidence=Evidence("", "", action.at_ms, "device-clock", {}),
        book="",
        book_sha256="",
        advice=_ADVICE,
        subject=f"{DESK}/{action.assignee or trouble}",
    )
