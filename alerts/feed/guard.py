"""Keeps other sites out of a page that has no sign-in yet, and scripts out of the page.

Loopback is reachable by every page that a browser on this machine shows. A foreign name that
resolves to 127.0.0.1 (DNS rebinding) is told by the Host header; a form or script of another site
by Origin and Sec-Fetch-Site, which a page cannot forge.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OUR_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_OUR_SITES = frozenset({"same-origin", "none"})
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # the patients' addresses stay here
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def refusal(method: str, headers: Headers) -> str | None:
    """Say why a request is not ours to answer; None if it is."""
    host = headers.get("host", "")
    if _name(host) not in _OUR_NAMES:
        return "This feed answers on loopback only: use http://127.0.0.1 or http://localhost."
    if method in _SAFE_METHODS:
        return None
    origin = headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "Another site may not act here."
    if headers.get("sec-fetch-site", "none") not in _OUR_SITES:
        return "Another site may not act here."
    return None


class Guard:
    """ASGI middleware: refuses foreign requests, adds the headers that protect the page."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand in front of an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 403 with a sentence."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        sentence = refusal(scope["method"], Headers(scope=scope))
        app = self._app if sentence is None else PlainTextResponse(sentence + "\n", 403)
        await app(scope, receive, send_guarded)


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
