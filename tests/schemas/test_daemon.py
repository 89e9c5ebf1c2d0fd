import json
import urllib.error
import urllib.request

import pytest

from schemas.daemon import Monitor
from schemas.errors import MisconfiguredError


def get(port: int, path: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_a_daemon_tells_why_it_is_not_ready() -> None:
    reasons: list[str | None] = ["no broker"]
    with Monitor(0, lambda: reasons[0]) as monitor:
        assert get(monitor.port, "/healthz")[0] == 200
        status, body = get(monitor.port, "/readyz")
        assert (status, json.loads(body)) == (503, {"status": "no broker"})
        reasons[0] = None
        assert get(monitor.port, "/readyz")[0] == 200
        assert b"# HELP" in get(monitor.port, "/metrics")[1]
        assert get(monitor.port, "/secret")[0] == 404


def test_a_port_in_use_is_one_line_with_a_way_out() -> None:
    with (
        Monitor(0, lambda: None) as first,
        pytest.raises(MisconfiguredError, match="--monitor-port"),
    ):
        Monitor(first.port, lambda: None)
