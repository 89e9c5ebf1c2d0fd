"""The true Bluetooth world: Debian's own kernel and bluetoothd in an emulated machine."""

from simulators.true_world.machine import Machine
from simulators.true_world.world import TrueWorld

__all__ = ["Machine", "TrueWorld"]
