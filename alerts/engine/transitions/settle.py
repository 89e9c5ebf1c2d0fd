"""What began and ended within one record was over before anybody could see it."""

from msgspec.structs import replace

from alerts.engine.ladders.findings import WORK_LIST_RANK, Finding
from alerts.engine.ladders.ladder import Ladder
from schemas.alert import ENDING

Placed = tuple[int, Ladder, Finding]
"""A finding with the reading's place in the record, and the ladder."""


def settle(findings: list[Placed]) -> list[Placed]:
    """Put one item of the work list in the place of an alert that ended where it began."""
    if len(findings) < 2:
        return findings
    settled: list[Placed] = []
    for place, ladder, finding in findings:
        began = [
            (number, item)
            for number, (_, other, item) in enumerate(settled)
            if other is ladder and item.origin == finding.origin and item.event != "repeat-asked"
        ]
        if finding.event not in ENDING or not any(item.event == "onset" for _, item in began):
            settled.append((place, ladder, finding))
            continue
        worst = min((item for _, item in began), key=lambda item: item.rank)
        dropped = {number for number, _ in began}
        settled = [item for number, item in enumerate(settled) if number not in dropped]
        settled.append((place, ladder, _over(worst)))
    return settled


def _over(worst: Finding) -> Finding:
    marks = tuple(mark for mark in worst.marks if mark != "awaiting-confirmation")
    rank = max(worst.rank, WORK_LIST_RANK)
    return replace(worst, event="resolved-before-seen", rank=rank, marks=marks, deadline_ms=None)
