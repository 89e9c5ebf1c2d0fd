"""The emulated machine: a Debian kernel in qemu, in software, with three ports on loopback.

No KVM, no root, no disk, no way to the network: it runs wherever a process may run. What it holds
was put together by `make setup-true` (setup/emulator.py), what it does is in guest/.
"""

import socket
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from schemas.errors import MisconfiguredError, UnavailableError
from simulators.stack.ports import free_port
from simulators.stack.process import LOOPBACK, Child, Program, wait_until_ready

__all__ = ["Machine"]

EMULATOR = Path(sys.prefix) / "emulator"
MEMORY_MIB = 256
TRANSLATED_MIB = 128  # of code; qemu would take up to a gibibyte
START_WITHIN_S = 90.0
COMMAND_TIMEOUT_S = 20.0
GUEST_ADDRESS = "10.0.2.15"
SHELL, BUS, ADAPTER = 1, 2, 3
"""The guest's ports: see guest/agent.py and guest/bus.conf."""

# mitigations and nokaslr: nobody attacks it, and it starts faster. panic=-1 and -no-reboot: a
# kernel that ends takes qemu with it. tsc=reliable: else it mistrusts its clock on a busy machine.
KERNEL = (
    "rdinit=/simulators/true_world/guest/init console=ttyS0 quiet loglevel=3 panic=-1 "
    "mitigations=off nokaslr random.trust_cpu=on tsc=reliable cryptomgr.notests"
)
_DONE = b"\ndone"
_SERVING = b"serving"
_LAST_WORDS_BYTES = 4096  # the beginning tells more than the end


class Machine(AbstractContextManager["Machine"]):
    """One emulated machine; entering waits until it serves, leaving ends it."""

    def __init__(self, directory: Path) -> None:
        """Keep the log of its console in `directory`."""
        self._log = directory / "console.log"
        self._ports = {port: free_port() for port in (SHELL, BUS, ADAPTER)}
        qemu = EMULATOR / "qemu"
        libraries = (qemu / "usr/lib/x86_64-linux-gnu", qemu / "lib/x86_64-linux-gnu")
        environment = {
            "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
            "QEMU_MODULE_DIR": str(libraries[0] / "qemu"),
        }
        self._child = Child(Program("qemu", self._command(qemu), self._log, environment))

    def port(self, guest_port: int) -> int:
        """Return the port on loopback that leads to one of the guest's."""
        return self._ports[guest_port]

    def __enter__(self) -> Self:
        """Start it.

        Raises:
            MisconfiguredError: `make setup-true` did not run.
            UnavailableError: it ended, or serves not in time.
        """
        if not (EMULATOR / "guest.cpio").exists():
            raise MisconfiguredError(
                f"There is no emulated machine under {EMULATOR}.", "Run `make setup-true`."
            )
        self._log.unlink(missing_ok=True)  # an earlier start's
        self._child.start()
        try:
            wait_until_ready(self._child, self._serves, START_WITHIN_S)
        except BaseException:
            self._child.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """End it as if its plug was pulled; nothing of it is kept."""
        self._child.stop()

    def revive(self) -> None:
        """Start it anew if it has ended: its kernel may crash under whoever used it before."""
        if self._child.exit_code is not None:
            self.__enter__()

    def wait_for_end(self, within_s: float) -> int | None:
        """Wait for a machine that ends by itself; None if it did not in time."""
        return self._child.wait_for_end(within_s)

    def run(self, script: str) -> str:
        """Run a shell script in the guest and return what it said.

        Raises:
            UnavailableError: a command failed, or it did not end in time.
        """
        try:
            with socket.create_connection((LOOPBACK, self.port(SHELL)), COMMAND_TIMEOUT_S) as shell:
                shell.sendall(f"exec 2>&1; set -e\n{script}\necho; echo done\n".encode())
                shell.shutdown(socket.SHUT_WR)
                said = b"".join(iter(lambda: shell.recv(65536), b""))
        except OSError as error:
            raise UnavailableError(self._silence(error)) from error
        text, done, _ = said.rpartition(_DONE)
        if not done:
            raise UnavailableError(f"In the emulated machine failed: {script!r}: {said!r}.")
        return text.decode()

    def _silence(self, error: OSError) -> str:
        if self._child.running:
            return f"The emulated machine does not answer: {error}."
        last_words = self._log.read_bytes().partition(_SERVING)[2][:_LAST_WORDS_BYTES]
        return f"The emulated machine has ended:\n{last_words.decode(errors='replace').strip()}"

    def _serves(self) -> bool:
        return _SERVING in self._log.read_bytes()

    def _command(self, qemu: Path) -> tuple[str, ...]:
        forwarded = "".join(
            f",hostfwd=tcp:{LOOPBACK}:{here}-{GUEST_ADDRESS}:{there}"
            for there, here in self._ports.items()
        )
        return (
            str(qemu / "usr/bin/qemu-system-x86_64"),
            *("-L", str(qemu / "usr/share/qemu"), "-L", str(qemu / "usr/share/seabios")),
            *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"),
            # A second processor made it slower.
            *(
                "-machine",
                "pc",
                "-accel",
                f"tcg,tb-size={TRANSLATED_MIB}",
                "-cpu",
                "qemu64",
                "-smp",
                "1",
            ),
            *("-m", str(MEMORY_MIB), "-kernel", str(EMULATOR / "vmlinuz")),
            *("-initrd", str(EMULATOR / "guest.cpio"), "-append", KERNEL, "-serial", "stdio"),
            *("-netdev", f"user,id=net,restrict=on{forwarded}"),
            *("-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci"),
        )
