"""A weight scale: sends by itself what nobody has confirmed yet."""

from dataclasses import dataclass
from decimal import Decimal

from schemas.gatt import date_time, uuids, weight
from schemas.gatt.weight import Ability, Feature, System, WeightMeasurement, WeightResolution
from simulators.peripherals.burst import BurstSender
from simulators.peripherals.clock import DeviceClock
from simulators.peripherals.habits import AS_THE_STANDARD_SAYS, Habits
from simulators.peripherals.identity import DeviceIdentity
from simulators.peripherals.ledger import Ledger

__all__ = ["Scale", "ScaleBehaviour"]

_KG_STEP = Decimal("0.05")
_LB_STEP = Decimal("0.1")
_KG_PER_LB = Decimal("0.45359237")


@dataclass(frozen=True)
class ScaleBehaviour:
    """In what the measurements of scales differ."""

    system: System = System.SI
    users: tuple[int, ...] = ()
    """The slots that it knows; none: its measurements name no user."""


class Scale(BurstSender):
    """A simulated scale; it shows steps of 50 g, or of 0.1 lb."""

    service_number = uuids.WEIGHT_SCALE_SERVICE
    measurement_number = uuids.WEIGHT_MEASUREMENT
    feature_number = uuids.WEIGHT_SCALE_FEATURE

    def __init__(
        self,
        identity: DeviceIdentity,
        clock: DeviceClock,
        ledger: Ledger,
        behaviour: ScaleBehaviour | None = None,
        habits: Habits = AS_THE_STANDARD_SAYS,
    ) -> None:
        """Begin with an empty memory."""
        super().__init__(identity, clock, ledger, habits)
        self._behaviour = behaviour or ScaleBehaviour()
        self.users = self._behaviour.users

    def take(self, weight_kg: Decimal, *, user: int | None = None) -> bytes:
        """Measure, stamped by the device's clock; return the payload.

        A scale with users measures for the first one unless told another.
        """
        user = self.users[0] if user is None and self.users else user
        measurement = WeightMeasurement(
            system=self._behaviour.system,
            weight=self._shown(weight_kg),
            timestamp=date_time.of(self.clock.now()),
            user=user,
        )
        return self.take_payload(weight.encode(measurement), user)

    def feature(self) -> bytes:
        """Return what it can send."""
        abilities = Ability.TIMESTAMP | (Ability.MULTIPLE_USERS if self.users else Ability(0))
        return weight.encode_feature(Feature(abilities, WeightResolution.TWENTIETH_KG_OR_TENTH_LB))

    def _shown(self, weight_kg: Decimal) -> Decimal:
        if self._behaviour.system is System.SI:
            return _in_steps(weight_kg, _KG_STEP)
        return _in_steps(weight_kg / _KG_PER_LB, _LB_STEP)


def _in_steps(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).quantize(Decimal(1)) * step
