"""The models that can be simulated, as data: what is conformant, and what departs from it how.

One row each. A quirk's model has the title of its row in schemas/gatt/quirks.py, which names its
public source; the others show a behaviour that several makers' devices share.
"""

from functools import partial
from typing import Any, TypeAlias

from schemas.gatt import quirks
from schemas.gatt.blood_pressure import PressureUnit
from schemas.gatt.glucose import ConcentrationUnit
from schemas.gatt.quirks import ClockWay
from schemas.gatt.thermometer import TemperatureUnit
from schemas.gatt.weight import System
from simulators.peripherals.cuff import Cuff, CuffBehaviour
from simulators.peripherals.habits import Habits
from simulators.peripherals.meter import Meter, MeterBehaviour
from simulators.peripherals.model import (
    Model,
    by_name,
    of_every_kind,
    of_every_sender,
    rows_of,
)
from simulators.peripherals.oximeter import Oximeter, OximeterBehaviour
from simulators.peripherals.scale import Scale, ScaleBehaviour
from simulators.peripherals.storing_cuff import StoringCuff, StoringCuffBehaviour
from simulators.peripherals.thermometer import Thermometer, ThermometerBehaviour
from simulators.scenario import DeviceKind

Device: TypeAlias = Cuff | StoringCuff | Meter | Scale | Oximeter | Thermometer

_cuff = rows_of(Cuff, "Cuff")
_meter = rows_of(Meter, "Meter")
_storing_cuff = rows_of(StoringCuff, "Cuff")
_scale = rows_of(Scale, "Scale")
_oximeter = rows_of(Oximeter, "Oximeter")
_thermometer = rows_of(Thermometer, "Thermometer")

CUFFS = by_name(
    *of_every_sender(_cuff),
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

METERS = by_name(
    *of_every_kind(_meter),
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

STORING_CUFFS = by_name(
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

SCALES = by_name(
    *of_every_sender(_scale),
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

OXIMETERS = by_name(
    *of_every_sender(_oximeter),
    _oximeter(
        name="clock-never-set",
        about="Its clock began at 2000-01-01, nobody can set it, and its measurements say so.",
        make=partial(Oximeter, behaviour=OximeterBehaviour(says_clock_not_set=True)),
        habits=Habits(clock=None),
        clock_never_set=True,
    ),
)

THERMOMETERS = by_name(
    *of_every_sender(_thermometer),
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
