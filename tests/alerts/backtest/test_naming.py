"""A hospital's table has its own names: a person says which is which, and nothing is guessed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from schemas.errors import InvalidInput, MisconfiguredError
from vitalwire import cli

OURS = "patient_id,vital,measured_at,glucose,unit\n"
THEIRS = "MRN,Measured at,vital,Blood sugar,U\n"
ROWS = "007,2026-10-05T08:00Z,glucose,2.4,mmol/L\n007,2026-10-06T08:00Z,glucose,5.4,mmol/L\n"
NAMES = ("patient_id=MRN", "measured_at=Measured at", "glucose=Blood sugar")


def columns(*names: str) -> list[str]:
    return [part for name in names for part in ("--column", name)]


def backtest(path: Path, *arguments: str) -> Result:
    command = ["rules", "backtest", "adult-diabetes", "--json", "--from", str(path), *arguments]
    return CliRunner().invoke(cli, command)


def table(folder: Path, text: str) -> Path:
    path = folder / "export.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path, *arguments: str) -> str:
    done = backtest(path, *arguments)
    assert isinstance(done.exception, InvalidInput), done.output
    return str(done.exception)


def test_a_table_by_its_own_names_is_judged_as_one_by_ours(tmp_path: Path) -> None:
    theirs = backtest(table(tmp_path, THEIRS + ROWS), *columns(*NAMES, "unit=U"))
    assert theirs.exit_code == 0, theirs.output
    swapped = "".join(
        f"{who},{what},{at},{value},{unit}\n"
        for who, at, what, value, unit in (row.split(",") for row in ROWS.split())
    )
    ours = json.loads(backtest(table(tmp_path, OURS + swapped)).stdout)
    found = json.loads(theirs.stdout)
    assert found == ours
    assert sum(row["alerts"] for row in found["rules"]) == 1  # 2.4 mmol/L, and not 2.4 mg/dL
    unread = [row["what"] for row in found["left_out"] if "nobody reads" in row["what"]]
    assert unread == []


def test_a_table_of_one_vital_need_not_name_it_and_one_of_several_must(tmp_path: Path) -> None:
    whole = backtest(table(tmp_path, THEIRS + ROWS), *columns(*NAMES, "unit=U"))
    without = (THEIRS + ROWS).replace("vital,", "").replace("glucose,", "")
    alone = backtest(table(tmp_path, without), *columns(*NAMES, "unit=U"))
    assert json.loads(alone.stdout) == json.loads(whole.stdout)
    for several in ("patient_id,measured_at,pulse\n", "patient_id,measured_at,glucose,systolic\n"):
        assert "The table lacks vital;" in refusal(table(tmp_path, several))


def test_a_table_that_lacks_columns_is_refused_with_the_options_to_write(tmp_path: Path) -> None:
    said = refusal(table(tmp_path, THEIRS + ROWS))
    assert "lacks patient_id, measured_at, systolic (or whichever quantity it holds)" in said
    assert "its columns are MRN, Measured at, vital, Blood sugar, U" in said
    assert "--column patient_id='…' --column measured_at='Measured at'" in said


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (("patient_id=MNR",), "the table has no column 'MNR'. Did you mean 'MRN'?"),
        (("patient_id=mrn",), "Did you mean 'MRN'?"),
        (("patientid=MRN",), "Did you mean 'patient_id'?"),
        (("sugar=Blood sugar",), "There are: patient_id, vital, measured_at, systolic"),
        (("patient_id",), "is not like patient_id=MRN"),
        (("patient_id=MRN", "patient_id=U"), "is said to be 'MRN' and 'U'"),
        (("patient_id=MRN",), "The table lacks measured_at"),
    ],
)
def test_a_slip_is_refused_with_what_was_meant(
    tmp_path: Path, names: tuple[str, ...], says: str
) -> None:
    assert says in refusal(table(tmp_path, THEIRS + ROWS), *columns(*names))


def test_a_unit_that_nothing_states_is_asked_for_and_not_guessed(tmp_path: Path) -> None:
    path = table(tmp_path, THEIRS + ROWS)
    said = refusal(path, *columns(*NAMES))
    assert "Nothing says in which unit glucose is, and none is guessed" in said
    assert "--unit glucose=mg/dL" in said
    stated = backtest(path, *columns(*NAMES), "--unit", "glucose=mmol/L")
    by_column = backtest(path, *columns(*NAMES, "unit=U"))
    for one in ("rules", "shifts", "days"):
        assert json.loads(stated.stdout)[one] == json.loads(by_column.stdout)[one]


@pytest.mark.parametrize(
    ("units", "says"),
    [
        (("glucose=mmol",), "glucose is not measured in 'mmol', but in: mg/dL, mmol/L"),
        (("sugar=mmol/L",), "There is no vital 'sugar'"),
        (("glucose=mmol/L", "glucose=mg/dL"), "in two units"),
    ],
)
def test_a_unit_that_is_none_is_refused(tmp_path: Path, units: tuple[str, ...], says: str) -> None:
    options = [part for unit in units for part in ("--unit", unit)]
    assert says in refusal(table(tmp_path, THEIRS + ROWS), *columns(*NAMES), *options)


def test_a_unit_is_not_said_twice(tmp_path: Path) -> None:
    path = table(tmp_path, THEIRS + ROWS)
    said = refusal(path, *columns(*NAMES, "unit=U"), "--unit", "glucose=mg/dL")
    assert "the table has a column unit" in said


def test_the_clinics_own_database_has_our_names() -> None:
    done = CliRunner().invoke(cli, ["rules", "backtest", "adult-diabetes", *columns(*NAMES)])
    assert isinstance(done.exception, MisconfiguredError)
    assert "about a file" in str(done.exception)
