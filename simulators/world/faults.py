"""Faults as objects: put one in, and the stand-in does the wrong thing once.

What happens at once (a crash, a dropped link, no power) are methods of BluetoothWorld; what has to
wait for its occasion is one of these.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

__all__ = [
    "ABORTED",
    "ConnectFails",
    "Deafness",
    "DeviceForgotten",
    "Fault",
    "FaultList",
    "ReadHangs",
    "ServicesResolvedEarly",
    "SlowDisconnect",
    "StartDiscoveryHangs",
    "StartDiscoveryInProgress",
    "StopDiscoveryInProgress",
]

ABORTED = "le-connection-abort-by-local"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong at its next occasion, once."""


@dataclass(frozen=True)
class ServicesResolvedEarly(Fault):
    """bluez issue 1489: ServicesResolved comes before the GATT objects, by `early_s`.

    A client then connects successfully to a device without any service; with `behind`, the UUID of
    a characteristic, to one that has this one and those before it, and no others.
    """

    early_s: float = 0.005
    behind: str | None = None


@dataclass(frozen=True)
class ConnectFails(Fault):
    """The next Connect fails with this reason, as busy or distant devices make it.

    With `ABORTED`, BlueZ has made a link all the same, which has ended at once: interference, or a
    key that is refused. bleak waits for that end, and asks again by itself.
    """

    reason: str = "le-connection-unknown"


@dataclass(frozen=True)
class SlowDisconnect(Fault):
    """bluetoothd takes 2.0 to 2.8 s to disconnect; here it takes `delay_s`."""

    delay_s: float = 0.5


@dataclass(frozen=True)
class DeviceForgotten(Fault):
    """bluetoothd has dropped the device's object just before the next Connect."""


@dataclass(frozen=True)
class ReadHangs(Fault):
    """The device never answers to the next read; bluetoothd would wait for 30 s."""


@dataclass(frozen=True)
class StartDiscoveryInProgress(Fault):
    """The next StartDiscovery is refused: an earlier discovery has not quite ended."""


@dataclass(frozen=True)
class StartDiscoveryHangs(Fault):
    """The next StartDiscovery is never answered, as one that overlaps with another program's."""


@dataclass(frozen=True)
class StopDiscoveryInProgress(Fault):
    """The next StopDiscovery is refused (bluez issue 807): twice, and no scan works any more."""


class Deafness(Enum):
    """What makes an adapter hear again that discovers and reports nothing."""

    UNTIL_DISCOVERY = "a new discovery"
    UNTIL_POWER = "power off and on"


FaultKind = TypeVar("FaultKind", bound=Fault)


class FaultList:
    """The faults that have not happened yet."""

    def __init__(self) -> None:
        """Begin without faults."""
        self._waiting: list[Fault] = []

    def inject(self, fault: Fault) -> None:
        """Let `fault` happen at its next occasion."""
        self._waiting.append(fault)

    def take(self, kind: type[FaultKind]) -> FaultKind | None:
        """Return the oldest waiting fault of this kind and forget it, or None."""
        for fault in self._waiting:
            if isinstance(fault, kind):
                self._waiting.remove(fault)
                return fault
        return None
