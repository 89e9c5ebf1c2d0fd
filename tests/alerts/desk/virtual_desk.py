"""A desk in virtual time: a log that is two lists, people who answer, channels that may fail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import msgspec

from alerts.desk.case import Case
from alerts.desk.core import Core
from alerts.desk.triage import GATHER_MS
from schemas.alert import Action, Deed, Transition
from schemas.rota import Channel, Contact, OffHours, RotaEntry, Shift
from tests.alert_records import transition

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MONDAY_MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC
DAY_SHIFT_MS = MONDAY_MS + 10 * HOUR_MS
NIGHT_MS = MONDAY_MS + 23 * HOUR_MS

ROTA = RotaEntry(
    "home",
    contacts=[
        Contact(name, [Channel("log")])
        for name in ("nurse", "second", "lead", "night", "night-second", "chief", "technician")
    ],
    shifts=[Shift("07:00", "19:00", ["nurse"], ["second"], ["lead"])],
    off_hours=OffHours(["night"], ["night-second"]),
    programme_lead=["chief"],
    technical=["technician"],
)
ALWAYS = RotaEntry(
    "home",
    shifts=[Shift("00:00", "00:00", ["nurse"], ["second"], ["lead"])],
    off_hours=ROTA.off_hours,
    programme_lead=["chief"],
    technical=["technician"],
)
"""Somebody is always on duty."""
NOBODY = RotaEntry("home")
Log = list[Transition | Action]


@dataclass
class VirtualDesk:
    """Runs a core as its shell does: writes first, takes back, then delivers."""

    now_ms: int = DAY_SHIFT_MS
    rota: RotaEntry | None = ROTA
    reaches: Callable[[Action], bool] = lambda _: True
    quick: Callable[[Action], Deed | None] = lambda _: None
    """What somebody does to the alert of a notice after it was written and before it is sent."""
    log: Log = field(default_factory=list)
    core: Core = field(default_factory=Core)
    delivered: list[tuple[int, Action]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.rota is not None:
            self.core.put_rota(self.rota)

    def restart(self) -> None:
        """Forget everything and read the log."""
        self.core = Core()
        if self.rota is not None:
            self.core.put_rota(self.rota)
        for record in self.log:
            self._take(record)

    def find(self, event_id: str, *args: object, **fields: object) -> Transition:
        """Let the engine write an event now."""
        record = transition(event_id, *args, **{"at_ms": self.now_ms, **fields})  # type: ignore[arg-type]
        self.put(record)
        return record

    def do(self, kind: Deed, alert_id: str = "a", **fields: object) -> Action:
        """Let a person do something to what is on the screen now."""
        case = self.case(alert_id)
        action = Action(
            action_id=f"person-{len(self.log)}",
            alert_ids=[alert_id],
            kind=kind,
            who="Anna",
            at_ms=self.now_ms,
            patient_id=case.patient_id,
            event_ids=[case.latest.event_id],
            outcome="advised" if kind == "resolve" else None,
        )
        action = msgspec.structs.replace(action, **fields)
        self.put(action)
        return action

    def put(self, record: Transition | Action) -> None:
        self.log.append(record)
        self._take(record)

    def turn(self) -> list[Action]:
        """Decide and deliver what is due now; give what was written."""
        written: list[Action] = []
        while drafts := self.core.decide(self.now_ms):
            assert len(written) < 10_000, "it never comes to an end"
            for draft in drafts:
                self.put(draft)
                self._overtake(draft)
            written += drafts
        for notice in self.core.to_deliver():
            self.delivered.append((self.now_ms, notice))
            for said in self.core.outcome(
                notice, self.now_ms, delivered=self.reaches(notice), note="log"
            ):
                self.put(said)
                written.append(said)
        return written + self.turn() if written else written

    def decide_only(self) -> None:
        """Write what is decided of events that came now; nothing of it is delivered yet."""
        self.now_ms += GATHER_MS
        for draft in self.core.decide(self.now_ms):
            self.put(draft)

    def _overtake(self, draft: Action) -> None:
        deed = self.quick(draft) if draft.kind == "notify" and draft.to else None
        if deed is not None:
            until_ms = self.now_ms + HOUR_MS if deed == "shelve" else None
            self.do(deed, draft.alert_ids[0], until_ms=until_ms)

    def until(self, at_ms: int) -> None:
        """Go from one due time to the next."""
        self.turn()
        while (due_ms := self.core.due_ms()) is not None and due_ms <= at_ms:
            self.now_ms = max(self.now_ms, due_ms)
            assert self.turn(), f"what is due at {due_ms} never comes"
        self.now_ms = max(self.now_ms, at_ms)
        self.turn()

    def after(self, duration_ms: int) -> Self:
        self.until(self.now_ms + duration_ms)
        return self

    def case(self, alert_id: str = "a") -> Case:
        case = self.core.desk.case(alert_id)
        assert case is not None
        return case

    def said(self, *kinds: str) -> list[tuple[str, str]]:
        """Give (kind, reason) of what the desk decided, in order."""
        return [
            (one.kind, one.reason or "")
            for one in self.log
            if isinstance(one, Action) and one.who == "desk" and one.kind in kinds
        ]

    def told(self) -> list[tuple[int, str, list[str]]]:
        """Give (seconds since the first record, reason, people) of each notice."""
        return [
            ((at_ms - self.began_ms) // 1000, notice.reason or "", notice.to)
            for at_ms, notice in self.delivered
        ]

    @property
    def began_ms(self) -> int:
        return min(one.at_ms for one in self.log)

    def _take(self, record: Transition | Action) -> None:
        if isinstance(record, Transition):
            self.core.found(record, self.now_ms)
        else:
            self.core.done(record, self.now_ms)
