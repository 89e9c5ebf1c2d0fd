"""The ways to reach a person, against receivers on this machine."""

from random import Random
from threading import Event

import pytest

from alerts.desk.channels import (
    TRIES,
    Channels,
    MailServer,
    RefusedNotice,
    parse_mail_server,
    senders,
)
from alerts.desk.message import Notice, notice_of
from schemas.alert import Action
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.rota import Channel
from simulators.stack.process import free_port
from tests.alerts.desk.receivers import Inbox, mail_server, web_server
from tests.alerts.desk.virtual_desk import MINUTE_MS, VirtualDesk

NOTICE = Notice("key-1", "critical", "onset", "CRITICAL: Severe, patient Wren-01", "Open it.", 5)


class Impatient(Event):
    """Waits for nothing, so that a test need not."""

    def wait(self, timeout: float | None = None) -> bool:
        return False


def channels(mail: MailServer | None = None) -> Channels:
    return Channels(senders(mail), Random(1), Impatient())


def test_a_webhook_gets_the_notice_under_its_key() -> None:
    with web_server(Inbox()) as inbox:
        channels().send(NOTICE, Channel("webhook", inbox.url))
    assert inbox.keys == ["key-1"]
    assert inbox.bodies[0]["subject"] == "CRITICAL: Severe, patient Wren-01"


def test_a_webhook_in_trouble_is_tried_again_under_the_same_key() -> None:
    with web_server(Inbox([503, 429, 204])) as inbox:
        channels().send(NOTICE, Channel("webhook", inbox.url))
    assert inbox.keys == ["key-1"] * TRIES


def test_it_gives_up_in_the_end() -> None:
    with web_server(Inbox([500])) as inbox, pytest.raises(UnavailableError):
        channels().send(NOTICE, Channel("webhook", inbox.url))
    assert len(inbox.keys) == TRIES


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_refusal_is_not_tried_again(status: int) -> None:
    with web_server(Inbox([status])) as inbox, pytest.raises(RefusedNotice):
        channels().send(NOTICE, Channel("webhook", inbox.url))
    assert len(inbox.keys) == 1


def test_a_redirect_is_a_failure_and_never_a_get() -> None:
    with web_server(Inbox([302])) as inbox, pytest.raises(UnavailableError):
        channels().send(NOTICE, Channel("webhook", inbox.url))
    assert inbox.gets == 0


@pytest.mark.parametrize("address", ["file:///etc/passwd", "", "ftp://127.0.0.1/"])
def test_only_the_web_is_a_webhook(address: str) -> None:
    with pytest.raises(RefusedNotice):
        channels().send(NOTICE, Channel("webhook", address))


def test_nobody_listening_is_a_failure_and_not_a_crash() -> None:
    with pytest.raises(UnavailableError):
        channels().send(NOTICE, Channel("webhook", f"http://127.0.0.1:{free_port()}/"))


def test_mail_carries_the_key_and_says_no_value() -> None:
    with mail_server(Inbox([250])) as inbox:
        server = parse_mail_server(f"smtp://127.0.0.1:{inbox.url}", "desk@clinic.example")
        channels(server).send(NOTICE, Channel("email", "nurse@clinic.example"))
    (mail,) = inbox.mails
    assert "Message-ID: <key-1@vitalwire>" in mail
    assert "Subject: CRITICAL: Severe, patient Wren-01" in mail


def test_a_recipient_whom_the_server_refuses_is_not_tried_again() -> None:
    with mail_server(Inbox([550])) as inbox:
        server = MailServer("127.0.0.1", int(inbox.url))
        with pytest.raises(RefusedNotice):
            channels(server).send(NOTICE, Channel("email", "nobody@clinic.example"))
    assert inbox.mails == []


def test_a_mail_server_that_takes_nothing_just_now_is_tried_again() -> None:
    with mail_server(Inbox([450, 250])) as inbox:
        server = MailServer("127.0.0.1", int(inbox.url))
        channels(server).send(NOTICE, Channel("email", "nurse@clinic.example"))
    assert len(inbox.mails) == 1


def test_a_way_that_is_not_set_up_is_refused() -> None:
    with pytest.raises(RefusedNotice):
        channels().send(NOTICE, Channel("email", "nurse@clinic.example"))


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://"])
def test_a_mail_server_is_written_in_one_way(url: str) -> None:
    with pytest.raises(MisconfiguredError, match="smtp://"):
        parse_mail_server(url, "a@b")


def test_a_password_is_never_shown() -> None:
    server = parse_mail_server("smtps://anna:secret@mail.example", "a@b")
    assert server is not None
    assert parse_mail_server(None, "a@b") is None
    assert (server.port, server.starttls, server.login) == (587, True, "anna")
    assert "secret" not in repr(server)


def test_a_notice_names_what_is_as_urgent_as_it_says() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.find("2", "eased", "medium")
    desk.find("3", "worsened", "high", title="High blood pressure")
    desk.after(MINUTE_MS)
    notice = notice_of(desk.delivered[-1][1], desk.case(), [], "Wren-01", "https://feed.example/")
    assert notice.subject == "CRITICAL: Severe blood pressure, patient Wren-01"


def test_a_notice_says_how_urgent_and_where_to_look_and_nothing_measured() -> None:
    desk = VirtualDesk()
    desk.find("1", marks=["delayed"])
    desk.after(6 * MINUTE_MS)
    action = desk.delivered[-1][1]
    others = [desk.case()]
    notice = notice_of(action, desk.case(), others, "Wren-01", "https://feed.example/")
    assert notice.key == action.action_id
    assert notice.text == (
        "CRITICAL: Severe blood pressure, patient Wren-01: nobody has acknowledged it.\n"
        "The reading came late: call the patient.\n"
        "1 more of this patient's alerts wait.\n"
        "Open https://feed.example/ to see it and to acknowledge."
    )
    assert "192" not in notice.as_json().decode()


def test_a_retraction_and_the_work_list_are_said_as_such() -> None:
    desk = VirtualDesk()
    desk.find("1", severity="medium")
    desk.after(31 * MINUTE_MS)
    listed = notice_of(desk.delivered[0][1], desk.case(), [], "Wren-01", "u")
    assert listed.text.startswith("MEDIUM: ")
    assert "on the work list" in listed.text
    unknown = Action("x", ["a"], "notify", "desk", 0, "", reason=None)
    assert "waiting" in notice_of(unknown, desk.case(), [], "W", "u").text
