"""What visits are ordered to do, noted."""

import pytest

from gateway.visits.table import Command, State
from gateway.visits.visit import Order, Visit


def watch(monkeypatch: pytest.MonkeyPatch) -> list[Command]:
    """Note what every visit is ordered to do."""
    orders: list[Command] = []
    order = Visit._order

    def noting(visit: Visit, to: State, command: Command, now_ms: int, after_s: float) -> Order:
        orders.append(command)
        return order(visit, to, command, now_ms, after_s)

    monkeypatch.setattr(Visit, "_order", noting)
    return orders
