"""What is expected of a patient, and what is known of homes; the oracle's words for silence."""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from alerts.engine.absence.expectation import Expectation, Pause
from schemas.kafka import GatewayReport
from schemas.registry import PatientEntry
from tests.alerts.oracle_rules import HOUR, MINUTE, SEVERITIES, duration_ms

LONG_AGO_MS = -(2**62)


@dataclass(frozen=True)
class Absent:
    """A rule about what does not come."""

    book: str
    id: str
    ladder: str
    vital: str
    severity: str
    absent_for_ms: int
    at_once: bool

    @property
    def key(self) -> str:
        return f"{self.book}/{self.id}"


@dataclass
class Missed:
    """What is missed: by which deadline, since when nothing came, and why.

    ``alert``: what its alert is named after, the first that was missed of the ladder.
    """

    rule: Absent
    due_ms: int
    since_ms: int
    cause: str
    alert: str = ""

    @property
    def rank(self) -> tuple[int, bool]:
        """How grave it is: the least first; of two equal ones who notifies."""
        return SEVERITIES.index(self.rule.severity), not self.rule.at_once


@dataclass
class Home:
    """A gateway by its reports: what was true of it at any time, whenever that became known.

    ``heard_ms``: by address, when a device was heard.
    """

    reports: list[tuple[int, bool]] = field(default_factory=list)
    heard_ms: dict[str, list[int]] = field(default_factory=dict)

    def take(self, report: GatewayReport) -> None:
        at_ms = report.received_at_ms
        if self.reports and at_ms < self.reports[-1][0]:
            return
        self.reports.append((at_ms, report.health.state == "online"))
        for device in report.health.devices:
            if device.last_seen_s is not None:
                heard_ms = at_ms - device.last_seen_s * 1000
                self.heard_ms.setdefault(device.address, []).append(heard_ms)

    def at(self, at_ms: int) -> tuple[bool | None, int]:
        """Whether it was there, and since when it was or was not; None: nobody had heard of it."""
        course = self.course(at_ms)
        return (course[-1][1], course[-1][0]) if course else (None, LONG_AGO_MS)

    def course(self, at_ms: int) -> list[tuple[int, bool, int]]:
        """Since when it was there, or was not, by turns, as it was known at an instant.

        And when that was known: an hour after a report, if none followed.
        """
        course = list[tuple[int, bool, int]]()
        reported_ms = LONG_AGO_MS
        reports = [one for one in self.reports if one[0] <= at_ms]
        for stamp_ms, online in [*reports, (at_ms, None)]:
            there = course[-1][1] if course else None
            if there and stamp_ms - reported_ms > HOUR:
                there = False
                course.append((reported_ms, there, reported_ms + HOUR))
            if online is not None and (online is not there) and (online or there is not False):
                course.append((stamp_ms, online, stamp_ms))
            if online:
                reported_ms = stamp_ms
        return course

    def came_and_went(self, due_ms: int, at_ms: int) -> bool:
        """Whether it was there for two hours in all, since it came back after a deadline.

        Until it was known to be away. Just back from so long an absence it has two hours more.
        """
        course = self.course(at_ms)
        known_ms = [*(known_ms for _, _, known_ms in course[1:]), at_ms]
        there_ms = sum(
            end_ms - since_ms
            for (since_ms, there, _), end_ms in zip(course, known_ms, strict=False)
            if there and since_ms > due_ms
        )
        if there_ms < 2 * HOUR:
            return False
        since_ms, there, _ = course[-1]
        return not (there and course[1:]) or since_ms - course[-2][0] < 2 * HOUR

    def back_after(self, gone_ms: int) -> int | None:
        backs = (stamp_ms for stamp_ms, online in self.reports if online)
        return next((one for one in backs if one > gone_ms and self.at(one)[0]), None)

    def changes_ms(self) -> set[int]:
        return {one for stamp_ms, _ in self.reports for one in (stamp_ms, stamp_ms + HOUR + 1)}

    def silent(self, address: str, contact_ms: int, at_ms: int) -> bool:
        """Whether a device was heard, but not since the last contact."""
        heard = [one for one in self.heard_ms.get(address, []) if one <= at_ms]
        return bool(heard) and max(heard) <= contact_ms


def speaking(rules: Sequence[Absent]) -> list[Absent]:
    """One alert a problem: who misses the same later, and no more severely, says nothing new."""

    def ahead(rule: Absent) -> tuple[bool, int, int]:
        return not rule.at_once, SEVERITIES.index(rule.severity), rule.absent_for_ms

    def told_by(one: Absent, other: Absent) -> bool:
        same = (one.ladder, one.vital) == (other.ladder, other.vital)
        never_behind = all(a <= b for a, b in zip(ahead(other), ahead(one), strict=True))
        return same and never_behind and (ahead(one) != ahead(other) or other.key < one.key)

    return [one for one in rules if not any(told_by(one, other) for other in rules)]


def read_absences(texts: Iterable[str]) -> list[Absent]:
    return [
        Absent(
            book["book"],
            rule["id"],
            rule["ladder"],
            rule["vital"],
            rule["severity"],
            duration_ms(rule["absent_for"]),
            rule.get("notify", False),
        )
        for book in map(tomllib.loads, texts)
        for rule in book["rule"]
        if "absent_for" in rule
    ]


def expectation(entry: PatientEntry, rule: Absent) -> Expectation:
    """What a care plan promises of a vital."""
    zones = sorted(entry.zones, key=lambda one: one.from_ms)
    schedules = [one for one in entry.schedules if one.vital == rule.vital]
    windows = [window for one in schedules for window in one.windows]
    pauses = sorted(entry.pauses, key=lambda pause: pause.from_ms)
    return Expectation(
        rule.absent_for_ms,
        entry.care_plan_from_ms,
        (
            (LONG_AGO_MS, ZoneInfo(entry.zone)),
            *((one.from_ms, ZoneInfo(one.zone)) for one in zones),
        ),
        tuple(sorted({closes_min(opens, closes) for opens, closes in windows})),
        max((one.grace_min for one in schedules), default=0) * MINUTE,
        tuple(Pause(pause.from_ms, pause.until_ms) for pause in pauses),
        rule.at_once,
    )


def closes_min(opens: str, closes: str) -> int:
    begin, end = (
        60 * int(hours) + int(minutes) for hours, minutes in (opens.split(":"), closes.split(":"))
    )
    return end if end > begin else end + 24 * 60
