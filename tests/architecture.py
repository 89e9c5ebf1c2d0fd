"""The architecture's rules as data; test_tidy.py holds the source to them."""

PACKAGES = ("schemas", "gateway", "ingest", "alerts", "simulators")
OUTSIDE = ("bench", "tests")  # they look at the product from outside, by whatever means
OURS = {*PACKAGES, *OUTSIDE, "vitalwire"}
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# Which packages of ours each one may import, beside itself.
MAY_IMPORT = {
    "schemas": set[str](),
    "gateway": {"schemas"},
    "ingest": {"schemas"},
    "alerts": {"schemas"},
    "simulators": {"schemas", "gateway", "ingest", "alerts"},
    "bench": OURS,
    "tests": OURS,
    "vitalwire": OURS - {*OUTSIDE},
}
# A gateway that has one of these loaded does not fit its memory goal on a Raspberry Pi.
TOO_HEAVY_FOR_THE_GATEWAY = {"numpy", "kafka", "psycopg", "rich", "starlette", "jinja2", "bumble"}

# Modules that do I/O, wait, or read a clock, and decide nothing. Every other module is pure:
# codecs, rules, state machines, decisions. A new module is pure until its name is written here.
SHELLS = {
    "alerts/cli.py",
    "alerts/engine/cli.py",
    "alerts/engine/daemon.py",
    "alerts/engine/metrics.py",
    "alerts/engine/output.py",
    "alerts/engine/roster.py",
    "alerts/feed/actions.py",
    "alerts/feed/cli.py",
    "alerts/feed/follower.py",
    "alerts/feed/guard.py",
    "alerts/feed/hub.py",
    "alerts/feed/metrics.py",
    "alerts/feed/serve.py",
    "alerts/feed/stream.py",
    "alerts/feed/web.py",
    "alerts/log.py",
    "alerts/producers.py",
    "alerts/projector/__init__.py",
    "alerts/projector/cli.py",
    "alerts/projector/run.py",
    "alerts/projector/store.py",
    "alerts/rules/load.py",
    "gateway/bluetooth/agent.py",
    "gateway/bluetooth/bluez.py",
    "gateway/bluetooth/devices.py",
    "gateway/bluetooth/link.py",
    "gateway/bluetooth/meter.py",
    "gateway/bluetooth/pairing.py",
    "gateway/bluetooth/scanner.py",
    "gateway/bluetooth/session.py",
    "gateway/cli.py",
    "gateway/daemon.py",
    "gateway/intake.py",
    "gateway/journal.py",
    "gateway/journal_file.py",
    "gateway/metrics.py",
    "gateway/publisher.py",
    "gateway/sender.py",
    "gateway/status.py",
    "gateway/wall.py",
    "ingest/bridge/bridge.py",
    "ingest/bridge/metrics.py",
    "ingest/cli.py",
    "ingest/daemons.py",
    "ingest/database.py",
    "ingest/delivery.py",
    "ingest/kafka_clients.py",
    "ingest/mqtt_link.py",
    "ingest/registry/cli.py",
    "ingest/registry/entries.py",
    "ingest/registry/follower.py",
    "ingest/registry/outbox.py",
    "ingest/registry/publisher.py",
    "ingest/registry/release.py",
    "ingest/registry/store.py",
    "ingest/sink/custody.py",
    "ingest/sink/metrics.py",
    "ingest/sink/offsets.py",
    "ingest/sink/receipts.py",
    "ingest/sink/sink.py",
    "ingest/sink/store.py",
    "ingest/storage.py",
    "ingest/waiting.py",
    "schemas/clock.py",
    "schemas/daemon.py",
    "schemas/json_schema.py",
    "schemas/servers.py",
    "simulators/cli.py",
    "simulators/demo/check.py",
    "simulators/demo/clinic.py",
    "simulators/demo/enrolment.py",
    "simulators/demo/narrator.py",
    "simulators/demo/neighbourhood.py",
    "simulators/demo/place.py",
    "simulators/demo/report.py",
    "simulators/demo/run.py",
    "simulators/demo/screen.py",
    "simulators/demo/supervisor.py",
    "simulators/demo/trial.py",
    "simulators/demo/truth.py",
    "simulators/home.py",
    "simulators/home_control.py",
    "simulators/homes.py",
    "simulators/peripherals/__init__.py",
    "simulators/peripherals/advertising.py",
    "simulators/peripherals/attributes.py",
    "simulators/peripherals/burst.py",
    "simulators/peripherals/clock.py",
    "simulators/peripherals/clock_services.py",
    "simulators/peripherals/cuff.py",
    "simulators/peripherals/ledger.py",
    "simulators/peripherals/listening.py",
    "simulators/peripherals/meter.py",
    "simulators/peripherals/pairing.py",
    "simulators/peripherals/peripheral.py",
    "simulators/programs.py",
    "simulators/stack/directory.py",
    "simulators/stack/kafka.py",
    "simulators/stack/launch.py",
    "simulators/stack/mqtt.py",
    "simulators/stack/postgres.py",
    "simulators/stack/process.py",
    "simulators/stack/server.py",
    "simulators/world/__init__.py",
    "simulators/world/adapter.py",
    "simulators/world/agent.py",
    "simulators/world/bus.py",
    "simulators/world/central.py",
    "simulators/world/device.py",
    "simulators/world/gatt.py",
    "simulators/world/objects.py",
    "simulators/world/radio.py",
    "simulators/world/stand_in.py",
    "simulators/world/world.py",
    "vitalwire.py",
}
# Time, randomness and identity come in as arguments; bytes come in and go out as values.
IMPURE_IMPORTS = {
    "asyncio", "bleak", "bumble", "ctypes", "dbus_fast", "http", "io", "kafka", "logging", "os",
    "paho", "prometheus_client", "psycopg", "queue", "secrets", "select", "shutil", "signal",
    "socket", "sqlite3", "starlette", "structlog", "subprocess", "sys", "tempfile", "threading",
    "time", "urllib.request", "uvicorn",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval"}
# A type to annotate with, not a source of randomness or a file.
HARMLESS_NAMES = {
    ("random", "Random"),
    ("uuid", "UUID"),
    ("pathlib", "PurePath"),
    ("io", "BytesIO"),
}

# Expressions, so that this file does not mention the places.
PLACES_OF_ONE_MACHINE = (r"/[w]ork/", r"\.\./[s]hared", r"/[r]oot/")
GENERATED = {
    ".git", ".venv", "__pycache__", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".hypothesis",
}  # fmt: skip

CLOCK = "schemas.clock"
BANNED_CALLS = {
    "time.time": f"{CLOCK}: Clock.wall_ms()",
    "time.time_ns": f"{CLOCK}: Clock.wall_ms()",
    "datetime.now": f"{CLOCK}: Clock.wall_ms()",
    "datetime.utcnow": f"{CLOCK}: Clock.wall_ms()",
    "datetime.today": f"{CLOCK}: Clock.wall_ms()",
    "date.today": f"{CLOCK}: Clock.wall_ms()",
    "random.random": "the Random that you were given",
    "random.uniform": "the Random that you were given",
    "random.randint": "the Random that you were given",
    "random.choice": "the Random that you were given",
    "random.shuffle": "the Random that you were given",
    "random.seed": "the Random that you were given",
    "uuid.uuid4": "secrets.token_hex in a shell, or an argument",
}
BANNED_IN_TESTS = {
    "time.sleep": "wait for the event itself, or poll in a bounded `eventually`",
    "asyncio.sleep": "wait for the event itself, or poll in a bounded `eventually`",
}
