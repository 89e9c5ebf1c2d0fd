"""What a daemon has counted of its visits."""

from prometheus_client import REGISTRY


def sessions(outcome: str) -> float:
    labels = {"outcome": outcome}
    return REGISTRY.get_sample_value("vitalwire_gateway_sessions_total", labels) or 0.0


def refused_unpaired() -> float:
    return REGISTRY.get_sample_value("vitalwire_gateway_refused_unpaired_total") or 0.0
