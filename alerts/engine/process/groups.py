"""Which partitions this engine judges: those that a consumer group deals it, or all of them.

Kafka deals; where each partition is read on is the engine's to say, for the place stands in its own
checkpoint and no offset is committed. Partitions that were dealt are held back until then. A deal
happens within ``poll``, when nothing is being judged; what is still being written is waited for.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from kafka import TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import InvalidSessionTimeoutError

from alerts.log import PARTITION_BYTES_MAX, Log, LogRecord
from alerts.records import Place
from schemas.errors import MisconfiguredError, UnavailableError

SESSION_MS = 4_000
"""A member that is silent for so long is taken for dead. A broker asks for 6 s or more unless it is
told otherwise: group.min.session.timeout.ms in deploy/kafka/server.properties."""

_HEARTBEATS_PER_SESSION = 5
_SETTLE_S = 1.0  # no heartbeat is sent meanwhile
_POLL_INTERVAL_MAX_MS = 120_000
_FETCH_WAIT_MS = 50  # bounds how late a record is seen if a broker does not wake a waiting fetch
_POLL_RECORDS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Group:
    """The consumer group that engines share their work in."""

    name: str = "vitalwire-alerts-engine"
    session_ms: int = SESSION_MS


class Share(Log):
    """Reads what was dealt to this engine; use it from one thread."""

    def __init__(
        self,
        bootstrap: str,
        topics: tuple[str, ...],
        client_id: str,
        group: Group | None,
        settle: Callable[[float], None] = lambda _within_s: None,
    ) -> None:
        """Connect; ``group`` None: all partitions are this engine's, whoever else reads them.

        The group is joined with the first ``poll``. ``settle``: waits so many seconds for what is
        still being written, before the partitions are another one's.
        """
        self._group = group
        self._settle = settle
        self._dealt: set[Place] | None = None
        self._generation = -1
        super().__init__(bootstrap, topics, client_id)

    def has_news(self) -> bool:
        """Tell whether partitions were dealt anew and nobody has taken note."""
        return self._dealt is not None

    def take_news(self) -> set[Place]:
        """Give all that is this engine's since the last deal; ``read_on`` lets it flow."""
        dealt, self._dealt = self._dealt or set(), None
        return dealt

    def holds(self) -> bool:
        """Tell whether others still take this engine for alive: else it must write nothing."""
        if self._group is None:
            return True
        if self.has_news():  # what was dealt before may be another one's
            return False
        coordinator = self._consumer._coordinator  # noqa: SLF001  (nothing public says when)
        same = coordinator.group_metadata().generation_id == self._generation
        return same and not coordinator.heartbeat.session_timeout_expired()

    def behind(self, place: Place, next_offset: int) -> bool:
        """Tell whether the broker has spoken of records from ``next_offset`` on."""
        known = self._consumer.highwater(TopicPartition(*place))
        return known is not None and known > next_offset

    def poll(self, timeout_ms: int, records_max: int | None = None) -> list[LogRecord]:
        """Wait so long for records; join the group where that is due."""
        try:
            return super().poll(timeout_ms, records_max)
        except UnavailableError as error:
            if isinstance(error.__cause__, InvalidSessionTimeoutError):
                raise MisconfiguredError(
                    "Kafka refuses so short a session of the group of engines.",
                    "Set group.min.session.timeout.ms=3000 as deploy/kafka/server.properties does,"
                    " or give --session 6.",
                ) from error
            raise

    def _reading(self) -> dict[str, Any]:
        amounts = {
            "fetch_max_wait_ms": _FETCH_WAIT_MS,
            "max_poll_records": _POLL_RECORDS_MAX,
            "max_partition_fetch_bytes": PARTITION_BYTES_MAX,
        }
        if self._group is None:
            return super()._reading() | amounts
        return amounts | {
            "group_id": self._group.name,
            "session_timeout_ms": self._group.session_ms,
            "heartbeat_interval_ms": self._group.session_ms // _HEARTBEATS_PER_SESSION,
            "max_poll_interval_ms": _POLL_INTERVAL_MAX_MS,
        }

    def _subscribe(self) -> None:
        if self._group is None:
            super()._subscribe()
            self._hold_back(self._partitions)
        else:
            self._consumer.subscribe(list(self._lives), listener=_Listener(self))

    def _hold_back(self, dealt: Iterable[TopicPartition]) -> None:
        """Take note of a deal; runs in kafka-python's thread while ``poll`` waits for it."""
        for one in dealt:
            self._consumer.pause(one)
            self._consumer.seek(one, 0)  # else it would ask for an offset that nobody commits
        self._dealt = {(one.topic, one.partition) for one in dealt}
        self._generation = self._consumer.group_metadata().generation_id if self._group else 0

    def _give_back(self) -> None:
        self._settle(_SETTLE_S)
        self._dealt = set()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    def __init__(self, share: Share) -> None:
        self._share = share

    def on_partitions_revoked(self, revoked: object) -> None:
        del revoked  # all of them: the range assignor deals anew
        self._share._give_back()  # noqa: SLF001  (of this module)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._share._hold_back(list(assigned))  # noqa: SLF001  (of this module)
