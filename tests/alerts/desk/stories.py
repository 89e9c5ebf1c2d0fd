"""What happens at a clinic, to be told again by several tests."""

from collections.abc import Callable

from tests.alerts.desk.virtual_desk import HOUR_MS, MINUTE_MS, VirtualDesk

DAY_MS = 24 * HOUR_MS
Story = Callable[[VirtualDesk], object]


def acknowledged(desk: VirtualDesk) -> object:
    desk.find("1")
    desk.after(MINUTE_MS)
    return desk.do("acknowledge")


def recurred_after(minutes: int, severity: str = "critical") -> Story:
    def story(desk: VirtualDesk) -> None:
        desk.find("1", severity=severity)
        desk.after(MINUTE_MS)
        desk.do("acknowledge")
        desk.after(minutes * MINUTE_MS)
        desk.find("2", "again", severity)

    return story


def cooling(*later: Story) -> Story:
    """A trend that was told and returned comes again after an hour."""

    def story(desk: VirtualDesk) -> None:
        desk.find("1", severity="high", cooldown_ms=DAY_MS)
        desk.after(MINUTE_MS)
        desk.do("acknowledge")
        desk.find("2", "returned", "high")
        desk.after(HOUR_MS)
        desk.find("3", severity="high", alert_id="b", patient_id="patient-of-a", cooldown_ms=DAY_MS)
        for one in later:
            one(desk)

    return story


def shelved(desk: VirtualDesk) -> object:
    desk.find("1")
    desk.after(MINUTE_MS)
    return desk.do("shelve", note="in hospital", until_ms=desk.now_ms + 4 * HOUR_MS)


def one_record(*events: tuple[str, str, str]) -> Story:
    """Events (alert, event, severity) of one patient in one record."""

    def story(desk: VirtualDesk) -> None:
        for number, (alert_id, event, severity) in enumerate(events):
            desk.find(str(number), event, severity, alert_id=alert_id, patient_id="p")

    return story
