"""A clock that a test moves by hand."""

from dataclasses import dataclass

from tests.gateway.records import BOOT


@dataclass
class HandClock:
    """``schemas.clock.Clock`` without time."""

    now_ms: int = 1_000
    wall: int = 1_800_000_000_000
    true: bool = False
    boot_id: str = BOOT

    def monotonic_ms(self) -> int:
        """Milliseconds since the test's boot."""
        return self.now_ms

    def wall_ms(self) -> int:
        """What the wall clock shows, true or not."""
        return self.wall

    def synchronised(self) -> bool:
        """Whether it is true."""
        return self.true
