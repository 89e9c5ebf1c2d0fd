"""The Bluetooth world for the tests of this folder."""

from tests.bluetooth_world import cuff, meter, short_directory, world

__all__ = ["cuff", "meter", "short_directory", "world"]
