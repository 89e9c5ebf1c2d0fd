"""What the desk counts for Prometheus; no label names a person."""

from prometheus_client import Counter, Gauge, Histogram

DECISIONS = Counter("vitalwire_desk_decisions", "What was decided, by reason.", ["kind", "reason"])
DELIVERIES = Counter(
    "vitalwire_desk_deliveries", "Notices by channel and outcome.", ["channel", "outcome"]
)
PAGE_LATENCY = Histogram(
    "vitalwire_desk_page_latency_seconds",
    "From the server's receipt of the reading to the delivery of the first notice about it.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
LATENESS = Gauge("vitalwire_desk_lateness_seconds", "How late the engine judges, as reported.")
IN_FLIGHT = Gauge("vitalwire_desk_notices_in_flight", "Notices under way.")
REFUSED = Counter(
    "vitalwire_desk_closings_refused", "Closings of a critical alert that say no outcome."
)
REJECTED = Counter(
    "vitalwire_desk_records_rejected", "Records that could not be read.", ["topic", "reason"]
)
