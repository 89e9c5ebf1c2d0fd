"""People who measure: one value of every kind of device, by chance that comes from a seed."""

from decimal import Decimal
from random import Random
from typing import TypeAlias, assert_never

from simulators.peripherals import Cuff, Meter, Oximeter, Sample, Scale, Thermometer

AnyDevice: TypeAlias = Cuff | Meter | Scale | Oximeter | Thermometer
KINDS: tuple[type[AnyDevice], ...] = (Cuff, Meter, Scale, Oximeter, Thermometer)


def measure(device: AnyDevice, rng: Random) -> None:
    """Take one measurement."""
    match device:
        case Cuff():
            device.take(rng.randint(90, 180), rng.randint(50, 89), rng.randint(50, 120))
        case Meter():
            device.take(Sample(Decimal(rng.randint(60, 250))))
        case Scale():
            device.take(Decimal(rng.randint(9000, 24000)) / 200)
        case Oximeter():
            device.take(rng.randint(88, 100), rng.randint(50, 120))
        case Thermometer():
            device.take(Decimal(rng.randint(350, 400)) / 10)
        case _:
            assert_never(device)
