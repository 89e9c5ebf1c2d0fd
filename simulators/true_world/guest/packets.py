"""HCI packets in a stream of bytes: Bluetooth Core 5.4, Vol 4 Part A 2. Runs in the guest too."""

HEADERS = {1: (3, 1), 2: (4, 2), 3: (3, 1), 4: (2, 1), 5: (4, 2)}
"""By type: length of the header, and of the length at its end (command, ACL data, synchronous data,
event, isochronous data)."""
ISOCHRONOUS = 5
ISOCHRONOUS_LENGTH_MASK = 0x3FFF


def packet_bytes(stream: bytes) -> int:
    """Return the length of the first packet; 0 if it is not complete yet."""
    if not stream:
        return 0
    header, field = HEADERS[stream[0]]
    if len(stream) < 1 + header:
        return 0
    payload = int.from_bytes(stream[1 + header - field : 1 + header], "little")
    if stream[0] == ISOCHRONOUS:
        payload &= ISOCHRONOUS_LENGTH_MASK
    total = 1 + header + payload
    return total if len(stream) >= total else 0
