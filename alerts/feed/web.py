"""The feed over HTTP: its pages, the API, the stream. Reads the hub, writes actions."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import jinja2
import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from alerts.feed import metrics, words
from alerts.feed.answers import BODY_BYTES_MAX, DEEDS, OUTCOMES, Refusal, deed, parse_answer, typed
from alerts.feed.board import Board
from alerts.feed.cursor import LENGTH_MAX
from alerts.feed.guard import Guard
from alerts.feed.hub import Hub, Pace
from alerts.feed.order import BEYOND_SHOWN_MAX
from alerts.feed.stream import EventStream
from schemas.alert import Action, Deed
from schemas.clock import Clock
from schemas.errors import InvalidInput, UnavailableError

_FOLDER = Path(__file__).parent
_STATIC = _FOLDER / "static"
_APPLIED_WITHIN_S = 3.0
_PAGE_FOR_MS = 1_000
"""So long the list is sent as it was made, unless it changed: all pages may come back at once."""
_PAGES = ("/more/", "/patients/")
_JSON = "application/json"
_ALERT = "/api/v1/alerts/{alert_id}"

_log = structlog.get_logger()


class Writer(Protocol):
    """Keeps actions; returns only when they are durable."""

    def append(self, action: Action) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What the pages are made from."""

    hub: Hub
    writer: Writer
    clock: Clock
    pace: Pace
    new_id: Callable[[], str]


