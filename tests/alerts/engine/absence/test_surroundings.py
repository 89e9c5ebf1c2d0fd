"""What gateways' reports say of an instant, however late they are told."""

from alerts.engine.absence.homes import Explained, explained_until
from alerts.engine.absence.surroundings import Surroundings, device_number
from schemas.kafka import GatewayReport
from schemas.wire import DeviceState, Health
from tests.alerts.engine.absence.silence_reference import ALONE, attending
from tests.alerts.readings import HOUR, MINUTE, NOON

ADDRESS = "A0:00:00:00:00:01"
HOME = "home-1"


def report(at_ms: int, *, online: bool = True, heard_ago_s: int | None = None) -> GatewayReport:
    devices = [] if heard_ago_s is None else [DeviceState(ADDRESS, last_seen_s=heard_ago_s)]
    state = Health(state="online" if online else "offline", devices=devices)
    return GatewayReport(HOME, at_ms, state)


def test_reports_in_their_order_say_when_a_gateway_came_and_went() -> None:
    around = Surroundings()
    assert around.away_since(HOME, NOON) is None
    assert around.back_since(HOME, NOON) is None
    assert around.take(report(NOON)), "from now on it may be late"
    assert around.take(report(NOON, online=False)), "in the same millisecond"
    assert around.away_since(HOME, NOON) == NOON
    assert around.back_since(HOME, NOON) is None
    assert not around.take(report(NOON + HOUR, online=False))
    assert around.away_since(HOME, NOON + HOUR) == NOON, "since it went"
    assert around.take(report(NOON + 2 * HOUR))
    assert not around.take(report(NOON + 3 * HOUR)), "an hour without a report is not long"
    assert around.back_since(HOME, NOON + 3 * HOUR) == NOON + 2 * HOUR
    assert around.take(report(NOON + 4 * HOUR + 1))
    assert around.back_since(HOME, NOON + 4 * HOUR + 1) == NOON + 4 * HOUR + 1


