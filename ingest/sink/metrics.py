"""What the sink counts."""

from prometheus_client import Counter, Gauge, Histogram

entries = Counter(
    "vitalwire_sink_entries_total",
    "Readings, rejections and reports by what became of them.",
    ["outcome"],
)
batches = Histogram(
    "vitalwire_sink_batch_seconds",
    "One transaction.",
    buckets=(0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
delay = Histogram(
    "vitalwire_sink_delay_seconds",
    "From the bridge's receipt of a record's readings to their commit.",
    buckets=(0.03, 0.1, 0.3, 1, 3, 10, 60, 600, 3600),
)
refused = Counter(
    "vitalwire_sink_refused_total", "Entries that the database refused; kept as rejected."
)
repositioned = Counter(
    "vitalwire_sink_repositioned_total",
    "Partitions not resumed at the stored offset.",
    ["reason"],
)
receipts = Counter("vitalwire_sink_receipts_total", "Receipts handed to MQTT.")
configs = Counter("vitalwire_sink_configs_total", "Configurations of homes handed to MQTT.")
receipts_due = Gauge("vitalwire_sink_receipts_due", "Gateways whose receipts wait for MQTT.")
