"""The picture beside an alert: every value in its place, the limit in the unit drawn."""

from datetime import UTC
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.feed.chart import chart
from alerts.feed.course import Course, Line, Point, course, in_words
from schemas.alert import Evidence, LimitInForce, Transition
from schemas.kafka import StampedReading
from schemas.vitals import VITALS
from tests.alerts.readings import HOUR, NOON, glucose, pressure, stamped

SVG = "{http://www.w3.org/2000/svg}"


def evidence(reading_id: str, at_ms: int, **texts: str) -> Evidence:
    """Give a reading as an alert tells it."""
    vital = "glucose" if "glucose" in texts else "blood_pressure"
    return Evidence(reading_id, vital, at_ms, "device-clock", texts)


def alert(
    about: Evidence, *limits: LimitInForce, window: list[Evidence] | None = None
) -> Transition:
    """Give an alert about a reading."""
    return Transition(
        "e", "a", "p1", "bp-high", "bp-severe", "onset", "critical", NOON, "Severe & sudden",
        "Systolic 192 mmHg is above 180 mmHg", about, "adult-standard", "0",
        limits=list(limits), window=window or [],
    )  # fmt: skip


def drawn(demand: Transition, recent: list[StampedReading]) -> ET.Element:
    """Draw, and read the picture as a browser does."""
    found = course(demand, recent)
    assert found is not None
    return ET.fromstring(chart(found, demand.title, demand.reason, UTC))


def texts(picture: ET.Element) -> str:
    """Give all words of a picture."""
    return " | ".join("".join(one.itertext()) for one in picture.iter(f"{SVG}text"))


def test_the_limit_is_drawn_and_the_reading_is_ringed() -> None:
    about = evidence("r9", NOON, systolic="192 mmHg", diastolic="100 mmHg", pulse="88 /min")
    limit = LimitInForce("systolic", ">", ["180 mmHg"])
    picture = drawn(alert(about, limit), [stamped(pressure(NOON - HOUR, 150, 90), NOON)])
    assert "limit 180 mmHg" in texts(picture)
    assert "systolic 192" in texts(picture).lower()
    assert "diastolic" not in texts(picture).lower()  # no limit speaks of it
    (line,) = picture.iter(f"{SVG}line")
    rings = [one for one in picture.iter(f"{SVG}circle") if one.get("r") == "6.5"]
    assert len(rings) == 1
    assert float(rings[0].get("cy", "")) < float(line.get("y1", ""))  # above it


def test_a_limit_of_the_patients_own_is_called_so_and_is_in_the_readings_unit() -> None:
    about = evidence("r9", NOON, glucose="3.1 mmol/L")
    limit = LimitInForce("glucose", "<", ["3.3 mmol/L", "60 mg/dL"], author="Dr. Who")
    picture = drawn(alert(about, limit), [stamped(glucose(NOON - HOUR, 100), NOON)])
    assert "own limit 3.3 mmol/L" in texts(picture)
    points = next(picture.iter(f"{SVG}polyline")).get("points", "").split()
    assert len(points) == 2  # 100 mg/dL stands among mmol/L


def test_the_limit_of_one_pressure_is_not_taken_for_the_others() -> None:
    about = evidence("r9", NOON, systolic="134 mmHg", diastolic="124 mmHg")
    limits = (
        LimitInForce("systolic", ">", ["180 mmHg"]),
        LimitInForce("diastolic", ">", ["120 mmHg"]),
    )
    words = texts(drawn(alert(about, *limits), []))
    assert "systolic limit 180 mmHg" in words
    assert "diastolic limit 120 mmHg" in words


def test_names_that_would_stand_on_each_other_are_moved_apart() -> None:
    about = evidence("r9", NOON, systolic="100 mmHg", diastolic="99 mmHg")
    past = evidence("r8", NOON - HOUR, systolic="200 mmHg", diastolic="60 mmHg")
    picture = drawn(alert(about, window=[past]), [])
    named = [one for one in picture.iter(f"{SVG}text") if "tolic" in "".join(one.itertext())]
    upper, lower = sorted(float(one.get("y", "")) for one in named)
    assert lower - upper >= float(named[0].get("font-size", ""))


def test_hi_and_lo_stand_at_the_edges_and_doubted_values_are_hollow() -> None:
    about = evidence("r9", NOON, glucose="HI")
    window = [
        evidence("r7", NOON - 2 * HOUR, glucose="LO"),
        Evidence("r8", "glucose", NOON - HOUR, "device-clock", {"glucose": "90 mg/dL"}, ["moved"]),
    ]
    picture = drawn(alert(about, window=window), [])
    low, high = (
        float((one.get("d") or "M0 0").split()[1].split("h")[0])
        for one in picture.iter(f"{SVG}path")
        if "z" in one.get("d", "")  # the axis has none
    )
    (hollow,) = [one for one in picture.iter(f"{SVG}circle") if one.get("r") == "3"]
    assert high < float(hollow.get("cy", "")) < low
    assert hollow.get("fill") == "none"


def test_a_title_that_looks_like_markup_stays_text() -> None:
    about = evidence("r9", NOON, systolic="192 mmHg", diastolic="100 mmHg")
    assert drawn(alert(about), []).findtext(f"{SVG}title") == "Severe & sudden"


