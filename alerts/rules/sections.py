"""What the rules of a book hang on: its vitals and limits, names and times."""

import re

from alerts.rules import syntax
from alerts.rules.book import VitalSettings
from alerts.rules.compiler import NamedLimit
from alerts.rules.errors import ExpressionError
from alerts.rules.flags import known_flags
from alerts.rules.mistakes import Mistakes
from alerts.rules.positions import Path
from alerts.rules.slips import meant
from alerts.rules.text import BookText, LimitText, VitalText
from schemas.units import accepted, shown, ucum
from schemas.vitals import VITALS

_JUDGED = [name for name, vital in VITALS.items() if not vital.amends]
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_DURATION = re.compile(r"(\d+)\s*(min|h|d)")
_DURATION_DIGITS = 6
_DURATION_MS = {"min": 60_000, "h": 3_600_000, "d": 86_400_000}


class Sections:
    """Vitals as written (also wrong ones), and the settings and limits that are right."""

    def __init__(self, mistakes: Mistakes) -> None:
        """Know of none."""
        self._mistakes = mistakes
        self._fail = mistakes.of
        self.vitals: dict[str, VitalText] = {}
        self.settings: dict[str, VitalSettings] = {}
        self.limits: dict[str, NamedLimit] = {}
        self.wrong_limits: set[str] = set()

    def read(self, text: BookText) -> None:
        """Read them all; what is wrong is noted."""
        for name, raw in text.vitals.items():
            if self._mistakes.enough:
                return
            with self._mistakes.noted():
                self.vitals[name] = VitalText("", [])
                self.vitals[name] = self._mistakes.structure(raw, VitalText, ("vitals", name))
                if settings := self._vital(name, self.vitals[name]):
                    self.settings[name] = settings
        for name, raw in text.limits.items():
            if self._mistakes.enough:
                return
            path = ("limits", name)
            self.wrong_limits.add(name)
            with self._mistakes.noted():
                limit = self._mistakes.structure(raw, LimitText, path)
                self.limits[name] = self._limit(name, limit)
                self.wrong_limits.discard(name)

    def name(self, path: Path, name: str) -> None:
        """Raise ``BookError`` for what is no name."""
        if not _NAME.fullmatch(name):
            raise self._fail(path, f"{name!r} is no name: use a-z, 0-9 and '-'.")

    def duration_ms(self, path: Path, text: str) -> int:
        """Read a time such as 15min. Raises ``BookError``."""
        match = _DURATION.fullmatch(text)
        if match and len(match[1].lstrip("0")) > _DURATION_DIGITS:
            longest = "9" * _DURATION_DIGITS + match[2]
            raise self._fail(path, f"{text!r} is too long: the longest is {longest}.")
        if not match:
            raise self._fail(path, f"{text!r} is no duration: write it as '15min', '4h' or '3d'.")
        return int(match[1]) * _DURATION_MS[match[2]]

    def _vital(self, name: str, text: VitalText) -> VitalSettings | None:
        """Read a vital; None if something of it is wrong, which is noted."""
        path: Path = ("vitals", name)
        vital = VITALS.get(name)
        if vital is None or vital.amends:
            sentence = f"There is no vital {name!r} that rules could judge; "
            raise self._fail(path, sentence + meant(name, _JUDGED))
        before = len(self._mistakes)
        known = {unit for quantity in vital.quantities for unit in accepted(quantity)}
        for unit in text.units:
            with self._mistakes.noted():
                if ucum(unit) not in known:
                    sentence = f"{name} is not measured in {unit}; "
                    sentence += meant(unit, map(shown, sorted(known)))
                    raise self._fail((*path, "units"), sentence)
        with self._mistakes.noted():
            if not text.units:
                raise self._fail((*path, "units"), "Name the units in which limits are stated.")
        flags = known_flags(name)
        for flag in text.gated:
            with self._mistakes.noted():
                if flag not in flags:
                    sentence = f"{name} has no flag {flag!r}; {meant(flag, flags)}"
                    raise self._fail((*path, "gated"), sentence)
        or_none = self._mistakes.or_none
        fresh_ms = or_none(lambda: self.duration_ms((*path, "fresh"), text.fresh))
        key = "repeat_within"
        repeat_within_ms = or_none(lambda: self.duration_ms((*path, key), text.repeat_within))
        if fresh_ms is None or repeat_within_ms is None or len(self._mistakes) > before:
            return None
        return VitalSettings(fresh_ms, repeat_within_ms, text.gated)

    def _limit(self, name: str, text: LimitText) -> NamedLimit:
        path: Path = ("limits", name)
        self.name(path, name)
        value = self._amounts((*path, "value"), text.value)
        lowest, highest = (self._amounts((*path, "allowed"), end) for end in text.allowed)
        for end in (lowest, highest):
            if {amount.unit for amount in end} != {amount.unit for amount in value}:
                sentence = f"Limit {name!r} states its value and its range in different units."
                raise self._fail((*path, "allowed"), sentence)
        ends = {amount.unit: [amount.number] for amount in lowest}
        for amount in highest:
            ends[amount.unit].append(amount.number)
        for amount in value:
            low, high = ends[amount.unit]
            if low > high:
                sentence = f"The range is reversed: write {high} {amount.unit} first."
                raise self._fail((*path, "allowed"), sentence)
            if not low <= amount.number <= high:
                raise self._fail(
                    (*path, "value"),
                    f"{amount.number} {amount.unit} is outside the range that limit {name!r} "
                    f"allows: {low} to {high} {amount.unit}.",
                )
        return NamedLimit(name, value, lowest, highest, text.relaxing)

    def _amounts(self, path: Path, texts: list[str]) -> tuple[syntax.Amount, ...]:
        try:
            amounts = tuple(syntax.parse_amount(text) for text in texts)
        except ExpressionError as error:
            raise self._fail(path, error.sentence) from error
        if not amounts or len({amount.unit for amount in amounts}) < len(amounts):
            raise self._fail(path, "State the amount once in each unit of the vital.")
        return amounts