def test_what_is_asked_of_a_gateway_is_asked_as_of_an_instant() -> None:
    """Reports come before the tick that moves the log: what came later explains nothing."""
    around = Surroundings()
    for one in (
        report(NOON),
        report(NOON + 30 * MINUTE, online=False),
        report(NOON + 40 * MINUTE),
        report(NOON + 3 * HOUR),
    ):
        around.take(one)
    away = [None, None, NOON + 30 * MINUTE, None, NOON + 40 * MINUTE, None]
    at = [NOON - 1, NOON, NOON + 30 * MINUTE, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert [around.away_since(HOME, at_ms) for at_ms in at] == away
    back = [None, NOON, None, NOON + 40 * MINUTE, None, NOON + 3 * HOUR]
    assert [around.back_since(HOME, at_ms) for at_ms in at] == back
    assert around.back_after(HOME, NOON + 30 * MINUTE) == NOON + 40 * MINUTE
    assert around.back_after(HOME, NOON + 40 * MINUTE) == NOON + 3 * HOUR
    assert around.back_after(HOME, NOON + 3 * HOUR) is None


def test_a_gateway_that_went_when_it_was_late_already_had_been_away_since_its_last_report() -> None:
    """Else one absence had two beginnings, and two alerts."""
    around = Surroundings()
    around.take(report(NOON))
    around.take(report(NOON + 2 * HOUR, online=False))
    assert around.away_since(HOME, NOON + HOUR) is None
    assert around.away_since(HOME, NOON + HOUR + 1) == NOON
    assert around.away_since(HOME, NOON + 2 * HOUR) == NOON


def test_a_device_is_news_when_it_was_not_heard_for_more_than_an_hour() -> None:
    around = Surroundings()
    around.take(report(NOON))
    number = device_number(ADDRESS)

    def heard_ms(at_ms: int) -> int | None:
        return around.heard_ms(HOME, number, at_ms)

    assert heard_ms(NOON) is None
    assert around.heard_ms("elsewhere", number, NOON) is None
    assert around.take(report(NOON + 1, heard_ago_s=0))
    assert heard_ms(NOON + 1) == NOON + 1
    assert heard_ms(NOON) is None, "it was not, then"
    assert not around.take(report(NOON + HOUR + 1, heard_ago_s=0))
    assert heard_ms(NOON + HOUR + 1) == NOON + HOUR + 1
    assert heard_ms(NOON + HOUR) == NOON + HOUR
    assert not around.take(report(NOON + 2 * HOUR, heard_ago_s=3 * 3600))
    assert heard_ms(NOON + 2 * HOUR) == NOON + HOUR + 1, "the newest counts"
    assert around.take(report(NOON + 2 * HOUR + 2, heard_ago_s=0))
    assert heard_ms(NOON + 2 * HOUR + 1) == NOON + HOUR + 1
    assert 0 <= number < 2**48
    assert number != device_number("A0:00:00:00:00:02")


def test_a_gateway_that_is_first_heard_of_when_it_goes_was_not_back() -> None:
    around = Surroundings()
    assert not around.knew(HOME, NOON)
    around.take(report(NOON, online=False))
    assert around.knew(HOME, NOON)
    assert not around.knew(HOME, NOON - 1)
    assert around.back_after(HOME, NOON - 1) is None


def test_who_starts_to_look_between_two_hours_looks_again_when_the_next_is_full() -> None:
    """Half past two, as a gateway that was back at half past had its two hours then."""
    minutes = {-240: False, 30: True, 80: True, 120: True, 130: False}
    surroundings = Surroundings()
    for at, online in minutes.items():
        surroundings.take(report(NOON + at * MINUTE, online=online))
    attendance = attending(ALONE, (0,), lambda _row, _rule: None, surroundings)
    found = explained_until(attendance, attendance.number_of(HOME), NOON, NOON + 150 * MINUTE)
    assert found == Explained(NOON + 180 * MINUTE, NOON + 130 * MINUTE)


def test_a_report_that_was_overtaken_by_another_one_changes_nothing() -> None:
    around = Surroundings()
    around.take(report(NOON))
    around.take(report(NOON + 2 * MINUTE))
    assert not around.take(report(NOON + MINUTE, online=False))
    assert around.away_since(HOME, NOON + 2 * MINUTE) is None


def test_a_device_that_was_never_seen_is_no_news() -> None:
    around = Surroundings()
    around.take(report(NOON))
    never = Health(state="online", devices=[DeviceState(ADDRESS)])
    assert not around.take(GatewayReport(HOME, NOON + 1, never))


def test_it_is_news_that_a_device_was_heard_an_hour_ago_not_within_it() -> None:
    for heard_at_s, told_at_s, news in ((120, 3720, False), (120, 3721, True), (60, 3721, False)):
        around = Surroundings()
        around.take(report(NOON, heard_ago_s=0))
        around.take(report(NOON + 30 * MINUTE))
        told = report(NOON + told_at_s * 1000, heard_ago_s=told_at_s - heard_at_s)
        assert around.take(told) is news, (heard_at_s, told_at_s)


def test_of_a_gateway_that_comes_and_goes_so_much_is_kept_and_no_more() -> None:
    """Eight changes; of stays of a second each as many as half a minute each would be."""
    around, second = Surroundings(), 1000
    for number in range(300):
        around.take(report(NOON + 2 * number * second))
        around.take(report(NOON + (2 * number + 1) * second, online=False))
    assert around.changes_ms(HOME, NOON) == NOON + (600 - 8) * second
    assert around.back_after(HOME, NOON - 1) == NOON + 2 * (300 - 240) * second


def test_two_hours_in_all_are_enough_but_not_at_once_after_as_long_an_absence() -> None:
    around, back = Surroundings(), NOON + 20 * MINUTE
    minutes = [(0, True), (30, True), (60, False), (90, True), (120, True), (150, False)]
    again = [(270, True), (300, True), (330, True), (360, False), (479, True)]
    for one in (report(NOON), report(NOON + MINUTE, online=False)):
        around.take(one)
    for after_min, online in (*minutes, *again):
        around.take(report(back + after_min * MINUTE, online=online))

    def enough(after_min: int, due_ms: int = NOON) -> bool:
        return around.came_and_went(HOME, due_ms, back + after_min * MINUTE)

    assert not enough(149)
    assert enough(150)
    assert not enough(150, due_ms=back), "what came before, or just then, is not counted"
    assert enough(269), "while it is away"
    assert not enough(270), "back after two hours"
    assert enough(360)
    assert enough(479), "back after two hours less a minute"
    assert not around.came_and_went("elsewhere", NOON, back)
