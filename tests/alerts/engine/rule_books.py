"""Small random rule books that mix every kind of rule, written as TOML."""

from collections.abc import Sequence

from hypothesis import strategies as st

HEAD = """\
book = "{name}"
title = "Generated"
population = "Nobody"

[vitals.blood_pressure]
fresh = "{pressure_fresh}"
units = ["mmHg"]
gated = {{ body-moved = "the body moved", cuff-too-loose = "the cuff was too loose" }}

[vitals.glucose]
fresh = "{glucose_fresh}"
units = ["mg/dL", "mmol/L"]
"""
RULE = """
[[rule]]
id = "{id}"
ladder = "{ladder}"
title = "Generated"
vital = "{vital}"
when = "{when}"
severity = "{severity}"
source = "none: this book is for tests"
advice = "none"
"""
PRESSURE_BAND = 'band = ["5 mmHg", "5 /min"]'
GLUCOSE_BAND = 'band = ["10 mg/dL", "0.6 mmol/L"]'
REQUIRES = 'requires = { meal = ["fasting", "preprandial"] }'
KINDS = (
    "plain",
    "counted",
    "averaged",
    "risen",
    "confirmed",
    "named",
    "status",
    "derived",
    "circumstantial",
    "repeated",
)
"""What the engine can judge; a kind is in it from the day on which it can."""

comparisons = st.one_of(
    st.builds(
        "systolic {} {} mmHg".format,
        st.sampled_from([">", ">="]),
        st.integers(12, 19).map(lambda n: n * 10),
    ),
    st.builds(
        "systolic {} {} mmHg".format, st.sampled_from(["<", "<="]), st.sampled_from([90, 100, 110])
    ),
    st.builds(
        "diastolic {} {} mmHg".format, st.sampled_from([">", ">="]), st.sampled_from([80, 90, 120])
    ),
    st.builds("pulse {} {} /min".format, st.sampled_from(["<", ">="]), st.sampled_from([50, 100])),
)
mean_arterial = st.sampled_from(["map >= 100 mmHg", "map < 80 mmHg"])
sugars = st.one_of(
    st.sampled_from(["glucose is LO", "glucose is HI"]),
    st.builds(
        "glucose {} ({})".format,
        st.sampled_from(["<", "<="]),
        st.sampled_from(["54 mg/dL, 3.0 mmol/L", "70 mg/dL, 3.9 mmol/L"]),
    ),
    st.builds(
        "glucose {} ({})".format,
        st.sampled_from([">", ">="]),
        st.sampled_from(["180 mg/dL, 10.0 mmol/L", "250 mg/dL, 13.9 mmol/L"]),
    ),
)


