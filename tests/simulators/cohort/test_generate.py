"""A cohort: one seed, one log; everything that can go wrong does; the truth knows what it was."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from schemas.errors import MisconfiguredError
from schemas.kafka import READINGS_DECODER, PatientReadings, StampedReading
from simulators.cohort.files import read, write
from simulators.cohort.generate import Cohort, generate
from simulators.cohort.populations import POPULATIONS, PopulationName
from vitalwire import cli

DAYS = 21
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def cohorts() -> dict[PopulationName, Cohort]:
    return {name: generate(name, 1, 12, DAYS) for name in POPULATIONS}


def stamped(cohort: Cohort) -> list[StampedReading]:
    records = [record for record in cohort.records if isinstance(record, PatientReadings)]
    return [one for record in records for one in record.readings]


def test_one_seed_gives_one_cohort_to_the_byte() -> None:
    first, same, other = (generate("adult-standard", seed, 3, 7) for seed in (1, 1, 2))
    assert msgspec.json.encode(first.records) == msgspec.json.encode(same.records)
    assert (first.episodes, first.measured) == (same.episodes, same.measured)
    assert msgspec.json.encode(first.records) != msgspec.json.encode(other.records)


def test_a_larger_cohort_begins_with_the_same_patients() -> None:
    few, many = (generate("adult-diabetes", 4, count, 10) for count in (2, 5))
    known = {entry.patient_id for entry in few.patients}
    assert few.measured == [one for one in many.measured if one.patient_id in known]
    assert few.episodes == [one for one in many.episodes if one.patient_id in known]


@pytest.mark.parametrize("population", POPULATIONS)
def test_a_log_is_one_of_readings_v1(
    cohorts: dict[PopulationName, Cohort], population: PopulationName
) -> None:
    cohort = cohorts[population]
    stamps = [record.received_at_ms for record in cohort.records]
    assert stamps == sorted(stamps)
    for record in cohort.records:
        assert READINGS_DECODER.decode(msgspec.json.encode(record)) == record
    assert {one.reading.reading_id for one in stamped(cohort)} == {
        one.reading_id for one in cohort.measured
    }
    assert len({one.reading_id for one in cohort.measured}) == len(cohort.measured)
    for one in stamped(cohort):
        stamp = one.stamp
        assert stamp.earliest_ms <= stamp.measured_at_ms <= stamp.latest_ms <= stamp.received_at_ms


def test_everything_that_can_go_wrong_does(cohorts: dict[PopulationName, Cohort]) -> None:
    mishaps = Counter(
        mishap for cohort in cohorts.values() for one in cohort.measured for mishap in one.mishaps
    )
    assert set(mishaps) == {
        "movement", "loose-cuff", "position", "no-rest", "failed", "someone-else", "late", "twice",
        "wrong-clock",
    }  # fmt: skip
    shown = [one for cohort in cohorts.values() for one in stamped(cohort)]
    assert {one.stamp.quality for one in shown} >= {"device-clock", "receipt"}
    assert {
        one.reading.quantities["glucose"].unit for one in stamped(cohorts["adult-diabetes"])
    } == {
        "mg/dL",
        "mmol/L",
    }
    flags = {flag for one in shown for flag in one.reading.status or ()}
    assert flags >= {"body-moved", "cuff-too-loose", "improper-position"}
    assert any(one.reading.status is None for one in shown)


def test_a_mistake_of_the_hand_is_flagged_sometimes_and_not_always(
    cohorts: dict[PopulationName, Cohort],
) -> None:
    cohort = cohorts["adult-standard"]
    status = {one.reading.reading_id: one.reading.status or [] for one in stamped(cohort)}
    moved = [one for one in cohort.measured if "movement" in one.mishaps]
    flagged = [one for one in moved if "body-moved" in status[one.reading_id]]
    assert 0 < len(flagged) < len(moved)


def test_what_comes_twice_or_late_is_the_same_reading(
    cohorts: dict[PopulationName, Cohort],
) -> None:
    cohort = cohorts["adult-standard"]
    arrivals = Counter(one.reading.reading_id for one in stamped(cohort))
    twice = {one.reading_id for one in cohort.measured if "twice" in one.mishaps}
    assert {name for name, count in arrivals.items() if count > 1} == twice
    late = {one.reading_id for one in cohort.measured if "late" in one.mishaps}
    ages = [
        one.stamp.received_at_ms - one.stamp.captured_at_ms
        for one in stamped(cohort)
        if one.reading.reading_id in late
    ]
    assert max(ages) > HOUR_MS


def test_a_clock_that_is_wrong_misleads_nobody(cohorts: dict[PopulationName, Cohort]) -> None:
    for cohort in cohorts.values():
        true_ms = {one.reading_id: one.at_ms for one in cohort.measured}
        for one in stamped(cohort):
            if one.stamp.quality == "device-clock":
                off_ms = abs(one.stamp.measured_at_ms - true_ms[one.reading.reading_id])
                assert off_ms <= 11 * 60_000, one


def test_a_cohort_is_written_and_read_back(tmp_path: Path) -> None:
    cohort = generate("oncology-antivegf", 3, 2, 14)
    files = write(cohort, tmp_path, parquet=True)
    assert all(path.stat().st_size for path in files)
    assert read(tmp_path) == cohort
    with pytest.raises(MisconfiguredError, match="simulate cohort"):
        read(tmp_path / "nowhere")
    for content in (b"{", b'{"x":' * 100_000):
        (tmp_path / "measured.jsonl").write_bytes(content)
        with pytest.raises(MisconfiguredError, match="holds no cohort"):
            read(tmp_path)


def test_the_command_makes_one(tmp_path: Path) -> None:
    arguments = ["simulate", "cohort", "--population", "adult-diabetes", "--patients", "2"]
    done = CliRunner().invoke(cli, [*arguments, "--days", "7", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert read(tmp_path).days == 7
    told = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path), "--json"])
    assert msgspec.json.decode(told.stdout)["readings"] == len(read(tmp_path).measured)
