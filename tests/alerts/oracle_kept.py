"""A reading that the oracle keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from schemas.kafka import StampedReading
from schemas.reading import Quantity
from tests.alerts.oracle_truth import censored


@dataclass(eq=False)
class Kept:
    """A reading in the history; ``day``: the patient's, in the zone in force at measurement.

    ``alone``: the only reading of its session, as far as is known. ``attributes``: its
    circumstances. ``judged``: since the plan began; a baseline may need others too. ``fresh``: for
    which rules it was; ``back``: of which it met the return condition when it was judged.
    ``forgotten``: too many have come since for windows of readings. ``late``: too old when it came
    to end anything. ``gated``: flags that spoiled a reading when it came. ``met``: circumstances
    that were told before a version, as rules had asked for them.
    """

    stamped: StampedReading
    received_ms: int
    day: date
    alone: bool
    quantities: dict[str, Quantity]
    status: list[str] | None
    circumstances: list[dict[str, str]]
    judged: bool
    gated: frozenset[str]
    fresh: set[str] = field(default_factory=set)
    back: set[str] = field(default_factory=set)
    forgotten: bool = False
    late: bool = False
    met: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    @property
    def reading_id(self) -> str:
        return self.stamped.reading.reading_id

    @property
    def vital(self) -> str:
        return self.stamped.reading.vital

    @property
    def at_ms(self) -> int:
        return self.stamped.stamp.measured_at_ms

    @property
    def earliest_ms(self) -> int:
        stamp = self.stamped.stamp
        return stamp.earliest_ms if stamp.quality == "bounded" else stamp.measured_at_ms

    @property
    def order(self) -> tuple[int, int, str]:
        return self.at_ms, self.stamped.reading.seq, self.reading_id

    @property
    def trusted(self) -> bool:
        return self.stamped.stamp.quality != "untrusted"

    @property
    def certain(self) -> bool:
        return self.stamped.stamp.quality == "device-clock"

    @property
    def flagged(self) -> bool:
        return bool(self.gated & set(self.status or []))

    @property
    def censored(self) -> bool:
        return any(censored(value) for value in self.quantities.values())

    @property
    def eligible(self) -> bool:
        """For windows: unflagged, numeric (HI and LO are), its time trusted or all we have."""
        numeric = any(value.value or censored(value) for value in self.quantities.values())
        quality = self.stamped.stamp.quality
        timed = quality == "device-clock" or (quality == "receipt" and self.alone)
        return numeric and timed and not self.flagged

    def meets(self, name: str, words: Sequence[str]) -> bool:
        """Is a circumstance told? It is never taken back."""
        met = (name, tuple(words)) in self.met
        return met or any(told.get(name) in words for told in self.circumstances)

    def only_told(self, asked: set[tuple[str, tuple[str, ...]]]) -> None:
        """Forget all but what those who go on asking have heard: the words themselves, too."""
        self.met = {one for one in asked if self.meets(*one)}
        self.circumstances = []

    def as_windows_know(self) -> "Kept":
        """What is not a number is not there."""
        known = {None, "positive-infinity", "negative-infinity"}
        return replace(
            self, quantities={n: v for n, v in self.quantities.items() if v.absent in known}
        )

    @property
    def may_return(self) -> bool:
        """Unflagged, uncensored, and its time is known."""
        return not self.flagged and not self.censored and self.trusted