def joined(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pair = st.builds("({} {} {})".format, parts, st.sampled_from(["and", "or"]), parts)
    return parts | pair | st.builds("not {}".format, parts | pair)


@st.composite
def windows(draw: st.DrawFn) -> str:
    of = draw(st.integers(1, 6))
    matching = draw(st.integers(1, min(of, 3)))
    words = [f"matching = {matching}", f"of = {of}"]
    within = draw(st.sampled_from(["", "1h", "24h", "4d"]))
    words += [f'within = "{within}"'] if within else []
    days = draw(st.integers(1, min(2, matching)))
    words += [f"days = {days}"] if days > 1 else []
    apart = draw(st.sampled_from(["", "", "15min", "5h"]))
    words += [f'apart = "{apart}"'] if apart else []
    return f"window = {{ {', '.join(words)} }}"


means = st.builds(
    "window = {{ mean_days = {}, readings = {}, days = {} }}".format,
    st.sampled_from([2, 3, 7]),
    st.sampled_from([2, 3, 5]),
    st.sampled_from([1, 2]),
)
BASELINE = 'baseline = { readings = 2, days = 2, before = "therapy" }'
"""All compare with one: the engine has room for one a vital."""
rises = st.builds(
    "{} rise {} {} mmHg".format,
    st.sampled_from(["systolic", "diastolic", "map"]),
    st.sampled_from([">", ">="]),
    st.sampled_from([10, 15, 20]),
)
mean_tests = st.sampled_from(
    [
        "systolic >= 135 mmHg or diastolic >= 85 mmHg",
        "systolic > 150 mmHg",
        "map >= 100 mmHg",
        "not systolic < 120 mmHg",
        "systolic < 110 mmHg",
    ]
)


@st.composite
def pressure_rules(draw: st.DrawFn, kinds: Sequence[str]) -> tuple[str, list[str]]:
    kind = draw(st.sampled_from(kinds))
    band = draw(st.sampled_from([PRESSURE_BAND, PRESSURE_BAND, 'band = ["2 mmHg", "2 /min"]']))
    window = [draw(windows())] if "counted" in kinds and draw(st.booleans()) else []
    match kind:
        case "averaged":
            return draw(mean_tests), [band, draw(means)]
        case "risen":
            both = st.builds("{} or {}".format, rises, rises)
            return draw(rises | both), [band, BASELINE]
        case "counted":
            return draw(joined(comparisons)), [band, draw(windows())]
        case "confirmed" | "repeated":
            within = draw(st.sampled_from(["5min", "10min", "15min", "30min"]))
            key = "confirm" if kind == "confirmed" else "repeat"
            return draw(joined(comparisons)), [band, f'{key} = {{ within = "{within}" }}']
        case "named":
            return "systolic >= limit.high-systolic", [band, *window]
        case "circumstantial":
            return draw(joined(comparisons)), [band, REQUIRES, *window]
        case "status":
            return "status is irregular-pulse", window
        case _:
            tests = comparisons | mean_arterial if kind == "derived" else comparisons
            return draw(joined(tests)), [band]


@st.composite
def glucose_rules(draw: st.DrawFn, kinds: Sequence[str]) -> tuple[str, list[str]]:
    able = {"counted", "confirmed", "circumstantial"} & set(kinds)
    kind = draw(st.sampled_from(["plain", *sorted(able)]))
    extra = [GLUCOSE_BAND]
    if kind == "counted":
        extra.append(draw(windows()))
    if kind == "circumstantial":
        extra += [REQUIRES, *([draw(windows())] if draw(st.booleans()) else [])]
    if kind == "confirmed":
        extra.append('confirm = { within = "10min" }')
    return draw(joined(sugars)), extra


LIMITS = """
[limits.high-systolic]
value = ["{value} mmHg"]
allowed = [["110 mmHg"], ["200 mmHg"]]
relaxing = "up"
"""


@st.composite
def books(draw: st.DrawFn, name: str, kinds: Sequence[str] = KINDS) -> str:
    """A book; ids of its rules are its own, its ladders are those of all."""
    text = HEAD.format(
        name=name,
        pressure_fresh=draw(st.sampled_from(["1h", "4h"])),
        glucose_fresh=draw(st.sampled_from(["1h", "2h"])),
    )
    rules = []
    for number in range(draw(st.integers(1, 5))):
        vital = draw(st.sampled_from(["blood_pressure", "blood_pressure", "glucose"]))
        ladders = ["bp-high", "bp-low"] if vital == "blood_pressure" else ["glucose-low"]
        strategy = pressure_rules(kinds) if vital == "blood_pressure" else glucose_rules(kinds)
        when, extra = draw(strategy)
        severity = draw(st.sampled_from(["critical", "critical", "high", "medium", "info"]))
        if severity == "critical" and draw(st.booleans()):
            extra = [*extra, "keeps_severity_when_delayed = true"]
        rule = RULE.format(
            id=f"{name}-{number}",
            ladder=draw(st.sampled_from(ladders)),
            vital=vital,
            when=when,
            severity=severity,
        )
        rules.append(rule + "\n".join(extra) + "\n")
    if any("limit.high-systolic" in rule for rule in rules):
        text += LIMITS.format(value=draw(st.sampled_from([130, 145, 160])))
    return text + "".join(rules)
