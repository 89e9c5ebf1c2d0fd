"""Simulated devices as bumble GATT peripherals; they behave, and misbehave when told to."""

from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.cuff import Cuff, CuffBehaviour
from simulators.peripherals.faults import DropLink, LoseConfirmation, Stall
from simulators.peripherals.habits import Habits, Keeps
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Entry, Ledger
from simulators.peripherals.meter import Meter, MeterBehaviour, Sample
from simulators.peripherals.oximeter import Oximeter
from simulators.peripherals.record_keeper import NORDIC_ERRORS, RacpErrors
from simulators.peripherals.scale import Scale
from simulators.peripherals.thermometer import Thermometer

__all__ = [
    "NORDIC_ERRORS",
    "Cuff",
    "CuffBehaviour",
    "DeviceClock",
    "DeviceIdentity",
    "DropLink",
    "Entry",
    "Habits",
    "Keeps",
    "Ledger",
    "LoseConfirmation",
    "Meter",
    "MeterBehaviour",
    "Oximeter",
    "RacpErrors",
    "Sample",
    "Scale",
    "Stall",
    "Thermometer",
]
