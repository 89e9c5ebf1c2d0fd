"""Runs in the emulated machine, by Debian's Python without site: serves the host on two ports.

On one a connection is a shell: what the host sends is run, what it says goes back. On the other a
connection is a Bluetooth adapter: it exists as /dev/vhci while the connection does, and its
controller is at the connection's other end, on the host.
"""

import os
import select
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket

from simulators.true_world.guest.packets import packet_bytes

SHELL_PORT = 1  # the bus's is 2, see bus.conf
ADAPTER_PORT = 3

CREATE_PRIMARY_CONTROLLER = b"\xff\x00"
VENDOR_PACKET = 0xFF
CHUNK_BYTES = 65536


def be_adapter(connection: socket) -> None:
    """Carry packets between the kernel and the host until the host hangs up."""
    kernel = os.open("/dev/vhci", os.O_RDWR)
    os.write(kernel, CREATE_PRIMARY_CONTROLLER)
    ends: list[int | socket] = [kernel, connection]
    stream = b""
    while True:
        readable, _, _ = select.select(ends, [], [])
        if kernel in readable:
            packet = os.read(kernel, CHUNK_BYTES)
            if packet[0] != VENDOR_PACKET:  # its answer to the creation
                connection.sendall(packet)
        if connection in readable:
            received = connection.recv(CHUNK_BYTES)
            if not received:
                os.close(kernel)  # the adapter is unplugged
                return
            stream += received
            while length := packet_bytes(stream):
                os.write(kernel, stream[:length])  # one packet a write
                stream = stream[length:]


def be_shell(connection: socket) -> None:
    """Become a shell that reads its commands from the host."""
    for stream in range(3):
        os.dup2(connection.fileno(), stream)
    os.execv("/bin/busybox", ["sh", "-s"])  # noqa: S606 - it is the shell


def main() -> None:
    """Serve each connection in a process of its own."""
    servers = {
        create_server(("0.0.0.0", SHELL_PORT)): be_shell,  # noqa: S104 - nobody else is here
        create_server(("0.0.0.0", ADAPTER_PORT)): be_adapter,  # noqa: S104
    }
    print("serving", flush=True)  # noqa: T201 - the console's log
    while True:
        readable, _, _ = select.select(list(servers), [], [])
        for server in readable:
            connection, _ = server.accept()
            connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
            if os.fork() == 0:
                servers[server](connection)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main()
