"""What is wrong with a rota is said before anybody relies on it."""

import msgspec
import pytest

from schemas.rota import Channel, Contact, Leave, OffHours, RotaEntry, Shift
from schemas.rota_problems import problems

GOOD = RotaEntry(
    "home",
    zone="Europe/Berlin",
    contacts=[Contact(name, [Channel("log")]) for name in ("nurse", "night", "chief", "support")],
    shifts=[Shift("07:00", "19:00", ["nurse"], lead=["chief"])],
    off_hours=OffHours(["night"]),
    programme_lead=["chief"],
    technical=["support"],
)


def test_a_whole_rota_is_well() -> None:
    assert problems(GOOD) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"programme": "at home"}, "programme"),
        ({"zone": "Berlin"}, "time zone"),
        ({"shifts": [Shift("7:00", "19:00", ["nurse"])]}, "'7:00'"),
        ({"shifts": [Shift("07:00", "24:00", ["nurse"])]}, "'24:00'"),
        ({"shifts": [Shift("07:00", "19:00", [])]}, "nobody on duty"),
        ({"shifts": [Shift("07:00", "19:00", ["nurse"], days=[])]}, "no day"),
        ({"shifts": [Shift("07:00", "19:00", ["stranger"])]}, "reach stranger"),
        ({"off_hours": None}, "off_hours"),
        ({"off_hours": OffHours([])}, "off_hours"),
        ({"programme_lead": []}, "programme_lead"),
        ({"technical": []}, "technical"),
        ({"contacts": GOOD.contacts[1:]}, "reach nurse"),
        ({"contacts": [*GOOD.contacts[1:], Contact("nurse", [])]}, "reach nurse"),
        ({"leave": [Leave("nurse", "24.12.2026", "2026-12-26")]}, "'24.12.2026'"),
        ({"leave": [Leave("nurse", "2026-12-24", "2026-12-24T24:00")]}, "'2026-12-24T24:00'"),
        ({"leave": [Leave("nurse", "2026-02-30", "2026-03-01")]}, "'2026-02-30'"),
        ({"leave": [Leave("nurse", "2026-12-24", "9999-12-31")]}, "'9999-12-31'"),
        ({"leave": [Leave("nurse", "2026-12-26", "2026-12-24")]}, "ends before"),
        ({"leave": [Leave("nurse", "2026-12-26T09:00", "2026-12-26T09:00")]}, "ends before"),
        ({"leave": [Leave("nurse", "2026-01-01", "2027-01-02")]}, "more than a year"),
        ({"leave": [Leave("nures", "2026-12-24", "2026-12-26")]}, "nures"),
    ],
)
def test_what_is_missing_is_named(change: dict[str, object], word: str) -> None:
    (sentence,) = problems(msgspec.structs.replace(GOOD, **change))
    assert word in sentence


LATE = Shift("18:00", "22:00", ["late"], ["nurse"])
STAFFED = msgspec.structs.replace(
    GOOD,
    contacts=[*GOOD.contacts, Contact("late", [Channel("log")])],
    shifts=[*GOOD.shifts, LATE],
)


@pytest.mark.parametrize(
    ("leave", "sentences"),
    [
        ([Leave("late", "2026-12-24", "2026-12-26")], []),  # the nurse is second
        (
            [Leave("nurse", "2026-12-24", "2026-12-26")],
            ["On 2026-12-24 at 07:00 all of the shift from 07:00 are on leave."],
        ),
        ([Leave("nurse", "2026-12-24T19:00", "2026-12-25T07:00")], []),
        (
            [Leave("nurse", "2026-12-24T18:59", "2026-12-24T19:00")],
            ["On 2026-12-24 at 18:59 all of the shift from 07:00 are on leave."],
        ),
        (
            [
                Leave("nurse", "2026-12-24T20:00", "2026-12-24T23:00"),
                Leave("late", "2026-12-24T21:00", "2026-12-24T22:00"),
            ],
            ["On 2026-12-24 at 21:00 all of the shift from 18:00 are on leave."],
        ),
        ([Leave("night", "2026-12-24T07:00", "2026-12-24T22:00")], []),
        (
            [Leave("night", "2026-12-24T07:00", "2026-12-24T22:01")],
            ["On 2026-12-24 at 22:00 all of off_hours are on leave."],
        ),
        (
            [Leave(name, "2026-12-24", "2026-12-24") for name in ("chief", "support")],
            [
                "On 2026-12-24 at 00:00 all of programme_lead are on leave.",
                "On 2026-12-24 at 00:00 all of technical are on leave.",
            ],
        ),
    ],
)
def test_where_everybody_is_on_leave_is_said_with_the_first_time(
    leave: list[Leave], sentences: list[str]
) -> None:
    assert problems(msgspec.structs.replace(STAFFED, leave=leave)) == sentences


TOML = """
programme = "home"
zone = "Europe/Berlin"
programme_lead = ["chief"]
technical = ["support"]
off_hours = { on_duty = ["night"] }

[[shifts]]
begins = "07:00"
ends = "19:00"
on_duty = ["nurse"]
lead = ["chief"]

[[contacts]]
name = "nurse"
channels = [{ kind = "log" }]
[[contacts]]
name = "night"
channels = [{ kind = "log" }]
[[contacts]]
name = "chief"
channels = [{ kind = "log" }]
[[contacts]]
name = "support"
channels = [{ kind = "log" }]
"""


def test_a_clinic_writes_it_as_toml() -> None:
    assert msgspec.toml.decode(TOML, type=RotaEntry) == GOOD
