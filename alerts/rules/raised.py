"""Rules that a text of a book makes critical, and what is open by them already.

Nobody is paged for that by an activation: a whole programme might be, at night, for what somebody
was told of before. The next reading that matches pages; until then who activates is told.
"""

from collections.abc import Iterator, Mapping

from alerts.rules.book import Book


def raised(before: Book, now: Book) -> dict[str, str]:
    """Give the rules that are critical now and were not, with what they were."""
    was = {rule.id: rule.severity for rule in before.rules}
    return {
        rule.id: was[rule.id]
        for rule in now.rules
        if rule.severity == "critical" and was.get(rule.id, "critical") != "critical"
    }


def sentences(rules: Mapping[str, str], known: Mapping[str, int]) -> Iterator[str]:
    """Tell of each rule what is open by it, and what to do."""
    for rule, before in rules.items():
        count, said = known.get(rule, 0), f"{rule} is critical now, and was {before}"
        if not count:
            yield f"{said}: nothing is open by it."
            continue
        alerts = "1 alert is" if count == 1 else f"{count} alerts are"
        yield (
            f"{said}: {alerts} open by it. None pages for that before the patient's next reading"
            " that matches: look at them now."
        )
