"""Alerts, rates, shifts and changes, on transitions written by hand."""

from datetime import UTC, datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest

from alerts.backtest.charts import Bar, bars, columns
from alerts.backtest.figures import Alert, alerts_of, by_rule, by_shift, compare, shift_of
from schemas.alert import Event, Evidence, Severity, Transition

HOUR_MS = 3_600_000
BEGIN_MS = int(datetime(2026, 10, 5, 7, tzinfo=UTC).timestamp() * 1000)


def said(  # noqa: PLR0913, PLR0917 - one for each thing that matters here
    hour: float,
    event: Event,
    severity: Severity = "critical",
    rule: str = "severe",
    alert: str = "a",
    patient: str = "p",
) -> Transition:
    return Transition(
        event_id=f"{hour}{event}{alert}",
        alert_id=alert,
        patient_id=patient,
        ladder="bp-high",
        rule=rule,
        event=event,
        severity=severity,
        at_ms=BEGIN_MS + round(hour * HOUR_MS),
        title=rule.title(),
        reason="",
        evidence=Evidence(f"reading-{hour}", "blood_pressure", 0, "receipt", {"systolic": "190"}),
        book="b",
        book_sha256="",
    )


def one(begin: float, end: float, severity: Severity = "high", ladder: str = "bp-high") -> Alert:
    name = f"{begin}-{end}-{severity}-{ladder}"
    return Alert(
        name,
        "p",
        ladder,
        "rule",
        "",
        severity,
        round(begin * HOUR_MS),
        round(end * HOUR_MS),
        "r",
        "",
    )


def test_an_alert_is_the_gravest_that_it_became_until_it_ended() -> None:
    found = alerts_of(
        [
            said(0, "onset", "medium", "often"),
            said(1, "worsened", "critical", "severe"),
            said(2, "eased", "medium", "often"),
            said(3, "returned", "medium", "often"),
            said(4, "onset", "high", "low", alert="b"),
        ],
        BEGIN_MS + 10 * HOUR_MS,
    )
    assert [(alert.rule, alert.severity) for alert in found] == [
        ("severe", "critical"),
        ("low", "high"),
    ]
    assert [(alert.onset_ms - BEGIN_MS) / HOUR_MS for alert in found] == [0, 4]
    assert [(alert.end_ms - BEGIN_MS) / HOUR_MS for alert in found] == [3, 10]


def test_what_was_only_work_is_no_alert() -> None:
    assert alerts_of([said(0, "stale"), said(1, "repeat-asked")], BEGIN_MS) == []


def test_rules_are_counted_gravest_first() -> None:
    transitions = [
        said(0, "onset", "medium", "often"),
        said(0, "onset", "critical", "severe", alert="b", patient="q"),
        said(5, "onset", "critical", "severe", alert="c", patient="q"),
    ]
    found = by_rule(transitions, alerts_of(transitions, BEGIN_MS), patient_days=10.0)
    assert found["rule"].tolist() == ["severe", "often"]
    assert found["alerts"].tolist() == [2, 1]
    assert found["patients"].tolist() == [1, 1]
    assert found["pages"].tolist() == [2, 0]
    assert found["alerts_per_patient_day"].tolist() == [0.2, 0.1]
    assert by_rule([], [], 0.0).empty


@pytest.mark.parametrize(
    ("hour", "begins"), [(0, "05 07"), (7.9, "05 07"), (8, "05 15"), (16, "05 23"), (23.9, "05 23")]
)
def test_a_shift_has_eight_hours_and_the_night_belongs_to_the_day_before(
    hour: float, begins: str
) -> None:
    assert f"{shift_of(BEGIN_MS + round(hour * HOUR_MS), UTC):%d %H}" == begins


def test_shifts_go_by_the_clocks_of_the_clinic() -> None:
    assert f"{shift_of(BEGIN_MS, ZoneInfo('America/New_York')):%d %H}" == "04 23"


def test_quiet_shifts_count_too() -> None:
    transitions = [
        said(1, "onset", "critical"),
        said(9, "onset", "medium", alert="b"),
        said(9, "stale", "medium", alert="c"),
    ]
    found = by_shift(transitions, BEGIN_MS, BEGIN_MS + 20 * HOUR_MS, UTC)
    assert found["pages"].tolist() == [1, 0, 0]
    assert found["work_list"].tolist() == [0, 2, 0]


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        ([one(0, 5)], [one(3, 9)], ["kept"]),
        ([one(0, 5, "critical")], [one(3, 9)], ["graver"]),
        ([one(0, 5)], [one(3, 9, "critical")], ["milder"]),
        ([one(0, 5)], [], ["appears"]),
        ([], [one(0, 5)], ["vanishes"]),
        ([one(0, 2)], [one(3, 9)], ["appears", "vanishes"]),
        ([one(0, 5)], [one(0, 5, ladder="bp-low")], ["appears", "vanishes"]),
    ],
    ids=["kept", "graver", "milder", "appears", "vanishes", "apart", "another problem"],
)
def test_alerts_that_were_open_at_one_time_are_the_same(
    ours: list[Alert], theirs: list[Alert], expected: list[str]
) -> None:
    assert [change for change, _ in compare(ours, theirs)] == expected


def test_charts_are_whole_and_escape_what_books_say() -> None:
    drawn = bars("By <rule>", "a day", [Bar("a & b", 2.0, "critical", 1.0), Bar("c", 0.0, "info")])
    texts = [text.text for text in ET.fromstring(drawn).iter() if text.tag.endswith("text")]
    assert "a & b !!" in texts
    assert "2 (was 1)" in texts
    stacked = columns("Pages", "a day", ["Mon", "Tue"], {"critical": [1, 0], "high": [2, 4]})
    rectangles = [item for item in ET.fromstring(stacked).iter() if item.tag.endswith("rect")]
    assert len(rectangles) == 3
    assert ET.fromstring(bars("None", "a day", [])).tag.endswith("svg")
    assert ET.fromstring(columns("None", "a day", [], {"high": []})).tag.endswith("svg")
