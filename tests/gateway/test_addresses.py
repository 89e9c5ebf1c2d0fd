"""What bleak and BlueZ say of a device goes into logs without its address."""

import pytest

from gateway.addresses import short, without_addresses
from gateway.bluetooth.link import LinkFailed, NotBonded

ADDRESS = "C0:00:00:0A:0B:01"
NAME = short(ADDRESS)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            f"Device with address {ADDRESS} was not found",
            f"Device with address {NAME} was not found",
        ),
        ("device 'dev_C0_00_00_0A_0B_01' not found", f"device '{NAME}' not found"),
        (
            "No object /org/bluez/hci0/dev_C0_00_00_0A_0B_01/service0010/char0011",
            f"No object /org/bluez/hci0/{NAME}/service0010/char0011",
        ),
        (f"{ADDRESS.lower()}, {ADDRESS}: both", f"{NAME}, {NAME}: both"),
        ("[org.bluez.Error.Failed] le-connection-abort-by-local", None),
        ("characteristic 00002a35-0000-1000-8000-00805f9b34fb", None),
        ("at 12:34:56 it ended", None),
    ],
)
def test_addresses_become_short_names_and_nothing_else_changes(said: str, kept: str | None) -> None:
    assert without_addresses(said) == (kept or said)


@pytest.mark.parametrize("kind", [LinkFailed, NotBonded])
def test_the_reason_of_a_failed_link_names_no_address(kind: type[LinkFailed]) -> None:
    error = kind(f"No connection: Device with address {ADDRESS} was not found.")
    assert error.cause == f"No connection: Device with address {NAME} was not found."
    assert ADDRESS not in str(error)
