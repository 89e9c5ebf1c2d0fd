"""The models that can be simulated, as data: what is conformant, and what departs from it how.

One row each. A quirk's model has the title of its row in schemas/gatt/quirks.py, which names its
public source; the others show a behaviour that several makers' devices share.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from schemas.clock import Clock
from schemas.gatt import quirks
from schemas.gatt.blood_pressure import PressureUnit
from schemas.gatt.glucose import ConcentrationUnit
from schemas.gatt.quirks import ClockWay
from schemas.gatt.thermometer import TemperatureUnit
from schemas.gatt.weight import System
from simulators.peripherals.clock import DeviceClock, utc
from simulators.peripherals.cuff import Cuff, CuffBehaviour
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits, Keeps
from simulators.peripherals.ledger import Ledger
from simulators.peripherals.meter import Meter, MeterBehaviour
from simulators.peripherals.oximeter import Oximeter, OximeterBehaviour
from simulators.peripherals.peripheral import DeviceIdentity
from simulators.peripherals.scale import Scale, ScaleBehaviour
from simulators.peripherals.storing_cuff import StoringCuff, StoringCuffBehaviour
from simulators.peripherals.thermometer import Thermometer, ThermometerBehaviour
from simulators.scenario import DeviceKind

__all__ = [
    "CONFORMANT",
    "CUFFS",
    "METERS",
    "MODELS",
    "OXIMETERS",
    "SCALES",
    "STORING_CUFFS",
    "THERMOMETERS",
    "Device",
    "Model",
]

Device: TypeAlias = Cuff | StoringCuff | Meter | Scale | Oximeter | Thermometer
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


def _rows(make: _Make[D_co], title: str) -> Callable[..., Model[D_co]]:
    """Give what writes a row about one kind of device."""
    return partial(
        Model,
        make=make,
        advertised=f"Simulated {title} {{tail}}",
        model_number=f"Simulated {title}",
    )


def _named(*models: Model[D_co]) -> dict[str, Model[D_co]]:
    """Index models by their names; a later row replaces an earlier one."""
    return {model.name: model for model in models}


def _of_every_kind(row: Callable[..., Model[D_co]]) -> tuple[Model[D_co], ...]:
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


def _of_every_sender(row: Callable[..., Model[D_co]]) -> tuple[Model[D_co], ...]:
    """Write the rows that every kind has which sends by itself."""
    return (
        *_of_every_kind(row),
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


_cuff = _rows(Cuff, "Cuff")
_meter = _rows(Meter, "Meter")
_storing_cuff = _rows(StoringCuff, "Cuff")
_scale = _rows(Scale, "Scale")
_oximeter = _rows(Oximeter, "Oximeter")
_thermometer = _rows(Thermometer, "Thermometer")

CUFFS = _named(
    *_of_every_sender(_cuff),
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
)

METERS = _named(
    *_of_every_kind(_meter),
    _meter(  # five: bluetoothd may lose the last before the end of the link, and one is known
        name="drops-mid-transfer",
        about="Every transfer breaks off after five records.",
        habits=Habits(drops_link_after=5),
    ),
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
)

STORING_CUFFS = _named(
    _storing_cuff(
        name="stores-records",
        about="Keeps numbered records (0x2B36) and is asked for them, as a meter is.",
    ),
    _storing_cuff(
        name="stores-records-for-a-while",
        about="The same, but keeps a record only until it was handed over.",
        make=partial(StoringCuff, behaviour=StoringCuffBehaviour(erases_after_transfer=True)),
    ),
    _storing_cuff(  # 8 bytes: a record of 19 has a first segment, one between, and a last one
        name="stores-records-in-segments",
        about="The same, but each record comes in three segments.",
        make=partial(StoringCuff, behaviour=StoringCuffBehaviour(part_size=8)),
    ),
    _storing_cuff(
        name="cuts-records-anew",
        about="The same, but each time it sends a record it cuts and counts it in another way.",
        make=partial(StoringCuff, behaviour=StoringCuffBehaviour(cuts_anew=(8, 19, 5, 13))),
    ),
)

SCALES = _named(
    *_of_every_sender(_scale),
    _scale(
        name="multi-user",
        about="Two users take turns; each measurement says whose it is.",
        make=partial(Scale, behaviour=ScaleBehaviour(users=(1, 2))),
    ),
    _scale(
        name="pounds",
        about="Measures in pounds, to the tenth.",
        make=partial(Scale, behaviour=ScaleBehaviour(system=System.IMPERIAL)),
    ),
)

OXIMETERS = _named(
    *_of_every_sender(_oximeter),
    _oximeter(
        name="clock-never-set",
        about="Its clock began at 2000-01-01, nobody can set it, and its measurements say so.",
        make=partial(Oximeter, behaviour=OximeterBehaviour(says_clock_not_set=True)),
        habits=Habits(clock=None),
        clock_never_set=True,
    ),
)

THERMOMETERS = _named(
    *_of_every_sender(_thermometer),
    _thermometer(
        name="fahrenheit",
        about="Measures in degrees Fahrenheit, to the tenth.",
        make=partial(Thermometer, behaviour=ThermometerBehaviour(unit=TemperatureUnit.FAHRENHEIT)),
    ),
)

MODELS: dict[DeviceKind, dict[str, Model[Any]]] = {
    "cuff": {**CUFFS, **STORING_CUFFS},
    "meter": METERS,
    "scale": SCALES,
    "oximeter": OXIMETERS,
    "thermometer": THERMOMETERS,
}
