"""What a model is: a row that says how a device is put together; and the rows of many kinds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Generic, Protocol, TypeVar

from schemas.clock import Clock
from simulators.peripherals.clock import DeviceClock, utc
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits, Keeps
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger

CONFORMANT = "conformant"
_NEVER_SET = datetime(2000, 1, 1)  # noqa: DTZ001 - devices know no zone
_SIMULATED = "Vitalwire simulators"

D_co = TypeVar("D_co", covariant=True)


class _Make(Protocol[D_co]):
    def __call__(
        self, identity: DeviceIdentity, clock: DeviceClock, ledger: Ledger, *, habits: Habits
    ) -> D_co:
        """Put a device together."""


@dataclass(frozen=True, kw_only=True)
class Model(Generic[D_co]):
    """A row; `advertised` is its name on the air, with `{serial}` and `{tail}`, its end."""

    name: str
    about: str
    make: _Make[D_co]
    source: str = ""
    advertised: str
    manufacturer: str = _SIMULATED
    model_number: str
    habits: Habits = AS_THE_STANDARD_SAYS
    clock_never_set: bool = False

    def build(
        self,
        address: str,
        clock: Clock,
        *,
        name: str | None = None,
        passkey: int | None = None,
        clock_error_s: float = 0.0,
    ) -> D_co:
        """Build a device with this static random address; `name` and `passkey` replace its own.

        Its clock is wrong by `clock_error_s`; one that was never set began at 2000-01-01 00:00.
        """
        serial = address.replace(":", "")
        identity = DeviceIdentity(
            address=address,
            name=name or self.advertised.format(serial=serial, tail=serial[-4:]),
            manufacturer=self.manufacturer,
            model=self.model_number,
            serial=serial,
        )
        if self.clock_never_set:
            clock_error_s = (_NEVER_SET - utc(clock).replace(tzinfo=None)).total_seconds()
        habits = self.habits if passkey is None else replace(self.habits, passkey=passkey)
        return self.make(
            identity, DeviceClock(clock, clock_error_s), Ledger(address, clock), habits=habits
        )


def rows_of(make: _Make[D_co], title: str) -> Callable[..., Model[D_co]]:
    """Give what writes a row about one kind of device."""
    return partial(
        Model,
        make=make,
        advertised=f"Simulated {title} {{tail}}",
        model_number=f"Simulated {title}",
    )


def by_name(*models: Model[D_co]) -> dict[str, Model[D_co]]:
    """Index models by their names; a later row replaces an earlier one."""
    return {model.name: model for model in models}


def of_every_kind(row: Callable[..., Model[D_co]]) -> tuple[Model[D_co], ...]:
    """Write the rows that every kind of device has."""
    return (
        row(name=CONFORMANT, about="Does what the standard says."),
        row(
            name="clock-never-set",
            about="Its clock began at 2000-01-01 and nobody can set it.",
            habits=Habits(clock=None),
            clock_never_set=True,
        ),
        row(
            name="drops-mid-transfer",
            about="Every transfer breaks off after two records.",
            habits=Habits(drops_link_after=2),
        ),
        row(
            name="refuses-second-bond",
            about="Pairs with one host only, until it is reset.",
            source="github.com/eigger/hass-omron",
            habits=Habits(bonds_max=1),
        ),
    )


def of_every_sender(row: Callable[..., Model[D_co]]) -> tuple[Model[D_co], ...]:
    """Write the rows that every kind has which sends by itself."""
    return (
        *of_every_kind(row),
        row(
            name="delete-after-transfer",
            about="Erases its memory when all of it was confirmed; a broken burst comes again.",
            habits=Habits(keeps=Keeps.UNTIL_ALL_CONFIRMED),
        ),
        row(
            name="keeps-everything",
            about="Sends its whole memory each time, until a person clears it.",
            source="github.com/derdilla/blood-pressure-monitor-fl/pull/659",
            habits=Habits(keeps=Keeps.ALWAYS),
        ),
        row(
            name="remembers-subscriptions",
            about="Once subscribed to, it sends half a second after each connection, unasked.",
            habits=Habits(resumes_after_s=0.5),
        ),
    )
