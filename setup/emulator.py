"""What `make test-true` needs beside the tests' environment: qemu, and a machine to run in it.

All of it is Debian 12's, authenticated by apt, whatever this machine is. qemu is unpacked; the
guest (Debian's own kernel, bluetoothd, dbus-daemon) becomes one archive that the kernel takes into
its memory when it starts: no disk, no mounts, nothing that would need root.
"""

from __future__ import annotations

import io
import lzma
import re
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from setup.apt import Archive
from setup.console import SetupError, step

QEMU_PACKAGES = ("qemu-system-x86", "seabios")
GUEST_PACKAGES = (
    "linux-image-6.12-amd64",
    "bluez",
    "dbus-daemon",
    "busybox-static",
    "python3.11-minimal",
)
NOT_NEEDED = (
    "adduser", "default-dbus-system-bus", "init-system-helpers", "initramfs-tools", "kmod",
    "linux-base", "lsb-base", "udev",
)  # fmt: skip
"""What those ask for and a guest without a disk has no use for."""

_PROGRAMS = {
    "usr/libexec/bluetooth/bluetoothd",
    "usr/bin/dbus-daemon",
    "usr/bin/python3.11",
    "bin/busybox",
}
_LIBRARIES = {"lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu", "lib64"}
_PYTHON = "usr/lib/python3.11/"
# In this order. The cryptography is what the kernel pairs with: without drbg, ctr and sha512, or
# cmac, ecb and ecdh_generic, it has no SMP channel, and tells of every pairing at once that it
# succeeded. No modprobe in the guest would fetch them.
_MODULES = (
    "virtio_pci", "virtio_net", "virtio_rng",
    "cryptomgr", "hmac", "sha256_generic", "sha512_generic", "ctr", "jitterentropy_rng", "drbg",
    "ecb", "cmac", "ecdh_generic", "algif_hash", "algif_skcipher",
    "bluetooth", "hci_vhci",
)  # fmt: skip
_MODULE_FOLDERS = {
    "arch/x86/crypto", "crypto", "drivers/bluetooth", "drivers/char/hw_random", "drivers/net",
    "drivers/virtio", "lib", "net/bluetooth", "net/core", "net/rfkill",
}  # fmt: skip
_EMPTY_FOLDERS = ("dev", "etc", "proc", "run", "sys", "tmp", "var", "var/lib")


@dataclass(frozen=True)
class Emulator:
    """`folder` gets qemu/, which is a Debian root, and the guest: vmlinuz and guest.cpio.

    `own_files` of the checkout run in the guest beside Debian's.
    """

    checkout: Path
    own_files: Sequence[Path]
    folder: Path
    debian: Archive

    def fetch(self) -> None:
        """Fetch and build everything.

        Raises:
            SetupError: no apt here, no network, no room, a package that is not what it was.
        """
        self.debian.fetch(QEMU_PACKAGES, self.folder / "qemu")
        content = _Content()
        for package in self.debian.download(GUEST_PACKAGES):
            content.take(package)
        step("The guest's files in one archive")
        (self.folder / "vmlinuz").write_bytes(content.kernel)
        for path in self.own_files:
            name = str(path.relative_to(self.checkout))
            content.files[name] = (0o100755, path.read_bytes())
        (self.folder / "guest.cpio").write_bytes(_guest(content))


@dataclass
class _Content:
    """What of the guest's packages is used."""

    kernel: bytes = b""
    modules: dict[str, bytes] = field(default_factory=dict)
    built_in: set[str] = field(default_factory=set)
    files: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    """Mode and content by path; the content of a symbolic link is its target."""

    def take(self, package: Path) -> None:
        """Read a package; only a stream, for the kernel's modules unpacked are 400 MB."""
        argv = ["dpkg-deb", "--fsys-tarfile", str(package)]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as unpacking:
            try:
                with tarfile.open(fileobj=unpacking.stdout, mode="r|") as archive:
                    for member in archive:
                        self._take(archive, member)
            except tarfile.TarError as error:
                msg = f"{package} is damaged: {error}. Remove it, then run the same again"
                raise SetupError(msg) from error

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = PurePosixPath(member.name)  # begins with ./
        name, folder = str(path), str(path.parent)
        if member.issym() and folder in _LIBRARIES:
            self.files[name] = (0o120777, member.linkname.encode())
        if not member.isfile():
            return
        _, _, module_folder = folder.partition("/kernel/")
        stream = archive.extractfile(member)
        assert stream is not None
        if name.startswith("boot/vmlinuz-"):
            self.kernel = stream.read()
        elif path.name == "modules.builtin":
            self.built_in = {
                _module(PurePosixPath(line)) for line in stream.read().decode().split()
            }
        elif name.endswith(".ko.xz"):
            if module_folder in _MODULE_FOLDERS:
                self.modules[_module(path)] = lzma.decompress(stream.read())
        elif name in _PROGRAMS or folder in _LIBRARIES or name.startswith(_PYTHON):
            self.files[name] = (0o100755, stream.read())


def _module(path: PurePosixPath) -> str:
    """Return the name by which others depend on a module."""
    return path.name.partition(".")[0].replace("-", "_")


def _guest(content: _Content) -> bytes:
    missing = _PROGRAMS - content.files.keys()
    missing |= {*_MODULES} - content.modules.keys() - content.built_in
    if missing or not content.kernel:
        msg = f"Debian's packages lack {missing or 'a kernel'}. Please report this"
        raise SetupError(msg)
    modules = list(_with_dependencies(content.modules))
    guest = _Cpio()
    folders = {str(parent) for name in content.files for parent in PurePosixPath(name).parents}
    for name in sorted((folders | {*_EMPTY_FOLDERS, "modules"}) - {"."}):
        guest.add(name, 0o40755, b"")
    for name, (mode, data) in content.files.items():
        guest.add(name, mode, data)
    for name in modules:
        guest.add(f"modules/{name}.ko", 0o100644, content.modules[name])
    guest.add("modules/order", 0o100644, "".join(f"{name}\n" for name in modules).encode())
    return guest.finished()


def _with_dependencies(modules: dict[str, bytes]) -> Iterator[str]:
    """Yield the modules to load, each after those that it names in its own .modinfo."""
    loaded: set[str] = set()

    def load(name: str) -> Iterator[str]:
        if name in loaded:
            return
        loaded.add(name)
        named = re.search(rb"\0depends=([^\0]+)\0", modules[name])
        for dependency in named[1].decode().split(",") if named else ():
            yield from load(dependency.replace("-", "_"))
        yield name

    for name in _MODULES:
        if name in modules:  # else it is built in
            yield from load(name)


class _Cpio:
    """An archive as Linux takes it for its first root: cpio, "newc"."""

    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._count = 0

    def add(self, name: str, mode: int, data: bytes) -> None:
        self._count += 1
        fields = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        self._buffer.write(b"070701" + b"".join(b"%08x" % value for value in fields))
        self._padded(name.encode() + b"\0")
        self._padded(data)

    def finished(self) -> bytes:
        self.add("TRAILER!!!", 0, b"")
        return self._buffer.getvalue()

    def _padded(self, data: bytes) -> None:
        self._buffer.write(data)
        self._buffer.write(b"\0" * (-self._buffer.tell() % 4))