@pytest.mark.parametrize(
    "about",
    [
        Evidence("", "blood_pressure", NOON, "receipt", {}),
        Evidence("r9", "mood", NOON, "receipt", {"mood": "3 points"}),
        Evidence("r9", "glucose", NOON, "receipt", {"glucose": "not-a-number"}),
    ],
)
def test_what_has_no_number_has_no_picture(about: Evidence) -> None:
    assert course(alert(about), []) is None


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(20, 300)), min_size=1, max_size=24))
def test_nothing_is_drawn_outside(values: list[tuple[int, int]]) -> None:
    window = [
        evidence(f"r{number}", NOON - ago_ms, systolic=f"{value} mmHg")
        for number, (ago_ms, value) in enumerate(values)
    ]
    picture = drawn(alert(window[0], window=window), [])
    for circle in picture.iter(f"{SVG}circle"):
        assert 0 <= float(circle.get("cx", "")) <= 304
        assert 0 <= float(circle.get("cy", "")) <= 150


def test_the_axis_is_ruled_at_round_values_and_says_its_unit() -> None:
    about = evidence("r9", NOON, glucose="HI")
    past = evidence("r8", NOON - HOUR, glucose="212 mg/dL")
    past_lower = evidence("r7", NOON - 2 * HOUR, glucose="96 mg/dL")
    words = texts(drawn(alert(about, window=[past_lower, past]), [])).split(" | ")
    assert words[:4] == ["100", "150", "200", "HI"]
    assert "mg/dL" in words


def test_the_ring_of_the_first_reading_covers_no_number_of_the_axis() -> None:
    about = evidence("r9", NOON, systolic="200 mmHg", diastolic="100 mmHg")
    later = [stamped(pressure(NOON + HOUR, 150, 90), NOON + HOUR)]
    picture = drawn(alert(about, LimitInForce("systolic", ">", ["180 mmHg"])), later)
    (ring,) = (one for one in picture.iter(f"{SVG}circle") if one.get("r") == "6.5")
    ends = [
        float(one.get("x", ""))
        for one in picture.iter(f"{SVG}text")
        if one.get("text-anchor") == "end"
    ]
    numbers_end = min(ends)  # of the axis; the last time ends further right
    assert numbers_end + 2 <= float(ring.get("cx", "")) - 6.5


def test_what_is_beyond_the_device_stands_beyond_all_numbers_and_is_named() -> None:
    """LO stood beside 103, the lowest number of an axis up to 105."""
    about = evidence("r9", NOON, glucose="LO")
    picture = drawn(alert(about, window=[evidence("r8", NOON - HOUR, glucose="104 mg/dL")]), [])
    axis = {
        "".join(one.itertext()): float(one.get("y", ""))
        for one in picture.iter(f"{SVG}text")
        if one.get("text-anchor") == "end"
    }
    assert {"100", "105", "LO"} <= axis.keys()
    assert axis["LO"] - axis["100"] > 12  # its letters' height
    assert texts(drawn(alert(about), [])).split(" | ")[:2] == ["LO", "mg/dL"]  # and no number


def test_a_cuff_that_measures_in_kpa_is_drawn_as_the_limit_is_stated() -> None:
    about = evidence("r9", NOON, systolic="25.9 kPa", diastolic="16.1 kPa")
    words = texts(drawn(alert(about, LimitInForce("systolic", ">", ["180 mmHg"])), []))
    assert "limit 180 mmHg" in words
    assert "systolic 194" in words
    assert "kPa" not in words


def test_the_name_of_a_limit_hides_no_value() -> None:
    window = [evidence(f"r{n}", NOON - n * HOUR, systolic="182 mmHg") for n in range(1, 7)]
    about = evidence("r9", NOON, systolic="184 mmHg")
    low = [evidence("r8", NOON - 7 * HOUR, systolic="120 mmHg")]
    demand = alert(about, LimitInForce("systolic", ">", ["180 mmHg"]), window=window + low)
    picture = drawn(demand, [])
    named = next(one for one in picture.iter(f"{SVG}text") if "limit" in "".join(one.itertext()))
    (line,) = picture.iter(f"{SVG}line")
    assert float(named.get("y", "")) > float(line.get("y1", ""))  # the values are above it


def test_who_cannot_see_the_picture_is_told_the_same() -> None:
    limit = LimitInForce("glucose", "<", ["54 mg/dL", "3.0 mmol/L"])
    past = [
        evidence("r7", NOON - 2 * HOUR, glucose="LO"),
        evidence("r8", NOON - HOUR, glucose="5.0 mmol/L"),
    ]
    found = course(alert(evidence("r9", NOON, glucose="51 mg/dL"), limit, window=past), [])
    assert found is not None
    assert in_words(found) == "Chart, oldest first: glucose LO, 90, 51 mg/dL; limit 54 mg/dL"


def test_whoever_hears_only_the_last_values_is_told_so() -> None:
    points = [Point(number, number, doubted=False, chosen=False) for number in range(1, 10)]
    line = Line(VITALS["glucose"].quantities[0], "mg/dL", points)
    said = "2, 3, 4, 5, 6, 7, 8, 9 mg/dL"
    assert in_words(Course([line], [])) == f"Chart, the last 8 of 9, oldest first: glucose {said}"
    fewer = Line(line.quantity, line.unit, points[1:])
    assert in_words(Course([fewer], [])) == f"Chart, oldest first: glucose {said}"
