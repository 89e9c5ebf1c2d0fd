"""Tables from anywhere become columns; what cannot be read is counted and left out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from alerts.backtest.history import History, history
from alerts.backtest.rows import Rows, reading_of
from alerts.backtest.sources import from_file
from schemas.errors import InvalidInput

AT = "2026-10-05T08:00:00Z"
AT_MS = 1_791_187_200_000
NAME = "01a10aa8efb059b8ac7f48aa51a11f50"


def table(**columns: object) -> History:
    rows = {"patient_id": ["p"], "vital": ["blood_pressure"], "measured_at": [AT], **columns}
    return history(pd.DataFrame(rows))


def test_a_row_is_the_reading_that_it_was() -> None:
    past = table(systolic=[192.0], diastolic=[101.0], reading_id=[NAME], status=["body-moved"])
    stamped = reading_of(past, 0)
    assert (stamped.reading.reading_id, stamped.reading.status) == (NAME, ["body-moved"])
    assert {name: (one.value, one.unit) for name, one in stamped.reading.quantities.items()} == {
        "systolic": ("192", "mm[Hg]"),
        "diastolic": ("101", "mm[Hg]"),
    }
    assert (stamped.stamp.measured_at_ms, stamped.stamp.quality) == (AT_MS, "device-clock")


def test_no_flag_and_not_assessed_are_told_apart_in_a_csv_too(tmp_path: Path) -> None:
    """Only the first ends what an irregular pulse began."""
    path = tmp_path / "readings.csv"
    rows = [f"p,blood_pressure,{AT},120,{status}" for status in ("none", "", "body-moved")]
    path.write_text("\n".join(["patient_id,vital,measured_at,systolic,status", *rows]))
    past = history(from_file(path))
    found = [reading_of(past, row).reading.status for row in range(3)]
    assert found == [[], None, ["body-moved"]]


@pytest.mark.parametrize(
    "measured",
    [
        [AT_MS],
        [AT],
        [pd.Timestamp(AT)],
        [pd.Timestamp(AT).tz_localize(None)],
        [pd.Timestamp(AT).tz_convert("Asia/Tokyo")],
        ["2026-10-05T10:00:00+02:00"],
    ],
)
def test_times_are_read_in_every_form(measured: list[object]) -> None:
    assert table(measured_at=measured, systolic=[120]).measured_ms.tolist() == [AT_MS]


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (7.0, "mmol/L", "7.0"),
        (10.0, "mmol/L", "10.0"),
        (5.4, "mmol/L", "5.4"),
        (100.0, "mg/dL", "100"),
        (112.5, "mg/dL", "112.5"),
        (112.0, None, "112"),
        (112.0, "mg/dl", "112"),
        (7.0, " mmol/l", "7.0"),
    ],
)
def test_a_value_is_written_as_its_display_does(value: float, unit: str | None, shown: str) -> None:
    past = table(vital=["glucose"], glucose=[value], unit=[unit])
    quantity = reading_of(past, 0).reading.quantities["glucose"]
    assert (quantity.value, quantity.unit) == (
        shown,
        "mmol/L" if "mmol" in (unit or "") else "mg/dL",
    )


def test_hi_and_lo_are_values_in_text_and_in_numbers() -> None:
    vital = ["glucose"] * 4
    rows = {"patient_id": ["p"] * 4, "vital": vital, "measured_at": [AT] * 4}
    text = history(pd.DataFrame({**rows, "glucose": ["HI", "LO", "5.4", ""], "unit": "mmol/L"}))
    assert text.values["glucose"].tolist()[:3] == [np.inf, -np.inf, 5.4]
    assert text.rejected == {}
    shown = [dict(one.reading.quantities) for one in Rows(text, np.arange(4))]
    assert [one["glucose"].absent for one in shown[:2]] == [
        "positive-infinity",
        "negative-infinity",
    ]
    assert (shown[2]["glucose"].value, shown[2]["glucose"].unit) == ("5.4", "mmol/L")
    assert shown[3] == {}


def test_what_cannot_be_read_is_counted_and_left_out() -> None:
    past = history(
        pd.DataFrame(
            {
                "patient_id": ["p", None, "p", "p", "p"],
                "vital": ["blood_pressure", "blood_pressure", "mood", "blood_pressure", "glucose"],
                "measured_at": [AT, AT, AT, "yesterday", AT],
                "systolic": ["120", "120", "120", "120", "much"],
            }
        )
    )
    assert len(past) == 1
    assert past.rejected == {"vital": 1, "patient": 1, "time": 1, "value": 1}


@pytest.mark.parametrize(
    ("vital", "columns", "reason"),
    [
        ("glucose", {"glucose": [112.0], "unit": ["furlong"]}, "unit"),
        ("glucose", {"glucose": [112.0], "unit": ["mmHg"]}, "unit"),
        ("glucose", {"glucose": [5.4]}, "implausible"),  # mmol/L, and nothing says so
        ("glucose", {"glucose": [112.0], "unit": ["mmol/L"]}, "implausible"),
        ("blood_pressure", {"systolic": [16.0], "unit": ["mmHg"]}, "implausible"),
        ("blood_pressure", {"systolic": [80], "diastolic": [120]}, "implausible"),
        ("glucose", {"glucose": [100], "measured_at": [AT_MS // 1000]}, "time"),  # seconds
        ("glucose", {"glucose": [100], "measured_at": ["05.10.2026 08:00"]}, "time"),
    ],
)
def test_what_the_bridge_would_refuse_is_left_out_with_its_reason(
    vital: str, columns: dict[str, list[object]], reason: str
) -> None:
    past = table(vital=[vital], **columns)
    assert (len(past), past.rejected) == (0, {reason: 1})


@pytest.mark.parametrize(
    ("vital", "columns"),
    [
        ("glucose", {"glucose": [55.4], "unit": ["mmol/L"]}),
        ("blood_pressure", {"systolic": [16.0], "diastolic": [11.0], "unit": ["kPa"]}),
        ("blood_pressure", {"systolic": [120], "diastolic": [80], "pulse": [60], "unit": ["MMHG"]}),
        ("blood_pressure", {"systolic": [300], "diastolic": [np.nan]}),
        ("blood_pressure", {"systolic": ["105"], "diastolic": ["HI"]}),
        ("glucose", {"glucose": ["5,4"], "unit": ["mmol/L"]}),
    ],
)
def test_what_a_patient_can_have_is_kept(vital: str, columns: dict[str, list[object]]) -> None:
    past = table(vital=[vital], **columns)
    assert (len(past), past.rejected) == (1, {})


def test_times_with_a_gap_are_still_milliseconds_and_a_gap_is_no_delay() -> None:
    rows = {"patient_id": ["p"] * 2, "vital": ["glucose"] * 2, "glucose": [100, 101]}
    arrived = {"measured_at": [AT_MS, AT_MS], "received_at": [AT_MS + 9_000, None]}
    past = history(pd.DataFrame({**rows, **arrived}))
    assert past.rejected == {}
    assert past.received_ms.tolist() == [AT_MS, AT_MS + 9_000]


def test_the_same_row_twice_is_one_reading_also_without_a_name() -> None:
    rows = {"patient_id": ["p", "p", "p"], "vital": ["glucose"] * 3, "measured_at": [AT] * 3}
    past = history(pd.DataFrame({**rows, "glucose": [50, 50, 51]}))
    assert (len(past), past.distinct) == (3, 2)
    assert history(pd.DataFrame({**rows, "glucose": 50}).assign(reading_id="")).distinct == 1


def test_what_is_taken_for_granted_is_said() -> None:
    """A column with a typo in its name must not look like a quiet month."""
    assert table(systolic=[120], unit=["mmHg"], received_at=[AT]).remarks == []
    past = table(vital=["glucose"], systolic=[np.nan], Glukose=[40])
    assert [one.split(":")[0] for one in past.remarks] == [
        "There is no column unit",
        "There is no column received_at",
        "Columns that nobody reads",
        "1 row holds no value of its vital; the columns with values are systolic.",
    ]


@pytest.mark.parametrize(
    ("times", "count"),
    [
        (["2026-03-02 08:00", "2026-03-02", "2026-03-02T08:00+01:00", "2026-03-02T08:00Z"], 2),
        (["2026-03-02T08:00:00.5+0100", "2026-03-02T08:00-05", None, "02.03.2026 08:00"], 0),
        ([pd.Timestamp("2026-03-02 08:00"), pd.NaT], 1),
        ([pd.Timestamp("2026-03-02 08:00", tz="Europe/Berlin")], 0),
        ([AT_MS], 0),
    ],
)
def test_times_that_name_no_zone_are_counted(times: list[object], count: int) -> None:
    """An export of a hospital's clocks, taken as UTC, puts a morning's pages into the night."""
    rows = {"patient_id": "p", "vital": "glucose", "measured_at": times, "glucose": 100}
    said = [one for one in history(pd.DataFrame(rows)).remarks if "no zone" in one]
    assert [one.split()[0] for one in said] == ([str(count)] if count else [])


def test_a_table_without_what_is_needed_is_refused() -> None:
    with pytest.raises(
        InvalidInput, match=r"lacks patient_id, .*its columns are MRN, SYS \(mmHg\)"
    ):
        history(pd.DataFrame({"MRN": ["p"], "SYS (mmHg)": [100]}))
    with pytest.raises(InvalidInput, match="measured_at"):
        history(pd.DataFrame({"patient_id": ["p"], "vital": ["glucose"], "glucose": [100]}))
    with pytest.raises(InvalidInput, match="whichever quantity it holds"):
        table(temperament=[3])


def test_readings_come_in_the_order_in_which_they_reached_the_clinic() -> None:
    rows = {
        "patient_id": ["late", "early"],
        "vital": ["blood_pressure"] * 2,
        "measured_at": [AT_MS, AT_MS + 60_000],
        "received_at": [AT_MS + 7_200_000, AT_MS + 61_000],
        "systolic": [120, 130],
    }
    past = history(pd.DataFrame(rows))
    assert [past.patient.names[code] for code in past.patient.code] == ["early", "late"]
    assert len(past.since(AT_MS + 1)) == 1


def test_names_are_kept_and_made_where_there_are_none() -> None:
    assert f"{table(systolic=[100], reading_id=[NAME.upper()]).high[0]:016x}" == NAME[:16]
    dashed = f"{NAME[:8]}-{NAME[8:12]}-{NAME[12:16]}-{NAME[16:20]}-{NAME[20:]}"
    assert f"{table(systolic=[100], reading_id=[dashed]).low[0]:016x}" == NAME[16:]
    assert reading_of(table(systolic=[100]), 0).reading.reading_id != "0" * 32
    odd = table(systolic=[100], reading_id=["g" * 32])  # as long as a name, and none
    assert (
        reading_of(odd, 0).reading.reading_id
        == reading_of(table(systolic=[100]), 0).reading.reading_id
    )
