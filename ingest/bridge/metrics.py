"""What the bridge counts."""

from prometheus_client import Counter, Gauge, Histogram

messages = Counter("vitalwire_bridge_messages_total", "MQTT messages taken.")
items = Counter(
    "vitalwire_bridge_items_total",
    "Readings by what became of them.",
    ["outcome", "reason"],
)
acknowledged = Counter("vitalwire_bridge_acknowledged_total", "PUBACKs sent.")
lapsed = Counter(
    "vitalwire_bridge_lapsed_total",
    "Messages whose connection was lost before the PUBACK; the broker sends them again.",
)
waiting = Gauge("vitalwire_bridge_waiting", "Messages received and not yet taken.")
seconds = Histogram(
    "vitalwire_bridge_batch_seconds",
    "From taking a batch of messages to the last PUBACK.",
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30),
)
ticks = Counter("vitalwire_bridge_ticks_total", "Records that only moved log time.")
