"""Draws the connection policy from its table: ``python -m gateway.visits.diagram`` (Mermaid)."""

import sys

from gateway.visits.table import TRANSITIONS, Command, Edge, Event, State


def diagram() -> str:
    """Give the state diagram; docs/design/016 holds it, and a test holds the two together."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.SEEN.value}: {Command.AWAIT_TURN.value}"]
    for state, edges_by_event in TRANSITIONS.items():
        grouped: dict[Edge, list[Event]] = {}
        for event, edges in edges_by_event.items():
            for edge in edges:
                grouped.setdefault(edge, []).append(event)
        lines += [_line(state, edge, events) for edge, events in grouped.items()]
    lines.append(f"    {State.BACKOFF.value} --> [*]")
    return "\n".join(lines)


def _line(state: State, edge: Edge, events: list[Event]) -> str:
    """Write ``state --> next: event or event [condition] / command (outcome)``."""
    label = " or ".join(event.value for event in events)
    if edge.when is not None:
        label += f" [{edge.when.value}]"
    label += f" / {edge.command.value}"
    if edge.outcome is not None:
        label += f" ({edge.outcome})"
    return f"    {state.value} --> {edge.to.value}: {label}"


if __name__ == "__main__":
    sys.stdout.write(diagram() + "\n")
