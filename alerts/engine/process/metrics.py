"""What the engine counts."""

from prometheus_client import Counter, Gauge

from alerts.engine.process.ages import Ages

JUDGED = Counter("vitalwire_alerts_readings_judged", "Readings judged by the rules.")
CORRECTED = Counter(
    "vitalwire_alerts_corrections", "Corrections of stored readings that were taken note of."
)
DUPLICATES = Counter("vitalwire_alerts_duplicates", "Readings dropped: judged before.")
REJECTED = Counter(
    "vitalwire_alerts_records_rejected",
    "Records of readings.v1, readings.unassigned.v1 or registry.v1 that nobody can read.",
)
AHEAD = Counter(
    "vitalwire_alerts_records_from_the_future",
    "Records stamped minutes after the broker had them: a clock of the bridge's machine is wrong.",
)
TRANSITIONS = Counter(
    "vitalwire_alerts_transitions", "Records of alerts.v1.", ["event", "severity"]
)
BOOKS_REFUSED = Counter(
    "vitalwire_alerts_books_refused", "Activated rule books that cannot be used: the old one stays."
)
LEADS = Gauge("vitalwire_alerts_partitions_led", "Partitions of readings.v1 judged here.")
LAG = Gauge(
    "vitalwire_alerts_lag_seconds", "Now minus the server's stamp of the newest record judged."
)
AGE = Ages(
    "vitalwire_alerts_age_at_judgement_seconds",
    "Server's receipt minus measurement.",
    (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 24 * 3_600, 7 * 24 * 3_600),
)
UNKNOWN = Counter(
    "vitalwire_alerts_unknown_patients", "Batches with a patient who is not in the registry."
)
UNKNOWN_BOOKS = Counter(
    "vitalwire_alerts_unknown_books", "Care plans that name a rule book nobody loaded."
)
