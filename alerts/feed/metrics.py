"""What the feed counts for Prometheus. Latencies in seconds, from the log's own stamps."""

from prometheus_client import Counter, Gauge, Histogram

SCREEN_LATENCY = Histogram(
    "vitalwire_feed_screen_latency_seconds",
    "From the server's receipt of the reading to the push of its alert to every open page.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60),
)
CLIENTS = Gauge("vitalwire_feed_clients", "Open streams.")
CLIENTS_CUT = Counter("vitalwire_feed_clients_cut", "Streams cut because their reader was slow.")
RESUMED = Counter("vitalwire_feed_streams", "Streams begun, by how they began.", ["how"])
LAG = Gauge("vitalwire_feed_lag_records", "Records in the log that are not on the page yet.")
LOG_AGE = Gauge(
    "vitalwire_feed_log_contact_age_seconds", "Since the log was last reached; infinite if never."
)
LATENESS = Gauge("vitalwire_feed_lateness_seconds", "How long readings wait to be judged.")
UNACKNOWLEDGED = Gauge(
    "vitalwire_feed_unacknowledged_alerts", "Alerts that nobody has acknowledged.", ["severity"]
)
REJECTED = Counter(
    "vitalwire_feed_records_rejected", "Records that could not be read.", ["topic", "reason"]
)
DEEDS = Counter(
    "vitalwire_feed_deeds", "Requests to do something to an alert, by outcome.", ["kind", "outcome"]
)
