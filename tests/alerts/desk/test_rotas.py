"""Whom a rota names at a moment is told: at a handover, on leave, and of what has no programme."""

import msgspec
import pytest

from schemas.rota import Leave, Shift
from tests.alerts.desk.virtual_desk import (
    DAY_SHIFT_MS,
    HOUR_MS,
    MINUTE_MS,
    MONDAY_MS,
    NIGHT_MS,
    ROTA,
    VirtualDesk,
)


def test_at_a_handover_everybody_of_both_shifts_is_told_at_once() -> None:
    night = Shift("19:00", "07:15", ["night"], ["night-second"])
    day = Shift("06:45", "19:00", ["nurse"], ["second"])
    desk = VirtualDesk(MONDAY_MS + 7 * HOUR_MS, msgspec.structs.replace(ROTA, shifts=[day, night]))
    desk.find("1")
    desk.after(11 * MINUTE_MS)
    assert desk.told() == [
        (0, "onset", ["night", "nurse"]),
        (5 * 60, "escalation", ["night-second", "second"]),
        (10 * 60, "escalation", ["chief"]),
    ]


def test_whoever_is_on_leave_is_passed_over_until_it_ends() -> None:
    leave = Leave("nurse", "2026-01-05", "2026-01-05T10:12")
    desk = VirtualDesk(DAY_SHIFT_MS, msgspec.structs.replace(ROTA, leave=[leave]))
    desk.find("1")
    desk.after(21 * MINUTE_MS)
    assert [(at_s, *who) for at_s, _, who in desk.told() if who != ["technician"]] == [
        (0, "second"),
        (5 * 60, "chief"),
        (10 * 60, "second"),
        (15 * 60, "chief"),
        (20 * 60, "nurse"),
    ]
    assert desk.said("technical") == [("technical", "")]


def test_technical_staff_are_told_though_every_rota_names_its_books() -> None:
    """Of a programme's trouble its own; of what no programme has, somebody all the same."""
    desk = VirtualDesk(NIGHT_MS, msgspec.structs.replace(ROTA, books=["adult-standard"]))
    other = msgspec.structs.replace(
        ROTA, programme="cancer", books=["oncology"], technical=["engineer"], off_hours=None
    )
    desk.core.put_rota(other)
    desk.find("1", severity="high", patient_id="", subject="gateway/7", book="")
    desk.find("2", alert_id="b", book="oncology")
    desk.after(MINUTE_MS)
    assert [people for _, _, people in desk.told()] == [["engineer"], ["chief"], ["engineer"]]


@pytest.mark.parametrize(("second", "reports"), [([], 0), (["second"], 1)])
def test_a_rota_without_a_second_is_no_trouble_and_one_who_is_away_is(
    second: list[str], reports: int
) -> None:
    rota = msgspec.structs.replace(
        ROTA,
        shifts=[Shift("07:00", "19:00", ["nurse"], second)],
        leave=[Leave("second", "2026-01-01", "2026-01-09")],
    )
    desk = VirtualDesk(rota=rota)
    desk.find("1")
    desk.after(6 * MINUTE_MS)
    chain = [one for one in desk.told() if one[2] != ["technician"]]
    assert chain == [(0, "onset", ["nurse"]), (5 * 60, "escalation", ["chief"])]
    assert len(desk.said("technical")) == reports


def test_what_waits_for_a_shift_waits_no_longer_than_a_new_rota_says() -> None:
    saturday_ms = MONDAY_MS + 5 * 24 * HOUR_MS
    on_weekdays = msgspec.structs.replace(ROTA.shifts[0], days=["mon", "tue", "wed", "thu", "fri"])
    desk = VirtualDesk(
        saturday_ms + 6 * HOUR_MS, msgspec.structs.replace(ROTA, shifts=[on_weekdays])
    )
    desk.find("1", severity="high")
    desk.find("2", severity="medium", alert_id="b")
    desk.after(30 * MINUTE_MS)
    desk.rota = ROTA
    desk.core.put_rota(ROTA)
    desk.restart()
    desk.after(HOUR_MS)
    assert [one for one in desk.told() if one[1] != "escalation"] == [
        (60 * 60, "onset", ["nurse"]),
        (90 * 60, "listed", ["lead"]),
    ]


def test_a_shift_of_a_new_rota_that_is_over_already_tells_nobody_now() -> None:
    saturday_ms = MONDAY_MS + 5 * 24 * HOUR_MS
    weekdays = msgspec.structs.replace(ROTA.shifts[0], days=["mon", "tue", "wed", "thu", "fri"])
    morning = Shift("08:00", "12:00", ["morning"], lead=["lead"], days=["sat"])
    desk = VirtualDesk(saturday_ms + 9 * HOUR_MS, msgspec.structs.replace(ROTA, shifts=[weekdays]))
    desk.find("1", severity="high")
    desk.find("2", severity="medium", alert_id="b")
    desk.after(11 * HOUR_MS)
    desk.core.put_rota(msgspec.structs.replace(ROTA, shifts=[weekdays, morning]))
    desk.until(saturday_ms + 47 * HOUR_MS)
    assert desk.told() == []
    desk.until(saturday_ms + 2 * 24 * HOUR_MS + 7 * HOUR_MS)
    assert [(reason, who) for _, reason, who in desk.told()] == [
        ("onset", ["nurse"]),
        ("listed", ["lead"]),
    ]
