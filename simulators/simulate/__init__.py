"""`vitalwire simulate`: one simulated device, on a real radio or on a bus of its own."""

from typing import Final

PRIVATE_BUS: Final = "private-bus"
VHCI: Final = "vhci"
"""Names of transports that are not bumble's ways to a controller."""
