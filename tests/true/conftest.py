"""Fixtures for what only the true Bluetooth world can show; its plugin brings it."""

from tests.bluetooth_world import short_directory, world
from tests.gateway.bluetooth.conftest import side

__all__ = ["short_directory", "side", "world"]
