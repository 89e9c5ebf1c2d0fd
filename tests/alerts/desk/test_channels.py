"""The ways to reach a person, against receivers on this machine."""

from pathlib import Path
from random import Random
from threading import Event
from typing import Literal

import pytest
from structlog.testing import capture_logs

from alerts.desk import web
from alerts.desk.channels import (
    TRIES,
    Channels,
    MailServer,
    RefusedNotice,
    parse_mail_server,
    senders,
)
from alerts.desk.message import Notice, notice_of
from alerts.desk.technical import report
from schemas.alert import Action
from schemas.errors import MisconfiguredError, UnavailableError
from schemas.rota import Channel
from simulators.stack.ports import free_port
from tests.alerts.desk.receivers import Inbox, mail_server, odd_server, self_signed, web_server
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


BANNER = [b"SSH-2.0-OpenSSH_9.9\r\n"]
DRIP = [b"HTTP/1.1 200 OK\r\n", b"X: ", *[b"y"] * 10_000]


@pytest.mark.parametrize("kind", ["webhook", "email"])
def test_whoever_speaks_another_language_has_taken_nothing(
    kind: Literal["webhook", "email"],
) -> None:
    with odd_server(BANNER) as odd, pytest.raises(UnavailableError):
        channels(MailServer("127.0.0.1", int(odd.url))).send(
            NOTICE, Channel(kind, f"http://127.0.0.1:{odd.url}/")
        )
    assert odd.gets == TRIES


@pytest.mark.parametrize("kind", ["webhook", "email"])
def test_a_receiver_that_answers_byte_by_byte_is_cut_off(
    kind: Literal["webhook", "email"], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single wait is long: it would hold a worker for ever."""
    monkeypatch.setattr(web, "WHOLE_S", 0.2)
    drip = DRIP if kind == "webhook" else [b"220-hello ", *[b"y"] * 10_000]
    with odd_server(drip, pause_s=0.02) as odd, pytest.raises(UnavailableError):
        channels(MailServer("127.0.0.1", int(odd.url))).send(
            NOTICE, Channel(kind, f"http://127.0.0.1:{odd.url}/")
        )
    assert odd.gets == TRIES


def test_mail_says_when_it_was_written_and_that_no_person_wrote_it() -> None:
    with mail_server(Inbox([250])) as inbox:
        channels(MailServer("127.0.0.1", int(inbox.url))).send(
            NOTICE, Channel("email", "nurse@clinic.example")
        )
    (mail,) = inbox.mails
    assert "Date: Thu, 01 Jan 1970 00:00:00 +0000" in mail
    assert "Auto-Submitted: auto-generated" in mail
    assert "Importance: high" in mail


@pytest.mark.parametrize("address", ["nurse@clinic.example\nBcc: a@b.example", "a\r\n"])
def test_an_address_with_a_line_break_is_refused(address: str) -> None:
    with mail_server(Inbox([250])) as inbox, pytest.raises(RefusedNotice):
        channels(MailServer("127.0.0.1", int(inbox.url))).send(NOTICE, Channel("email", address))
    assert inbox.mails == []


def test_a_title_of_two_lines_is_one_line_of_a_mail() -> None:
    desk = VirtualDesk()
    desk.find("1", title="Severe\nblood  pressure")
    desk.after(1_000)
    notice = notice_of(desk.delivered[-1][1], desk.case(), [], "Wren-01", "https://feed.example/")
    assert notice.subject == "CRITICAL: Severe blood pressure, patient Wren-01"
    with mail_server(Inbox([250])) as inbox:
        channels(MailServer("127.0.0.1", int(inbox.url))).send(
            notice, Channel("email", "nurse@clinic.example")
        )
    assert len(inbox.mails) == 1


def test_a_mail_server_that_cannot_prove_its_name_gets_no_password(tmp_path: Path) -> None:
    with mail_server(Inbox([250]), tls=self_signed(tmp_path)) as inbox:
        server = MailServer("127.0.0.1", int(inbox.url), starttls=True, login="a", password="b")
        with pytest.raises(UnavailableError, match="certificate is not trusted"):
            channels(server).send(NOTICE, Channel("email", "nurse@clinic.example"))
    assert not any("AUTH" in line for line in inbox.lines)


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
        "One more alert of this patient waits.\n"
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


def test_a_notice_says_what_to_do_while_the_condition_holds_and_not_after_it() -> None:
    desk = VirtualDesk()
    desk.find("1", advice="  Call the patient\nnow: it is urgent")
    desk.after(1_000)
    action = desk.delivered[-1][1]
    others = [desk.case()] * 2
    text = notice_of(action, desk.case(), others, "Wren-01", "u").text
    assert text.splitlines()[1:] == [
        "Call the patient now: it is urgent.",
        "2 more alerts of this patient wait.",
        "Open u to see it and to acknowledge.",
    ]
    desk.find("2", "returned")
    text = notice_of(action, desk.case(), [], "Wren-01", "u").text
    assert text.splitlines()[1:] == [
        "The last reading is back within limits.",
        "Open u to see it and to acknowledge.",
    ]


def test_trouble_of_the_desk_says_what_it_is_and_of_which_programme() -> None:
    desk = VirtualDesk(reaches=lambda notice: notice.to == ["technician"])
    desk.find("1")
    desk.after(1_000)
    _, told = next((at_ms, one) for at_ms, one in desk.delivered if one.to == ["technician"])
    notice = notice_of(told, desk.case(told.alert_ids[0]), [], "", "u")
    assert notice.text == (
        "HIGH: A notification reached nobody, programme home: new.\n"
        "Programme home: no channel took a notification (log).\n"
        "Technical staff: look at the rota, the channels of the people on it, and the desk's log.\n"
        "Open u to see it and to acknowledge."
    )
    desk.put(report("late", "", desk.now_ms, "Readings wait 61 s to be judged."))
    desk.after(1_000)
    late = desk.delivered[-1][1]
    notice = notice_of(late, desk.case(late.alert_ids[0]), [], "", "u")
    assert notice.subject == "HIGH: Alerts are late, the clinic"


def test_a_line_of_the_log_says_what_has_happened_and_not_to_whom() -> None:
    desk = VirtualDesk()
    desk.find("1")
    desk.after(1_000)
    notice = notice_of(desk.delivered[-1][1], desk.case(), [], "Wren-01", "u")
    with capture_logs() as lines:
        channels().send(notice, Channel("log"))
    (line,) = lines
    assert (line["severity"], line["what"]) == ("critical", "Severe blood pressure")
    assert "Wren" not in str(line)
