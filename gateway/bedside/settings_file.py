"""The file with which systemd starts the gateway: /etc/vitalwire/gateway.env."""

import re

PATH = "/etc/vitalwire/gateway.env"
_LINE = re.compile(r"\s*([A-Z][A-Z0-9_]*)=(.*)")


def parse(text: str) -> dict[str, str]:
    """Read NAME=value lines as systemd does; raise ``ValueError`` that names the first bad line."""
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        parts = _LINE.fullmatch(line)
        if parts is None:
            message = f"line {number} is not NAME=value"
            raise ValueError(message)
        found[parts[1]] = parts[2].strip().strip("\"'")
    return found
