"""A technician reads what is wrong with a receiver, not how Python calls it."""

import smtplib
import socket
import ssl
from random import Random
from threading import Event

import pytest

from alerts.desk.causes import cause_of
from alerts.desk.channels import Channels, senders
from alerts.desk.message import Notice
from schemas.errors import UnavailableError
from schemas.rota import Channel
from simulators.stack.ports import free_port


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ssl.SSLCertVerificationError(), "its certificate is not trusted on this machine"),
        (ssl.SSLError(), "it speaks no TLS that this machine speaks"),
        (socket.gaierror(), "its name is not found"),
        (TimeoutError(), "it says nothing in time"),
        (smtplib.SMTPRecipientsRefused({}), "it takes no mail to this address"),
        (KeyError(), "KeyError"),
    ],
)
def test_the_most_special_words_are_said(error: Exception, words: str) -> None:
    assert cause_of(error) == words


def test_they_reach_whoever_is_told() -> None:
    channels = Channels(senders(None), Random(1), Event())
    notice = Notice("key", "critical", "onset", "subject", "text", 5)
    nobody = Channel("webhook", f"http://127.0.0.1:{free_port()}/")
    with pytest.raises(UnavailableError, match="It does not answer: nothing listens there"):
        channels.send(notice, nobody, enough=lambda: True)
