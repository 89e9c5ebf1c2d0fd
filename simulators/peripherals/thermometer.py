"""A clinical thermometer: sends by itself what nobody has confirmed yet."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.gatt import date_time, thermometer, uuids
from schemas.gatt.thermometer import TemperatureMeasurement, TemperatureType, TemperatureUnit
from simulators.peripherals.burst import BurstSender
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger

__all__ = ["Thermometer", "ThermometerBehaviour"]

_STEP = Decimal("0.1")


@dataclass(frozen=True)
class ThermometerBehaviour:
    """In what the measurements of thermometers differ."""

    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    place: TemperatureType = TemperatureType.EAR


class Thermometer(BurstSender):
    """A simulated thermometer."""

    service_number = uuids.HEALTH_THERMOMETER_SERVICE
    measurement_number = uuids.TEMPERATURE_MEASUREMENT
    feature_number = uuids.TEMPERATURE_TYPE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: ThermometerBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._behaviour = behaviour or ThermometerBehaviour()

    def take(self, celsius: Decimal) -> bytes:
        """Measure, stamped by the device's clock; return the payload."""
        fahrenheit = self._behaviour.unit is TemperatureUnit.FAHRENHEIT
        shown = celsius * 9 / 5 + 32 if fahrenheit else celsius
        measurement = TemperatureMeasurement(
            unit=self._behaviour.unit,
            temperature=shown.quantize(_STEP),
            timestamp=date_time.of(self.clock.now()),
            type=self._behaviour.place,
        )
        return self.take_payload(thermometer.encode(measurement))

    def feature(self) -> bytes:
        """Return where it measures: a thermometer has no other feature to tell."""
        return thermometer.encode_type(self._behaviour.place)
