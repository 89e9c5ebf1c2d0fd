"""The ways to reach a person: the log, a webhook, e-mail; one call, that raises or is done.

A receiver tells a repetition by the ``Idempotency-Key`` header, or by the e-mail's Message-ID: both
are the key of the notice. Every wait is bounded, and all of them together (``web.WHOLE_S``); what a
receiver refuses is not tried again.
"""

import smtplib
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from random import Random
from threading import Event
from urllib.parse import urlsplit

import structlog

from alerts.desk import web
from alerts.desk.causes import cause_of
from alerts.desk.message import Notice
from schemas.backoff import Backoff
from schemas.errors import MisconfiguredError, UnavailableError, VitalwireError
from schemas.rota import Channel

TRIES = 3
_OK = range(200, 300)
_REDIRECTS = range(300, 400)
_FOR_GOOD = 500
_WORTH_ANOTHER_TRY = {408, 425, 429, *range(500, 600)}

_log = structlog.get_logger()


class RefusedNotice(VitalwireError):
    """The receiver's word, or a wrong address: another try would end the same."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail goes out; ``login`` and ``password`` may be empty."""

    host: str
    port: int = 25
    sender: str = "vitalwire@localhost"
    starttls: bool = False
    login: str = ""
    password: str = field(default="", repr=False)


def send_to_log(notice: Notice, _: str) -> None:
    """Write a line, for a demo and for whoever forwards logs; it names no patient."""
    _log.warning(
        "notice",
        key=notice.key,
        severity=notice.severity,
        reason=notice.reason,
        what=notice.what,
    )


def send_by_webhook(notice: Notice, url: str) -> None:
    """POST the notice as JSON; only an answer 2xx means that it was taken."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise RefusedNotice("A webhook's address is no http or https URL.", "Correct the rota.")
    request = urllib.request.Request(  # noqa: S310  (the scheme is checked above)
        url,
        data=notice.as_json(),
        headers={"Content-Type": "application/json", "Idempotency-Key": notice.key},
        method="POST",
    )
    status = web.ask(request, redirects=False)
    if status in _REDIRECTS:
        raise UnavailableError("The webhook redirects; use the address that it leads to.")
    if status in _WORTH_ANOTHER_TRY:
        raise UnavailableError(f"The webhook answered {status}.")
    if status not in _OK:
        raise RefusedNotice(f"The webhook answered {status}.")


def mail_by(server: MailServer) -> Callable[[Notice, str], None]:
    """Give a sender by this server."""

    def send(notice: Notice, address: str) -> None:
        try:
            message = _mail(notice, server.sender, address)
            made: list[smtplib.SMTP] = []
            with web.cut_off(lambda: [one.sock for one in made]), _Line(server, made) as connection:
                if server.starttls:
                    connection.starttls(context=ssl.create_default_context())
                if server.login:
                    connection.login(server.login, server.password)
                connection.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPAuthenticationError) as error:
            if _is_for_now(error):
                raise UnavailableError("The mail server takes nothing just now.") from error
            raise RefusedNotice(f"The mail server refused: {cause_of(error)}.") from error
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"The mail server failed: {cause_of(error)}.") from error
        except ValueError as error:  # an address with a line break, a host that is no name
            raise RefusedNotice("The e-mail's address cannot be used.", "Correct it.") from error

    return send


class _Line(smtplib.SMTP):
    """A connection that can be cut while its greeting is awaited."""

    def __init__(self, server: MailServer, made: list[smtplib.SMTP]) -> None:
        made.append(self)
        super().__init__(server.host, server.port, timeout=web.WAIT_S)


def _mail(notice: Notice, sender: str, address: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, address, notice.subject
    message["Message-ID"] = f"<{notice.key}@vitalwire>"
    message["Date"] = datetime.fromtimestamp(notice.at_ms / 1000, UTC)  # RFC 5322, 3.6: a must
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message["Importance"] = "high" if notice.severity in ("critical", "high") else "normal"
    message.set_content(notice.text)
    return message


def _is_for_now(error: smtplib.SMTPRecipientsRefused | smtplib.SMTPAuthenticationError) -> bool:
    """Tell a busy or greylisting server (RFC 5321, 4.2.1: 4yz) from one that means it."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return error.smtp_code < _FOR_GOOD
    return any(code < _FOR_GOOD for code, _ in error.recipients.values())


Sender = Callable[[Notice, str], None]


@dataclass(frozen=True, slots=True)
class Channels:
    """Sends by the kind of a channel; raises ``VitalwireError`` when it gives up."""

    senders: Mapping[str, Sender]
    rng: Random
    stop: Event

    def send(
        self, notice: Notice, channel: Channel, enough: Callable[[], bool] = lambda: False
    ) -> None:
        """Try a few times, with growing pauses between; none begins once it is ``enough``."""
        sender = self.senders.get(channel.kind)
        if sender is None:
            raise RefusedNotice(f"No {channel.kind} is set up here.", "See `alerts desk --help`.")
        backoff = Backoff(self.rng, first_s=0.5, longest_s=4.0)
        while True:
            try:
                return sender(notice, channel.address)
            except UnavailableError:
                if backoff.failures + 1 >= TRIES or enough():
                    raise
                if self.stop.wait(backoff.next_s()) or enough():
                    raise


def senders(mail: MailServer | None) -> dict[str, Sender]:
    """Give every way that is set up; without a mail server there is no e-mail."""
    ways: dict[str, Sender] = {"log": send_to_log, "webhook": send_by_webhook}
    return ways if mail is None else ways | {"email": mail_by(mail)}


def parse_mail_server(url: str | None, sender: str) -> MailServer | None:
    """Read ``smtp://login:password@host:port``; ``smtps``: with STARTTLS. None stays None.

    Raises ``MisconfiguredError``.
    """
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
        raise MisconfiguredError(
            "The mail server's address cannot be read.", "Write it as smtp://127.0.0.1:25."
        )
    return MailServer(
        parts.hostname,
        parts.port or (587 if parts.scheme == "smtps" else 25),
        sender,
        starttls=parts.scheme == "smtps",
        login=parts.username or "",
        password=parts.password or "",
    )
