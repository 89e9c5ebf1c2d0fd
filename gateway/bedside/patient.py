"""What the doctor examines."""

from dataclasses import dataclass
from pathlib import Path

from gateway.bedside import settings_file
from schemas.clock import Clock


@dataclass(frozen=True, slots=True)
class Patient:
    """What is examined.

    ``adapter`` None: those of the running daemon. ``mqtt_url`` None: what the environment or the
    settings file says.
    """

    state: Path
    adapter: str | None
    mqtt_url: str | None
    clock: Clock
    settings: Path = Path(settings_file.PATH)
