"""`vitalwire rules backtest` on files: tables, CSV, JSON and the page."""

import csv
import json
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from schemas.errors import InvalidInput, MisconfiguredError
from setup.environment import CHECKOUT, PURPOSES
from simulators.cohort.files import write
from simulators.cohort.generate import generate
from vitalwire import cli


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cohort")
    write(generate("adult-standard", 1, 20, 21), path, parquet=True)
    return path


def backtest(folder: Path, *arguments: str) -> Result:
    source = ["--from", str(folder / "readings.parquet")]
    patients = ["--patients", str(folder / "patients.jsonl")]
    return CliRunner().invoke(cli, ["rules", "backtest", *arguments, *source, *patients])


def draft(folder: Path, old: str, new: str, name: str = "adult-standard") -> str:
    """The book with another limit."""
    from alerts.rules.load import find_book  # noqa: PLC0415 - only here

    text = find_book(name).read_text(encoding="utf-8")
    assert old in text
    path = folder / "draft.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_a_book_is_counted_by_rule_and_by_shift(folder: Path) -> None:
    done = backtest(folder, "adult-standard")
    assert done.exit_code == 0, done.output
    assert "Alerts by rule" in done.stdout
    assert "bp-severe" in done.stdout
    assert "night, 23-07" in done.stdout


def test_rules_that_history_cannot_judge_are_named_in_every_form(folder: Path) -> None:
    meal = 'requires = { meal = ["fasting"] }\nwhen = "glucose > limit.high-glucose'
    book = draft(folder, 'when = "glucose > limit.high-glucose', meal, "adult-diabetes")
    page = folder / "left-out.html"
    done = backtest(folder, book, "--html", str(page))
    found = json.loads(backtest(folder, book, "--json").stdout)["not_judged"]
    told = {row["rule"]: row["why"].split(":")[0] for row in found}
    assert told == {
        "adult-diabetes/glucose-above-180": "asks for a circumstance (requires)",
        "adult-diabetes/glucose-absent": "about silence",
    }
    for text in (done.stdout, page.read_text(encoding="utf-8")):
        assert all(name in text for name in told)


