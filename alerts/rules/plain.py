"""What a library says of a wrong book, in the words of whoever writes one."""

import re
from difflib import get_close_matches

from alerts.rules.positions import Path
from alerts.rules.text import (
    BaselineText,
    BookText,
    LimitText,
    RuleText,
    VitalText,
    WindowText,
    WithinText,
)
from schemas.alert import SEVERITIES

_KINDS = {
    "str": 'a text ("…")',
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list ([…])",
    "object": "a table",
    "null": "nothing",
    "date": "a date",
}


_WORDS = {"severity": SEVERITIES, "relaxing": ("up", "down"), "before": ("therapy", "plan")}
_KEYS = sorted(
    {
        name
        for kind in (BookText, RuleText, VitalText, LimitText, WindowText, BaselineText, WithinText)
        for name in kind.__struct_fields__
    }
)


_HINTS = {
    "declare": "A section stands here for the second time, or [rule] ought to be [[rule]].",
    "Expected newline": "Inside a text write ' in place of \".",
    "overwrite": "A key stands here for the second time, or [rule] ought to be [[rule]].",
    "Illegal character": 'A text ends on the line on which it begins, with a ".',
    "Invalid value": 'A text stands between straight quotes ("…"), true and false without any.',
}


def hint(reason: str) -> str:
    """Say what mistake of TOML most often ends so."""
    return next((f" {meant}" for words, meant in _HINTS.items() if words in reason), "")


def plain(sentence: str, path: Path) -> str:
    """Put msgspec's sentence about the value at a path into plain words."""
    if unknown := re.search(r"unknown field `(.+)`", sentence):
        others = [key for key in _KEYS if key != unknown[1]]  # it may be right elsewhere
        near = get_close_matches(unknown[1], others, 1, 0.75)
        meant = f"is {near[0]!r} meant?" if near else "take it away."
        return f"Nothing is called {unknown[1]!r} here; {meant}"
    if missing := re.search(r"missing required field `(.+)`", sentence):
        name = missing[1]
        line = "[[rule]]" if name == "rule" else f"[{name}.…]" if name == "vitals" else f"{name} ="
        return f"{name!r} is missing: add a line that begins with {line}"
    if wrong := re.search(r"Invalid enum value (.+)", sentence):
        key = str(next((part for part in reversed(path) if isinstance(part, str)), ""))
        known = " or ".join(_WORDS.get(key, ()))
        return f"{wrong[1]} is no word for {key}: write {known}."
    if length := re.fullmatch(r"Expected `array` of length (\d+), got (\d+)", sentence):
        return f"Here belong {length[1]} lists, not {length[2]}: the lowest and the highest value."
    if expected := re.fullmatch(r"Expected `(.+)`, got `(.+)`", sentence):
        wanted = [_KINDS.get(one, one) for one in expected[1].split(" | ") if one != "null"]
        return f"Here belongs {' or '.join(wanted)}, not {_KINDS.get(expected[2], expected[2])}."
    return f"{sentence}."
