import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from schemas.daemon import Monitor, Page
from schemas.errors import MisconfiguredError


def get(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
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
    with pytest.raises(MisconfiguredError, match=r"it is not from 0 to 65535.*--monitor-port"):
        Monitor(65_536, lambda: None)


def test_a_page_is_given_to_loopback_s_own_names_only() -> None:
    page = Page("text/html", b"<p>hello", "default-src 'none'")
    with Monitor(0, lambda: None, {"/": lambda: page}) as monitor:
        for host in ("127.0.0.1", f"localhost:{monitor.port}", "[::1]:80"):
            assert get(monitor.port, "/", host) == (200, b"<p>hello")
        for host in ("clinic.example", "127.0.0.1.example", "", "["):
            assert get(monitor.port, "/", host)[0] == 403
        request = urllib.request.urlopen(f"http://localhost:{monitor.port}/", timeout=5)
        with request as answer:
            assert answer.headers["Content-Security-Policy"] == "default-src 'none'"
            assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_page_of_a_busy_daemon_says_so() -> None:
    def too_busy() -> Page:
        raise TimeoutError

    with Monitor(0, lambda: None, {"/": too_busy}) as monitor:
        status, body = get(monitor.port, "/")
        assert (status, b"busy" in body) == (503, True)


def ended(how: str) -> subprocess.CompletedProcess[str]:
    """Run a daemon that ends like this."""
    program = f"""
import sys, threading
from schemas.daemon import configure_logs
configure_logs("test")
def end():
    {how}
"""
    return subprocess.run(
        [sys.executable, "-c", program + "end()"],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_what_ends_a_process_or_a_thread_unforeseen_is_a_bug_in_the_log() -> None:
    done = ended("raise RuntimeError('oh')")
    assert (done.returncode, "daemon.ended_by_bug" in done.stderr) == (1, True)
    done = ended("threading.Thread(target=lambda: {}['oh']).start()")
    assert (done.returncode, "thread.ended_by_bug" in done.stderr) == (0, True)


def test_who_presses_ctrl_c_or_ends_a_thread_on_purpose_sees_no_bug() -> None:
    done = ended("raise KeyboardInterrupt")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
    done = ended("threading.Thread(target=sys.exit).start()")
    assert (done.returncode, done.stderr) == (0, "")
