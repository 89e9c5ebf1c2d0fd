"""What the server tells this home on ``…/config``: cursors, zones, and the wish for a re-send."""

from collections.abc import Callable

import msgspec
import structlog

from gateway import metrics
from gateway.addresses import short
from gateway.clocks.book import ClockBook
from gateway.journal.journal import Journal
from gateway.record_access.cursor import Cursor
from schemas.errors import UNREADABLE, InvalidInput, UnavailableError
from schemas.time_zone import zone_named
from schemas.wire import BoundDevice, Config, Resend, refuse_other_major

log = structlog.get_logger(__name__)
_CONFIG: msgspec.json.Decoder[Config] = msgspec.json.Decoder(Config)


class Configuration:
    """Takes the retained message whenever it comes; nothing in it is done twice."""

    def __init__(self, journal: Journal, clocks: ClockBook, held_again: Callable[[], None]) -> None:
        """``clocks`` keeps the zones for the next run; ``held_again``: send anew."""
        self._journal = journal
        self._clocks = clocks
        self._held_again = held_again

    def received(self, payload: bytes) -> None:
        """Take a message; one that cannot be read changes nothing."""
        try:
            config = _CONFIG.decode(payload)
            refuse_other_major(config.version)
            for device in config.devices:
                self._bind(device)
            if config.resend is not None:
                self._resend(config.resend)
        except (*UNREADABLE, InvalidInput) as error:
            metrics.FAILURES.labels("config").inc()
            log.warning("config.rejected", reason=str(error))
        except UnavailableError as error:
            metrics.FAILURES.labels("journal").inc()
            log.warning("config.not_kept", cause=error.cause)

    def _bind(self, device: BoundDevice) -> None:
        """Learn a device's zone, and where to go on with it if this journal is new."""
        if device.zone is not None:
            zone = zone_named(device.zone)
            if zone is None:
                log.warning("config.zone_unknown", device=short(device.address))
            else:
                self._clocks.keep_zone(device.address, zone)
        if device.cursor is not None:
            told = device.cursor
            cursor = Cursor(told.last, told.digest, told.held, complete=False)
            if self._journal.devices.restore_cursor(device.address, cursor):
                log.info("cursor.restored", device=short(device.address))

    def _resend(self, wish: Resend) -> None:
        """Send again, once for each request; only what the journal still has."""
        if rows := self._journal.custody.resend(wish.request, wish.since_ms):
            log.info("rows.held_again", rows=rows)
            self._held_again()