def build_name() -> str:
    """Name this version of the page: an open page of another version reloads itself."""
    digest = hashlib.sha256()
    for path in sorted([*_STATIC.iterdir(), *(_FOLDER / "templates").iterdir()]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def application(site: Site) -> ASGIApp:
    """Put the routes together, behind the guard."""
    pages = _Pages(site)
    return Guard(
        Starlette(
            routes=[
                Route("/", pages.feed),
                Route("/patients/{patient_id}", pages.patient),
                Route("/more/{number:int}", pages.more),
                Route("/alerts/{alert_id}", pages.alert),
                Route("/api/v1/alerts", pages.alerts),
                Route("/api/v1/alerts/stream", pages.stream),
                *(
                    Route(
                        f"/api/v1/alerts/{{alert_id}}/{kind}", pages.answer(kind), methods=["POST"]
                    )
                    for kind in DEEDS
                ),
                Route(f"{_ALERT}/chart.svg", pages.chart),
                Route("/metrics", _metrics),
                Route("/healthz", _healthz),
                Route("/readyz", pages.readyz),
                Mount("/static", StaticFiles(directory=_STATIC)),
            ]
        )
    )


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the list was made of; ``cursor`` is empty while it changes without one."""

    board: Board
    cursor: str
    trouble: str | None


class _Pages:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._templates = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_FOLDER / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._build = build_name()
        self._made: tuple[_Shown, int, Response] | None = None

    async def feed(self, _: Request) -> Response:
        hub, now_ms = self._site.hub, self._site.clock.monotonic_ms()
        shown = _Shown(hub.board, hub.cursor, hub.trouble)
        if self._made is not None:
            made, at_ms, page = self._made
            if made == shown and shown.cursor and now_ms - at_ms < _PAGE_FOR_MS:
                return page
        page = self._feed()
        self._made = shown, now_ms, page
        return page

    def _feed(self) -> Response:
        hub = self._site.hub
        overview = hub.board.overview()
        return self._page(
            "feed.html",
            overview=overview,
            cards={card.alert_id: card for card in overview.cards},
            rows=hub.board.rows(),
        )

    async def patient(self, request: Request) -> Response:
        view = self._site.hub.board.patient(request.path_params["patient_id"])
        if view is None:
            return self._page("message.html", 404, sentence="No such patient is known here.")
        return self._page("patient.html", view=view)

    async def more(self, request: Request) -> Response:
        view = self._site.hub.board.beyond(request.path_params["number"])
        return self._page("more.html", view=view, step=BEYOND_SHOWN_MAX)

    async def alert(self, request: Request) -> Response:
        return self._alert(request.path_params["alert_id"], _sent_from(request))

    def _alert(
        self, alert_id: str, back: str, refused: str = "", status: int = 200, **shown: object
    ) -> Response:
        """Show one alert; after a refusal why, and what was ``typed``."""
        view = self._site.hub.board.alert(alert_id)
        if view is None:
            gone = "There is no such alert here: it may have been finished long ago."
            return self._page("message.html", 404, sentence=refused or gone)
        return self._page("alert.html", status, view=view, back=back, refused=refused, **shown)

    async def alerts(self, _: Request) -> Response:
        hub = self._site.hub
        fields = msgspec.structs.asdict(hub.board.overview())
        return _json({"cursor": hub.cursor, "trouble": hub.trouble, **fields})

    async def chart(self, request: Request) -> Response:
        hub = self._site.hub
        drawn = hub.board.chart_of(request.path_params["alert_id"], hub.zone)
        if drawn is None:
            return PlainTextResponse("There is nothing to draw.\n", 404)
        return Response(drawn, media_type="image/svg+xml", headers={"cache-control": "no-store"})

    async def stream(self, request: Request) -> Response | EventStream:
        if self._site.hub.full:
            return _refuse(Refusal(503, "Too many pages are open; close some and try again."))
        cursor = request.headers.get("last-event-id") or request.query_params.get("cursor", "")
        return EventStream(self._site.hub, cursor[:LENGTH_MAX])

    def answer(self, kind: Deed) -> Callable[[Request], Awaitable[Response]]:
        """Give the endpoint that writes what a person does to an alert."""

        async def respond(request: Request) -> Response:
            content_type = request.headers.get("content-type", "")
            alert_id, body = request.path_params["alert_id"], await _body(request)
            outcome = await self._act(alert_id, kind, content_type, body)
            word = "accepted" if isinstance(outcome, Action) else str(outcome.status)
            metrics.DEEDS.labels(kind, word).inc()
            if content_type.startswith(_JSON):
                return _refuse(outcome) if isinstance(outcome, Refusal) else _json(outcome)
            written = typed(content_type, body)
            back = written.pop("back", "")
            back = back if back.startswith(_PAGES) else _sent_from(request)
            if isinstance(outcome, Refusal):
                shown = written | {"kind": kind}
                return self._alert(alert_id, back, outcome.sentence, outcome.status, typed=shown)
            return RedirectResponse(back, 303)

        return respond

    async def readyz(self, _: Request) -> Response:
        trouble = readiness(self._site.hub, self._site.pace)
        return JSONResponse({"status": trouble or "ready"}, 503 if trouble else 200)

    async def _act(
        self, alert_id: str, kind: Deed, content_type: str, body: bytes
    ) -> Action | Refusal:
        """Write it; nothing takes effect before the log has it."""
        site = self._site
        try:
            answer = parse_answer(kind, content_type, body)
        except InvalidInput as error:
            return Refusal(400, error.detail)
        action = deed(site.hub.board.desk, alert_id, answer, site.new_id(), site.clock.wall_ms())
        if isinstance(action, Refusal):
            return action
        try:
            await run_in_threadpool(site.writer.append, action)
        except UnavailableError as error:
            _log.warning("action.not_written", action_id=action.action_id, cause=error.cause)
            return Refusal(503, "Not done: the log cannot be reached. Please try again.")
        _log.info("action.written", action_id=action.action_id, kind=action.kind)
        await site.hub.applied(action, _APPLIED_WITHIN_S)
        return action

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        site = self._site
        now_ms, zone = site.clock.wall_ms(), site.hub.zone
        html = self._templates.get_template(template).render(
            build=self._build,
            cursor=site.hub.cursor,
            trouble=site.hub.trouble,
            no_reading=site.hub.no_reading(),
            silence_ms=int(site.pace.silence_s * 1000),
            now_ms=now_ms,
            outcomes=OUTCOMES,
            zone=zone.key,
            absolute=lambda at_ms: words.absolute(at_ms, now_ms, zone),
            relative=lambda at_ms: words.relative(at_ms, now_ms),
            iso=lambda at_ms: datetime.fromtimestamp(at_ms / 1000, zone).isoformat(),
            **{"back": "", "typed": {}} | values,
        )
        return HTMLResponse(html, status)


def _sent_from(request: Request) -> str:
    """Give the page whose form was sent, without its scripts; the first one if nothing says so."""
    host, sent = request.headers.get("host", ""), request.headers.get("referer", "")
    scheme, _, path = sent.partition(f"://{host}")
    return path if scheme in ("http", "https") and path.startswith(_PAGES) else "/"


def readiness(hub: Hub, pace: Pace) -> str | None:
    """Say why this feed cannot be relied on; None if it can."""
    age_ms = hub.contact_age_ms()
    if hub.trouble is not None:
        return hub.trouble
    if age_ms is None or age_ms > pace.silence_s * 1000:
        return "Kafka has not answered for too long."
    return None


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            break  # what is too large is refused by its reader, unread
    return body


async def _metrics(_: Request) -> Response:
    return Response(generate_latest(REGISTRY), headers={"content-type": CONTENT_TYPE_LATEST})


async def _healthz(_: Request) -> Response:
    return PlainTextResponse("alive\n")


def _json(value: object) -> Response:
    return Response(msgspec.json.encode(value), media_type=_JSON)


def _refuse(refusal: Refusal) -> Response:
    return JSONResponse({"error": refusal.sentence}, refusal.status)
