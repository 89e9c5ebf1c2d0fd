"""What a run has seen and done, for a person and for a program. No patient is named. No I/O."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from ingest.redecode.examine import Difference, Refusal

EXAMPLES_MAX = 5
UNKNOWN_MODEL = "unknown model"


class Example(msgspec.Struct, frozen=True):
    """One reading that differs: by column, what is stored and what its bytes say now."""

    reading_id: str
    model: str
    fields: dict[str, list[str | None]]


@dataclass(slots=True)
class VitalReport:
    """What became of one vital's rows; ``held_back`` counts reasons why differing rows stay."""

    rows: int = 0
    differ: int = 0
    corrected: int = 0
    by_field: Counter[str] = field(default_factory=Counter)
    by_model: Counter[str] = field(default_factory=Counter)
    held_back: Counter[str] = field(default_factory=Counter)
    examples: list[Example] = field(default_factory=list)

    def note(self, found: Difference | Refusal) -> None:
        """Count one finding."""
        if isinstance(found, Refusal):
            self.held_back[found.reason] += 1
            return
        model = found.row.model or UNKNOWN_MODEL
        self.differ += 1
        self.by_field.update(found.fields.keys())
        self.by_model[model] += 1
        if len(self.examples) < EXAMPLES_MAX:
            shown = {name: [_text(before), _text(now)] for name, (before, now) in _fields(found)}
            self.examples.append(Example(found.reading_id.hex, model, shown))


@dataclass(slots=True)
class Report:
    """A run: ``applied`` tells whether it wrote; ``undecodable`` what was refused and would not be.

    ``undecodable``: payloads kept as rejected that can be decoded now, by characteristic, received
    from ``undecodable_since`` on.
    """

    applied: bool
    run_id: str
    vitals: dict[str, VitalReport] = field(default_factory=dict)
    undecodable: Counter[str] = field(default_factory=Counter)
    undecodable_since: datetime | None = None

    def note_decodable(self, characteristic: str, received_at: datetime) -> None:
        """Count a rejected payload that could be decoded now."""
        self.undecodable[characteristic] += 1
        self.undecodable_since = min(self.undecodable_since or received_at, received_at)

    def lines(self) -> list[str]:
        """Write it for a person."""
        said = []
        for name, vital in self.vitals.items():
            said.append(f"{name}: {vital.rows} rows, {vital.differ} differ")
            for title, counts in (("by field", vital.by_field), ("by model", vital.by_model)):
                if counts:
                    said.append(f"  {title}: {_counts(counts)}")
            said += [f"  {_sentence(example)}" for example in vital.examples]
            if vital.held_back:
                said.append(f"  left as they are: {_counts(vital.held_back)}")
            if vital.corrected:
                said.append(f"  corrected: {vital.corrected}")
        if self.undecodable_since is not None:
            said.append(
                f"rejected as undecodable, could be decoded now: {_counts(self.undecodable)};"
                " update the homes, then ask them again:"
                f" vitalwire ingest resend --since {self.undecodable_since:%Y-%m-%d}"
            )
        differ = sum(vital.differ for vital in self.vitals.values())
        if any(vital.corrected for vital in self.vitals.values()):
            said.append(
                "Nobody was paged. What a rule finds in what they say now is on the work list;"
                " vitalwire.corrections lists all of them, for a person to look at."
            )
        if not differ:
            said.append("Everything stored is what its bytes say.")
        elif not self.applied:
            said.append("Nothing was changed. To correct: --apply --who NAME --reason TEXT.")
        return said


def _fields(found: Difference) -> list[tuple[str, tuple[object, object]]]:
    return list(found.fields.items())


def _sentence(example: Example) -> str:
    changes = ", ".join(
        f"{name} {before} -> {now}" for name, (before, now) in example.fields.items()
    )
    return f"{example.reading_id} ({example.model}): {changes}"


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.most_common())


def _text(value: object) -> str | None:
    return None if value is None else str(value)
