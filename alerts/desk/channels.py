"""The ways to reach a person: the log, a webhook, e-mail; one call, that raises or is done.

A receiver tells a repetition by the ``Idempotency-Key`` header, or by the e-mail's Message-ID: both
are the key of the notice. Every wait is bounded; what a receiver refuses is not tried again.
"""

import smtplib
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from random import Random
from threading import Event
from typing import NoReturn
from urllib.parse import urlsplit

import structlog

from alerts.desk.message import Notice
from schemas.backoff import Backoff
from schemas.errors import MisconfiguredError, UnavailableError, VitalwireError
from schemas.rota import Channel

TRIES = 3
_TIMEOUT_S = 5.0
_OK = range(200, 300)
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
    _log.warning("notice", key=notice.key, severity=notice.severity, reason=notice.reason)


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
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_S) as reply:
            if reply.status not in _OK:
                raise UnavailableError(f"The webhook answered {reply.status}.")
    except urllib.error.HTTPError as error:
        with error:
            if error.code in _WORTH_ANOTHER_TRY:
                raise UnavailableError(f"The webhook answered {error.code}.") from error
            raise RefusedNotice(f"The webhook answered {error.code}.") from error
    except (OSError, ValueError) as error:
        raise UnavailableError(f"The webhook does not answer: {type(error).__name__}.") from error


def mail_by(server: MailServer) -> Callable[[Notice, str], None]:
    """Give a sender by this server."""

    def send(notice: Notice, address: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = server.sender, address
        message["Subject"] = notice.subject
        message["Message-ID"] = f"<{notice.key}@vitalwire>"
        message.set_content(notice.text)
        try:
            with smtplib.SMTP(server.host, server.port, timeout=_TIMEOUT_S) as connection:
                if server.starttls:
                    connection.starttls()
                if server.login:
                    connection.login(server.login, server.password)
                connection.send_message(message)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPAuthenticationError) as error:
            if _is_for_now(error):
                raise UnavailableError("The mail server takes nothing just now.") from error
            raise RefusedNotice(f"The mail server refused: {type(error).__name__}.") from error
        except (OSError, smtplib.SMTPException) as error:
            raise UnavailableError(f"The mail server failed: {type(error).__name__}.") from error

    return send


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

    def send(self, notice: Notice, channel: Channel) -> None:
        """Try a few times, with growing pauses between."""
        sender = self.senders.get(channel.kind)
        if sender is None:
            raise RefusedNotice(f"No {channel.kind} is set up here.", "See `alerts desk --help`.")
        backoff = Backoff(self.rng, first_s=0.5, longest_s=4.0)
        while True:
            try:
                return sender(notice, channel.address)
            except UnavailableError:
                if backoff.failures + 1 >= TRIES or self.stop.wait(backoff.next_s()):
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


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A POST that is redirected becomes a GET, and nobody is told: it is a failure instead."""

    def redirect_request(self, *_: object) -> NoReturn:
        raise UnavailableError("The webhook redirects; use the address that it leads to.")


_OPENER = urllib.request.build_opener(_NoRedirects)
