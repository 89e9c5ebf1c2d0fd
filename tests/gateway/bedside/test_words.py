"""What a nurse reads."""

import os
import shutil

import click
import pytest

from gateway.admission.advert import Advert, advert, judged
from gateway.bedside import near, words
from gateway.bedside.finding import Finding, Verdict, bad
from gateway.bedside.hints import repeating
from gateway.bedside.settings_file import parse
from gateway.bedside.table import Cell, table
from gateway.bedside.versions import BLUEZ, KERNEL, known_bad, numbers
from schemas.gatt.quirks import QUIRKS


@pytest.mark.parametrize(
    ("rssi_dbm", "said"),
    [
        (-40, "very near"),
        (-70, "near"),
        (-80, "far"),
        (-95, "almost out of reach"),
        (None, "not heard"),
    ],
)
def test_a_signal_is_a_distance(rssi_dbm: int | None, said: str) -> None:
    assert words.distance(rssi_dbm) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "never"),
        (0, "just now"),
        (60, "1 minute ago"),
        (7_199, "1 hour ago"),
        (172_800, "2 days ago"),
    ],
)
def test_a_time_is_said_by_its_largest_unit(seconds: int | None, said: str) -> None:
    assert words.ago(seconds) == said


def test_a_device_is_told_by_what_it_measures() -> None:
    assert words.kind(Advert("A", kinds=("glucose",))) == "glucose"
    assert words.kind(Advert("A", name="BLEsmart_1")) == "of a known make"
    assert words.kind(Advert("A", name="Lamp")) == "something else"


def test_pairing_mode_is_told_as_far_as_it_is_known() -> None:
    assert words.pairing_mode(Advert("A", bonded=True)) == "paired"
    assert words.pairing_mode(Advert("A", bonded=True, admitted=True)) == "paired"
    assert words.pairing_mode(Advert("A", bonded=True, admitted=False)) == (
        "paired outside: not read"
    )
    assert words.pairing_mode(Advert("A", pairing_mode=True)) == "waits for pairing"
    assert words.pairing_mode(Advert("A", pairing_mode=False)) == "not in pairing mode"
    assert words.pairing_mode(Advert("A")) == "not paired"


def test_what_was_paired_before_the_record_began_may_be_adopted_yet() -> None:
    one = Advert("A", kinds=("glucose",), bonded=True)
    assert judged(one, {"A"}, adopted=False).admitted is True
    assert judged(one, {"B"}, adopted=False).admitted is None
    assert judged(one, {"B"}, adopted=True).admitted is False
    wanting = [one.wants_pairing for one in (one, judged(one, {"B"}, adopted=True))]
    assert wanting == [False, True]


def test_a_hint_s_command_goes_to_the_same_gateway() -> None:
    """`status --state DIR` named commands that would have looked at another gateway."""
    chosen = {"state": "/a b", "adapter": "hci1"}
    assert repeating("Run `sudo vitalwire gateway pair C0:00:00:00:00:01`; then …", chosen) == (
        "Run `sudo vitalwire gateway pair C0:00:00:00:00:01 --state '/a b' --adapter hci1`; then …"
    )
    assert repeating("`vitalwire gateway unpair`", chosen) == (
        "`vitalwire gateway unpair --state '/a b'`"
    )
    for text in ("Run `sudo systemctl start vitalwire-gateway`.", "vitalwire gateway runs"):
        assert repeating(text, chosen) == text
    assert repeating("`vitalwire gateway pair`", {}) == "`vitalwire gateway pair`"


def test_known_models_have_their_own_hint_and_others_a_general_one() -> None:
    assert "-P-" in words.how_to_pair(name="BLESmart_0001")
    assert "Pr" in words.how_to_pair(name="A&D_UA-651BLE_D8B673")
    assert words.how_to_pair(name="Unknown") == words.HOW_TO_PAIR
    assert all(not row.how_to_pair or row.how_to_pair.endswith(".") for row in QUIRKS)


def test_columns_are_as_wide_as_what_is_in_them_whatever_its_colour() -> None:
    lines = list(table(("A", "B"), [["x", Cell("long", "red")], ["wide one", "y"]]))
    plain = [click.unstyle(line) for line in lines]
    assert plain == ["A          B", "x          long", "wide one   y"]
    assert "\x1b[31m" in lines[1]


def test_what_has_no_room_on_a_terminal_goes_below_in_columns_of_its_own() -> None:
    head = ("#", "Device", "State", "Address")
    rows = [["1", "BLOOD CUFF", "paired", "C0:00:00:00:00:01"], ["2", "X", "–", "C0"]]
    assert [click.unstyle(line) for line in table(head, rows, columns=30)] == [
        "#   Device       State",
        "    Address",
        "1   BLOOD CUFF   paired",
        "    C0:00:00:00:00:01",
        "2   X            –",
        "    C0",
    ]
    assert len(list(table(head, rows, columns=80))) == 3
    assert len(list(table(head, rows, columns=1))) == 12


def test_what_a_device_calls_itself_moves_no_cursor_and_no_column() -> None:
    lines = list(table(("A", "B"), [["\x1b[2J\r\n", "x"], ["血压e\u0301", "y"]]))
    assert [click.unstyle(line) for line in lines[1:]] == ["�[2J��   x", "血压e\u0301    y"]
    evil = {"Address": "c0:00:00:00:00:01", "Alias": "\x1b[31mCUFF\u202e"}
    assert advert(evil).name == "�[31mCUFF�"


def test_what_a_terminal_redraws_is_measured_as_it_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((20, 6)))
    assert near._height(["", "x" * 20, "x" * 21, "\x1b[31m" + "x" * 20 + "\x1b[0m"]) == 5
    assert near._fitting(["x"] * 9, "last") == ["x", "x", "x", "x", "last"]
    assert near._fitting(["x" * 41] * 2, "last") == ["x" * 41, "last"]


def test_a_finding_says_the_next_step_below() -> None:
    first, second = bad("Disk", "1 MiB free", "Delete something.").lines()
    assert click.unstyle(first) == "✗ Disk: 1 MiB free"
    assert second.strip() == "→ Delete something."
    assert len(Finding("Disk", Verdict.GOOD, "fine").lines()) == 1


def test_known_bad_versions_are_found() -> None:
    assert numbers("bluetoothctl: 5.66\n") == (5, 66)
    assert numbers("6.6.62+rpt-rpi-2712") == (6, 6, 62)
    assert numbers("nothing") == ()
    assert known_bad((5, 64), BLUEZ) is not None
    assert known_bad((5, 66), BLUEZ) is None
    assert known_bad((6, 6, 62), KERNEL) is not None
    assert known_bad((6, 6, 63), KERNEL) is None


def test_the_settings_file_is_read_as_systemd_reads_it() -> None:
    text = '# home 17\n\nVITALWIRE_GATEWAY_ID=home-17\nVITALWIRE_MQTT="mqtt://127.0.0.1:1883"\n'
    assert parse(text) == {
        "VITALWIRE_GATEWAY_ID": "home-17",
        "VITALWIRE_MQTT": "mqtt://127.0.0.1:1883",
    }
    with pytest.raises(ValueError, match="line 2"):
        parse("A=1\nexport B\n")
