"""What Prometheus sees of the gateway."""

from prometheus_client import Counter, Gauge, Histogram

CAPTURED = Counter("vitalwire_gateway_captured", "Notifications in the journal", ["characteristic"])
SENT = Counter("vitalwire_gateway_sent", "Rows that the broker acknowledged, repeats included")
RECEIPTED = Counter("vitalwire_gateway_receipted", "Rows that the server confirmed")
HELD = Gauge("vitalwire_gateway_held", "Rows in the journal that have no receipt")
STUCK = Gauge("vitalwire_gateway_stuck", "Rows sent three times or more without a receipt")
CONNECTED = Gauge("vitalwire_gateway_mqtt_connected", "1 while the broker is connected")
SESSIONS = Counter("vitalwire_gateway_sessions", "Bluetooth sessions by outcome", ["outcome"])
READ_ANEW = Counter(
    "vitalwire_gateway_read_anew", "Meters of which every record was asked for, by why", ["reason"]
)
CLOCKS_SET = Counter("vitalwire_gateway_clocks_set", "Devices whose wrong clock was set")
REFUSED_UNPAIRED = Counter(
    "vitalwire_gateway_refused_unpaired", "Sightings of devices that nobody paired here"
)
REFUSED = Counter(
    "vitalwire_gateway_refused", "Sessions and pairings that were refused, by reason", ["reason"]
)
REFUSED_NOTIFICATIONS = Counter(
    "vitalwire_gateway_refused_notifications",
    "Notifications that were dropped: they are of no device that a person paired here",
)
BONDED_ANEW = Counter(
    "vitalwire_gateway_bonded_anew", "Times that the gateway paired a device again by itself"
)
FAILURES = Counter("vitalwire_gateway_failures", "Operations that failed, by reason", ["reason"])
INSERT_SECONDS = Histogram(
    "vitalwire_gateway_journal_insert_seconds",
    "From the notification to the fsync's return",
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)


def totals() -> dict[str, int]:
    """Sum up the counters for the health report, whatever their labels."""
    counters = {
        "captured": CAPTURED,
        "sent": SENT,
        "receipted": RECEIPTED,
        "sessions": SESSIONS,
        "refused_unpaired": REFUSED_UNPAIRED,
        "refused": REFUSED,
        "refused_notifications": REFUSED_NOTIFICATIONS,
        "failures": FAILURES,
    }
    return {name: _total(counter) for name, counter in counters.items()}


def refused() -> dict[str, int]:
    """Give what was refused, by reason."""
    samples = (sample for metric in REFUSED.collect() for sample in metric.samples)
    found = {
        sample.labels["reason"]: int(sample.value)
        for sample in samples
        if sample.name.endswith("_total")
    }
    return found | {
        "unpaired": _total(REFUSED_UNPAIRED),
        "notifications": _total(REFUSED_NOTIFICATIONS),
    }


def _total(counter: Counter) -> int:
    samples = (sample for metric in counter.collect() for sample in metric.samples)
    return int(sum(sample.value for sample in samples if sample.name.endswith("_total")))
