"""What is wrong with a rota is said before anybody relies on it."""

import msgspec
import pytest

from schemas.rota import Channel, Contact, OffHours, RotaEntry, Shift, problems

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
    ],
)
def test_what_is_missing_is_named(change: dict[str, object], word: str) -> None:
    (sentence,) = problems(msgspec.structs.replace(GOOD, **change))
    assert word in sentence


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
