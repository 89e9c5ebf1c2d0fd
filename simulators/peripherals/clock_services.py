"""The ways in which devices let their clocks be read and set: the standard's, and the others."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from bumble import att, gatt
from bumble.core import UUID
from bumble.device import Connection

from schemas.gatt import contour_clock, current_time, date_time, uuids
from schemas.gatt.errors import MalformedPayload
from schemas.gatt.quirks import ClockWay
from simulators.peripherals import attributes
from simulators.peripherals.attributes import Characteristic
from simulators.peripherals.clock import DeviceClock

__all__ = ["ClockServices"]

Notify = Callable[[Connection, Characteristic, bytes], Awaitable[bool]]


class ClockServices:
    """One device's clock on the air.

    ``own`` characteristics belong into the service that the device is for; ``separate`` services
    stand beside it; ``pushed`` can be subscribed, and is told at once to who does.
    """

    def __init__(self, clock: DeviceClock, way: ClockWay | None) -> None:
        """Offer `clock` in this way, or not at all."""
        self._clock = clock
        self._told: set[Connection] = set()  # peers to whom it has notified its time
        self.own: list[Characteristic] = []
        self.separate: list[gatt.Service] = []
        self.pushed: Characteristic | None = None
        match way:
            case ClockWay.CURRENT_TIME:
                plain = attributes.writable(uuids.CURRENT_TIME, self._read, self._write)
                self.separate = [attributes.service(uuids.CURRENT_TIME_SERVICE, [plain])]
            case ClockWay.CURRENT_TIME_AFTER_NOTIFICATION:
                self.pushed = attributes.notified_too(
                    uuids.CURRENT_TIME, self._read, self._write_if_told
                )
                self.separate = [attributes.service(uuids.CURRENT_TIME_SERVICE, [self.pushed])]
            case ClockWay.DATE_TIME:
                inside = attributes.writable(uuids.DATE_TIME, self._read_date, self._write_date)
                self.own = [inside]
            case ClockWay.CONTOUR:
                setter = attributes.written(UUID(uuids.CONTOUR_CLOCK), self._write_contour)
                self.separate = [gatt.Service(UUID(uuids.CONTOUR_SERVICE), [setter])]
            case None:
                pass

    async def tell(self, connection: Connection, notify: Notify) -> None:
        """Notify the time to somebody who subscribed; from now on they may set it."""
        assert self.pushed is not None
        if await notify(connection, self.pushed, self._read()):
            self._told.add(connection)

    def forget(self, connection: Connection) -> None:
        """Forget a peer whose link has ended."""
        self._told.discard(connection)

    def _read(self) -> bytes:
        return current_time.encode(current_time.of(self._clock.now()))

    def _read_date(self) -> bytes:
        return date_time.encode(date_time.of(self._clock.now()))

    def _write(self, _connection: Connection, payload: bytes) -> None:
        try:
            self._set(current_time.decode(payload).naive)
        except MalformedPayload as error:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR) from error

    def _write_if_told(self, connection: Connection, payload: bytes) -> None:
        if connection not in self._told:
            raise att.ATT_Error(att.ATT_WRITE_NOT_PERMITTED_ERROR)
        self._write(connection, payload)

    def _write_date(self, _connection: Connection, payload: bytes) -> None:
        try:
            self._set(date_time.decode(payload).naive)
        except MalformedPayload as error:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR) from error

    def _write_contour(self, _connection: Connection, payload: bytes) -> None:
        try:
            setting = contour_clock.decode(payload)
        except MalformedPayload as error:
            raise att.ATT_Error(att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR) from error
        utc = setting.utc.naive if setting.command == contour_clock.SET_CLOCK else None
        self._set(utc and utc + timedelta(minutes=setting.offset_min))

    def _set(self, shown: datetime | None) -> None:
        if shown is None:
            raise att.ATT_Error(att.ErrorCode.VALUE_NOT_ALLOWED)
        self._clock.set(shown)