def test_against_itself_nothing_changes(folder: Path) -> None:
    done = backtest(folder, "adult-standard", "--against", "live", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["against"] == "adult-standard"
    assert found["changed"] == []
    assert all(
        row[name] == 0
        for row in found["changes"]
        for name in ("graver", "milder", "appears", "vanishes")
    )


def test_what_was_asked_of_people_before_stands_beside_what_would_be(folder: Path) -> None:
    """A rule that would say nothing any more is a row of noughts, not missing."""
    limit = 'when = "systolic <= limit'
    never = draft(folder, limit, 'when = "systolic <= 40 mmHg and systolic <= limit')
    alone = json.loads(backtest(folder, "adult-standard", "--json").stdout)
    done = backtest(folder, never, "--against", "adult-standard", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    now = {row["rule"]: row for row in alone["rules"]}
    rules = {row["rule"]: row for row in found["rules"]}
    assert now["bp-low"]["alerts"] > 0
    assert rules["bp-low"]["alerts"] == rules["bp-low"]["pages per patient-day"] == 0
    for name, row in rules.items():
        assert (row["alerts before"], row["pages before"]) == (
            now[name]["alerts"], now[name]["pages"],
        )  # fmt: skip
    for row, was in zip(found["shifts"], alone["shifts"], strict=True):
        assert row["mean before"] == was["mean"]
        assert row["most before"] == was["most"]
        assert row["at most, in 19 of 20, before"] == was["at most, in 19 of 20"]
    assert "alerts before" not in alone["rules"][0]


def test_a_page_says_of_whom_and_what_its_words_mean(folder: Path) -> None:
    page = folder / "words.html"
    lower = draft(folder, 'value = ["90 mmHg"]', 'value = ["100 mmHg"]')
    backtest(folder, lower, "--against", "adult-standard", "--html", str(page))
    text = page.read_text(encoding="utf-8")
    assert " patients, " in text.split("<h2>")[0]
    sections = {part.split("</h2>")[0]: part for part in text.split("<h2>")[1:]}
    for title in ("Alerts by rule", "Load of a shift", "Pages by day", "What changes, by rule"):
        assert 'class="note"' in sections[title], title
    assert "dashed: adult-standard" in sections["Alerts by rule"]
    assert "divide by the nurses" in sections["Load of a shift"]
    assert "judged by adult-standard" in sections["Load of a shift"]


def test_what_appears_and_vanishes_against_another_book_is_told(folder: Path) -> None:
    lower = draft(folder, 'value = ["90 mmHg"]', 'value = ["100 mmHg"]')
    appearing = json.loads(backtest(folder, lower, "--against", "live", "--json").stdout)
    rows = {row["rule"]: row for row in appearing["changes"]}
    assert rows["bp-low"]["appears"] > 0
    assert {row["change"] for row in appearing["changed"]} == {"appears"}
    vanishing = json.loads(backtest(folder, "adult-standard", "--against", lower, "--json").stdout)
    assert {row["change"] for row in vanishing["changed"]} == {"vanishes"}
    assert len(vanishing["changed"]) == len(appearing["changed"])


def test_csv_and_page_hold_the_same_tables_and_need_nothing_else(folder: Path) -> None:
    page, table = folder / "page.html", folder / "table.csv"
    against = ("--against", draft(folder, 'value = ["90 mmHg"]', 'value = ["100 mmHg"]'))
    done = backtest(folder, "adult-standard", *against, "--html", str(page), "--csv", str(table))
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    assert "bp-severe" in text
    for outside in ("http:", "https:", "<script", "<link", "src=", "url("):
        assert outside not in text.replace("http://www.w3.org/2000/svg", "")
    drawings = text.split("<svg")[1:]
    assert len(drawings) == 2
    for drawing in drawings:
        ET.fromstring("<svg" + drawing.split("</svg>")[0] + "</svg>")
    with table.open(encoding="utf-8", newline="") as rows:
        names = {row[0] for row in csv.reader(rows)}
    assert names == {"table", "rules", "shifts", "days", "not_judged", "changes", "changed"}


def test_csv_is_read_as_parquet_is(folder: Path) -> None:
    import pandas as pd  # noqa: PLC0415 - of the extra "analysis"

    path = folder / "readings.csv"
    pd.read_parquet(folder / "readings.parquet").to_csv(path, index=False)
    arguments = ["rules", "backtest", "adult-standard", "--json", "--from", str(path)]
    patients = ["--patients", str(folder / "patients.jsonl")]
    done = CliRunner().invoke(cli, [*arguments, *patients])
    assert done.exit_code == 0, done.output
    same = backtest(folder, "adult-standard", "--json")
    assert json.loads(done.stdout) == json.loads(same.stdout)


@pytest.mark.parametrize(
    ("name", "separator", "encoding"),
    [("a.csv", ";", "utf-8-sig"), ("b.csv", "\t", "utf-8"), ("c.csv.gz", ",", "utf-8")],
)
def test_what_spreadsheets_write_is_read_as_parquet_is(
    folder: Path, name: str, separator: str, encoding: str
) -> None:
    import pandas as pd  # noqa: PLC0415 - of the extra "analysis"

    frame = pd.read_parquet(folder / "readings.parquet")
    frame["systolic"] = frame["systolic"].astype("string").str.replace(".", ",", regex=False)
    path = folder / name
    frame.iloc[:, ::-1].to_csv(path, index=False, sep=separator, encoding=encoding)
    arguments = ["rules", "backtest", "adult-standard", "--json", "--from", str(path)]
    done = CliRunner().invoke(cli, [*arguments, "--patients", str(folder / "patients.jsonl")])
    assert done.exit_code == 0, done.output
    same = backtest(folder, "adult-standard", "--json")
    assert json.loads(done.stdout) == json.loads(same.stdout)


def test_what_was_left_out_and_assumed_is_said_in_every_form(folder: Path) -> None:
    path, page = folder / "doubtful.csv", folder / "doubtful.html"
    path.write_text(
        "patient_id,vital,measured_at,glucose\np,glucose,2026-10-05,112\np,glucose,2026-10-06,5.4\n"
    )
    arguments = ["rules", "backtest", "adult-diabetes", "--from", str(path), "--html", str(page)]
    done = CliRunner().invoke(cli, arguments)
    found = json.loads(CliRunner().invoke(cli, [*arguments, "--json"]).stdout)["left_out"]
    assert [row["what"].split(";")[0] for row in found] == [
        "1 row left out: no living patient has such a value",
        "There is no column unit: pressures are taken as mmHg, glucose as mg/dL.",
        "There is no column received_at: each reading counts as arrived when it was measured.",
        "2 times name no zone and are taken as UTC",
    ]
    for text in (done.stderr, page.read_text(encoding="utf-8")):
        assert all(row["what"] in text for row in found)


def test_a_table_of_which_nothing_can_be_read_says_why(folder: Path) -> None:
    path = folder / "german.csv"
    path.write_text("patient_id,vital,measured_at,glucose\np,glucose,05.10.2026 08:00,112\n")
    done = CliRunner().invoke(cli, ["rules", "backtest", "adult-diabetes", "--from", str(path)])
    assert isinstance(done.exception, InvalidInput)
    assert "1 row left out: a time cannot be read" in str(done.exception)


def test_a_file_of_another_alphabet_is_refused_with_what_to_do(folder: Path) -> None:
    path = folder / "latin.csv"
    path.write_bytes(
        "patient_id,vital,measured_at,glucose\nMüller,glucose,2026-10-05,1".encode("latin-1")
    )
    done = CliRunner().invoke(cli, ["rules", "backtest", "adult-diabetes", "--from", str(path)])
    assert isinstance(done.exception, InvalidInput)
    assert 'save it as "CSV UTF-8"' in str(done.exception)


def test_only_what_was_asked_for_is_judged(folder: Path) -> None:
    done = backtest(folder, "adult-standard", "--since", "7d", "--json")
    days = [row["day"] for row in json.loads(done.stdout)["days"]]
    assert len(days) <= 9
    dated = backtest(folder, "adult-standard", "--since", "2026-10-20", "--json")
    assert min(row["day"] for row in json.loads(dated.stdout)["days"]) >= "2026-10-19"


def test_without_pandas_it_says_the_command_that_brings_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "alerts.backtest.command", None)  # as if it had not loaded
    done = CliRunner().invoke(cli, ["rules", "backtest", "adult-standard"])
    assert isinstance(done.exception, MisconfiguredError)
    assert "make setup-analysis" in str(done.exception)
    assert "\nsetup-analysis:" in (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    assert {"--extra=server", "--extra=analysis"} <= {*PURPOSES["analysis"].selection}


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        (("--from", "nowhere.parquet"), MisconfiguredError, "nowhere.parquet"),
        (("--from", "readings.txt"), MisconfiguredError, "neither"),
        (("--zone", "Atlantis"), MisconfiguredError, "Atlantis"),
        (("--since", "2036-01-01"), InvalidInput, "holds no reading"),
        (("--against", "live", "--patients", "/dev/null"), MisconfiguredError, "nothing is live"),
    ],
)
def test_what_cannot_be_done_is_said(
    folder: Path, arguments: tuple[str, ...], error: type[Exception], says: str
) -> None:
    source = ["--from", str(folder / "readings.parquet")]
    done = CliRunner().invoke(cli, ["rules", "backtest", "adult-standard", *source, *arguments])
    assert isinstance(done.exception, error)
    assert says in str(done.exception)


@pytest.mark.parametrize("since", ["long", "2026-13-01"])
def test_a_span_that_nobody_can_read_is_refused(folder: Path, since: str) -> None:
    done = backtest(folder, "adult-standard", "--since", since)
    assert done.exit_code == 2
    assert "like 90d" in done.output
