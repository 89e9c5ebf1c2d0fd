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
GATED = re.compile(r"gated = \{[^}]*\}")
FLAGS = [
    'body-moved = "it moved", cuff-too-loose = "it was loose"',
    'body-moved = "it moved"',
    'irregular-pulse = "it was uneven"',
    "",
]
"""Which of them spoil a reading."""
MEALS = re.compile(r"meal = \[[^\]]*\]")


@st.composite
def versions(draw: st.DrawFn, texts: tuple[str, ...], number: int) -> Version:
    """Change one book; ``number`` tells rules that come from all before: an id is never re-used."""
    place = draw(st.sampled_from(range(len(texts))))
    head, *rules = texts[place].split(RULE)
    head, rules = draw(headed(head)), draw(ruled(rules, place, number))
    head, *limits = head.split("\n[limits.")
    if any(OWN in rule for rule in rules):  # a limit that no rule asks for is refused
        own = LIMITS.format(value=draw(st.sampled_from([130, 145, 160])))
        head += "\n[limits." + limits[0] if limits else own
    text = RULE.join([head, *rules])
    changed = (*texts[:place], text, *texts[place + 1 :])
    gated = draw(st.sampled_from([*[None] * 5, *FLAGS]))
    if gated is not None:  # books agree about it
        changed = tuple(GATED.sub(f"gated = {{ {gated} }}", one) for one in changed)
    return Version(changed)


@st.composite
def headed(draw: st.DrawFn, head: str) -> str:
    """Change what holds for all rules of a book, or nothing of it."""
    match draw(st.sampled_from([*["nothing"] * 7, "own", "fresh"])):
        case "own":
            value = draw(st.sampled_from([130, 145, 160]))
            return re.sub(r'value = \["\d+', f'value = ["{value}', head)
        case "fresh":
            fresh = draw(st.sampled_from(["1h", "4h"]))
            return re.sub(r'fresh = "\w+"', f'fresh = "{fresh}"', head)
        case _:
            return head


@st.composite
def ruled(draw: st.DrawFn, rules: list[str], place: int, number: int) -> list[str]:
    """Change a book's rules."""
    at = draw(st.sampled_from(range(len(rules))))
    whats = ["fewer", "more", "limit", "limit", "anew", "severity", "words", "nothing", "nothing"]
    match draw(st.sampled_from([*whats, "missed"])):
        case "fewer" if len(rules) > 1:
            return [*rules[:at], *rules[at + 1 :]]
        case "more":
            return rules + draw(others(place, number))
        case "limit":
            return [*rules[:at], draw(moved(rules[at])), *rules[at + 1 :]]
        case "severity":
            return [*rules[:at], draw(as_severe(rules[at])), *rules[at + 1 :]]
        case "words":
            meals = MEALS.search("".join(rules))
            words = f"meal = {draw(st.sampled_from(WORDS))}".replace("'", '"')
            return [MEALS.sub(words, rule) for rule in rules] if meals else rules
        case "missed":
            return [draw(waiting(rule)) for rule in rules]
        case "anew":
            return draw(others(place, number))
        case _:
            return rules


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
def waiting(draw: st.DrawFn, rule: str) -> str:
    """Let a rule about absence wait for either vital, for as many days as it comes."""
    if "absent_for" not in rule:
        return rule
    vital = draw(st.sampled_from(["blood_pressure", "glucose"]))
    rule = re.sub(r'vital = "\w+"', f'vital = "{vital}"', rule)
    rule = re.sub(r'ladder = "[\w-]+"', f'ladder = "absence-{vital.replace("_", "-")}"', rule)
    return re.sub(r'absent_for = "\d+d"', f'absent_for = "{draw(st.integers(1, 3))}d"', rule)


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
