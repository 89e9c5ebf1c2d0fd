"""The models that can be simulated, as data: what is conformant, and what departs from it how.

One row each. A quirk's model has the title of its row in schemas/gatt/quirks.py, which names its
public source; the others show a behaviour that several makers' devices share.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Generic, Literal, Protocol, TypeVar

from schemas.clock import Clock
from schemas.gatt import quirks
from schemas.gatt.blood_pressure import PressureUnit
from schemas.gatt.glucose import ConcentrationUnit
from schemas.gatt.quirks import ClockWay
from simulators.peripherals.clock import DeviceClock, utc
from simulators.peripherals.cuff import Cuff, CuffBehaviour
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits, Keeps
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.meter import Meter, MeterBehaviour
from simulators.peripherals.peripheral import DeviceIdentity

__all__ = ["CONFORMANT", "CUFFS", "METERS", "Kind", "Model", "named"]

Kind = Literal["cuff", "meter"]
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


def named(models: "tuple[Model[D_co], ...]") -> "dict[str, Model[D_co]]":
    """Index models by their names."""
    return {model.name: model for model in models}


_cuff: Callable[..., Model[Cuff]] = partial(
    Model, make=Cuff, advertised="Simulated Cuff {tail}", model_number="Simulated Cuff"
)
_meter: Callable[..., Model[Meter]] = partial(
    Model, make=Meter, advertised="Simulated Meter {tail}", model_number="Simulated Meter"
)

CUFFS = named(
    (
        _cuff(name=CONFORMANT, about="Does what the Blood Pressure Service says."),
        _cuff(
            name=quirks.BEURER_BM.title,
            about="Big-endian pulse and an unannounced user; needs a pause before subscriptions.",
            source=quirks.BEURER_BM.source,
            advertised="BM85",
            manufacturer="Beurer GmbH",
            model_number="BM85",
            make=partial(Cuff, behaviour=CuffBehaviour(beurer_tail=True)),
            habits=Habits(
                clock=None,
                pause_before_subscribing_s=quirks.BEURER_BM.pause_before_subscribing_s,
            ),
        ),
        _cuff(
            name=quirks.AND_UA651.title,
            about="Clock inside its own service; paired only after one reconnect; then sends once.",
            source=quirks.AND_UA651.source,
            advertised="A&D_UA-651BLE_{tail}",
            manufacturer="A&D Medical",
            model_number="UA-651BLE",
            habits=Habits(
                clock=ClockWay.DATE_TIME, always_discoverable=False, pairs_by_reconnecting=True
            ),
        ),
        _cuff(
            name=quirks.OMRON.title,
            about="Advertises unread counts; wants all subscribed; loses its bond each time.",
            source=quirks.OMRON.source,
            advertised="BLEsmart_00000000{serial}",
            manufacturer="OMRON HEALTHCARE Co., Ltd.",
            model_number="HEM-7380T1",
            make=partial(Cuff, behaviour=CuffBehaviour(users=(1, 2))),
            habits=Habits(
                clock=ClockWay.CURRENT_TIME_AFTER_NOTIFICATION,
                wants_everything_subscribed=True,
                advertises_unread=True,
                drops_bond=True,
            ),
        ),
        _cuff(
            name="delete-after-transfer",
            about="Erases its memory when all of it was confirmed; a broken burst comes again.",
            habits=Habits(keeps=Keeps.UNTIL_ALL_CONFIRMED),
        ),
        _cuff(
            name="keeps-everything",
            about="Sends its whole memory each time, until a person clears it.",
            source="github.com/derdilla/blood-pressure-monitor-fl/pull/659",
            habits=Habits(keeps=Keeps.ALWAYS),
        ),
        _cuff(
            name="multi-user",
            about="Two users take turns; each measurement says whose it is.",
            make=partial(Cuff, behaviour=CuffBehaviour(users=(1, 2))),
        ),
        _cuff(
            name="kpa",
            about="Measures in kPa, to the tenth.",
            make=partial(Cuff, behaviour=CuffBehaviour(unit=PressureUnit.KPA)),
        ),
        _cuff(
            name="no-clock",
            about="Its measurements carry no time.",
            make=partial(Cuff, behaviour=CuffBehaviour(has_clock=False)),
            habits=Habits(clock=None),
        ),
        _cuff(
            name="clock-never-set",
            about="Its clock began at 2000-01-01 and nobody can set it.",
            habits=Habits(clock=None),
            clock_never_set=True,
        ),
        _cuff(
            name="drops-mid-transfer",
            about="Every burst breaks off after two measurements.",
            habits=Habits(drops_link_after=2),
        ),
        _cuff(
            name="refuses-second-bond",
            about="Pairs with one host only, until it is reset.",
            source="github.com/eigger/hass-omron",
            habits=Habits(bonds_max=1),
        ),
    )
)

METERS = named(
    (
        _meter(name=CONFORMANT, about="Does what the Glucose Service says."),
        _meter(
            name=quirks.ACCU_CHEK_GUIDE.title,
            about="Six digits at pairing; kg/L whatever it displays; its display's time was moved.",
            source=quirks.ACCU_CHEK_GUIDE.source,
            advertised="meter+{tail}",
            manufacturer="Roche",
            model_number="Accu-Chek Guide",
            make=partial(Meter, behaviour=MeterBehaviour(time_offset_min=339)),
            habits=Habits(passkey=123_456),
        ),
        _meter(
            name=quirks.ACCU_CHEK_INSTANT.title,
            about="Drops the link as soon as it has given everything.",
            source=quirks.ACCU_CHEK_INSTANT.source,
            advertised="meter+{tail}",
            manufacturer="Roche",
            model_number="Accu-Chek Instant",
            make=partial(Meter, behaviour=MeterBehaviour(leaves_when_empty=True)),
            habits=Habits(passkey=123_456),
        ),
        _meter(
            name=quirks.CONTOUR_NEXT_ONE.title,
            about="Its maker's own clock; wants its bond at once; sends records twice.",
            source=quirks.CONTOUR_NEXT_ONE.source,
            advertised="Contour{tail}",
            manufacturer="Ascensia Diabetes Care",
            model_number="Contour Next One",
            make=partial(Meter, behaviour=MeterBehaviour(sends_twice=True)),
            habits=Habits(clock=ClockWay.CONTOUR, wants_encryption_within_s=5.0),
        ),
        _meter(
            name="delete-after-transfer",
            about="Keeps a record only until it was handed over.",
            make=partial(Meter, behaviour=MeterBehaviour(erases_after_transfer=True)),
        ),
        _meter(
            name="mmol",
            about="Measures in mmol/L, to the tenth, and sends mol/L.",
            make=partial(Meter, behaviour=MeterBehaviour(unit=ConcentrationUnit.MOL_PER_L)),
        ),
        _meter(
            name="clock-never-set",
            about="Its clock began at 2000-01-01 and nobody can set it.",
            habits=Habits(clock=None),
            clock_never_set=True,
        ),
        _meter(
            name="drops-mid-transfer",
            about="Every transfer breaks off after five records.",
            habits=Habits(drops_link_after=5),
        ),
        _meter(
            name="refuses-second-bond",
            about="Pairs with one host only, until it is reset.",
            habits=Habits(bonds_max=1),
        ),
    )
)
