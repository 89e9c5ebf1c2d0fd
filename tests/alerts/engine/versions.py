"""New versions of random books: rules go, come, ask for something else, or count otherwise."""

import re

from hypothesis import strategies as st

from tests.alerts.engine.rule_books import LIMITS, books
from tests.alerts.readings import Version

RULE = "\n[[rule]]\n"
AMOUNT = re.compile(r"\d+ mmHg")
PAIRS = [
    "(54 mg/dL, 3.0 mmol/L)",
    "(70 mg/dL, 3.9 mmol/L)",
    "(180 mg/dL, 10.0 mmol/L)",
    "(250 mg/dL, 13.9 mmol/L)",
]
OWN = "limit.high-systolic"
WORDS = [["fasting", "preprandial"], ["fasting"], ["postprandial"], ["postprandial", "fasting"]]
MEALS = re.compile(r"meal = \[[^\]]*\]")


@st.composite
def versions(draw: st.DrawFn, texts: tuple[str, ...], number: int) -> Version:
    """Change one book; ``number`` tells rules that come from all before: an id is never re-used."""
    place = draw(st.sampled_from(range(len(texts))))
    head, *rules = texts[place].split(RULE)
    whats = ["fewer", "more", "limit", "limit", "own", "anew", "severity", "fresh", "words"]
    match draw(st.sampled_from(whats)):
        case "fewer" if len(rules) > 1:
            rules.remove(draw(st.sampled_from(rules)))
        case "more":
            rules += draw(others(place, number))
        case "limit":
            at = draw(st.sampled_from(range(len(rules))))
            rules[at] = draw(moved(rules[at]))
        case "own":
            value = draw(st.sampled_from([130, 145, 160]))
            head = re.sub(r'value = \["\d+', f'value = ["{value}', head)
        case "severity":
            at = draw(st.sampled_from(range(len(rules))))
            rules[at] = draw(as_severe(rules[at]))
        case "words":
            meals = MEALS.search("".join(rules))
            words = f"meal = {draw(st.sampled_from(WORDS))}".replace("'", '"')
            rules = [MEALS.sub(words, rule) for rule in rules] if meals else rules
        case "fresh":
            head = re.sub(
                r'fresh = "\w+"', f'fresh = "{draw(st.sampled_from(["1h", "4h"]))}"', head
            )
        case "anew":
            rules = draw(others(place, number))
        case _:
            pass
    head, *limits = head.split("\n[limits.")
    if any(OWN in rule for rule in rules):  # a limit that no rule asks for is refused
        own = LIMITS.format(value=draw(st.sampled_from([130, 145, 160])))
        head += "\n[limits." + limits[0] if limits else own
    text = RULE.join([head, *rules])
    return Version((*texts[:place], text, *texts[place + 1 :]))


@st.composite
def others(draw: st.DrawFn, place: int, number: int) -> list[str]:
    name = "ab"[place]
    _, *rules = draw(books(name)).split(RULE)
    return [rule.replace(f'id = "{name}-', f'id = "{name}{number}-') for rule in rules]


@st.composite
def as_severe(draw: st.DrawFn, rule: str) -> str:
    """Let a rule about readings be as severe as another; whose severity is kept is critical."""
    if "absent_for" in rule or "keeps_severity" in rule:
        return rule
    other = draw(st.sampled_from(["critical", "high", "medium", "info"]))
    return re.sub(r'severity = "\w+"', f'severity = "{other}"', rule)


@st.composite
def moved(draw: st.DrawFn, rule: str) -> str:
    """Let a rule ask for another amount."""
    when = next((line for line in rule.splitlines() if line.startswith("when")), "")
    if not when:  # it is about absence
        return rule
    amount = f"{draw(st.sampled_from([90, 100, 120, 130, 140, 150, 160, 180]))} mmHg"
    other = AMOUNT.sub(amount, when, count=1)
    told = [pair for pair in PAIRS if pair in when]
    if told:
        other = when.replace(told[0], draw(st.sampled_from(PAIRS)))
    return rule.replace(when, other)
