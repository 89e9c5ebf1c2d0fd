"""Rule books as their authors write them: the text, made of what a test cares about."""

PRESSURE = """\
[vitals.blood_pressure]
fresh = "4h"
units = ["mmHg"]
"""
GLUCOSE = """\
[vitals.glucose]
fresh = "1h"
units = ["mg/dL", "mmol/L"]
"""
MOVED = 'gated = { body-moved = "the body moved" }\n'
"""Behind a vital's settings: what nobody is paged by without a repeat."""
_BANDS = {"glucose": '["10 mg/dL", "0.6 mmol/L"]'}


def head(name: str, *sections: str) -> str:
    """The beginning of a book, with the settings of its vitals and limits."""
    lines = f'book = "{name}"\ntitle = "{name.capitalize()}"\npopulation = "Adults"\n'
    return "\n".join([lines, *sections, ""])


def rule(
    name: str,
    when: str,
    *more: str,
    ladder: str = "",
    severity: str = "high",
    vital: str = "blood_pressure",
) -> str:
    """One rule; ``more``: lines of its own, in place of what would stand there without them."""
    lines = {
        "id": f'"{name}"',
        "ladder": f'"{ladder or name}"',
        "title": f'"{name}"',
        "vital": f'"{vital}"',
        "when": f'"{when}"',
        "severity": f'"{severity}"',
        "source": '"none"',
        "advice": '"none"',
    }
    if "<" in when or ">" in when:
        lines["band"] = _BANDS.get(vital, '["5 mmHg"]')
    lines |= dict(line.split(" = ", 1) for line in more if line)
    return "\n".join(["[[rule]]", *(f"{word} = {said}" for word, said in lines.items()), "", ""])
