"""What was due in the evening is no reason to page the night."""

from tests.alerts.desk.virtual_desk import HOUR_MS, MONDAY_MS, NIGHT_MS, VirtualDesk

DAY_MS = 24 * HOUR_MS


def test_a_high_alert_of_the_morning_leaves_the_night_in_peace() -> None:
    """Told at 07:00, it goes on every quarter of an hour: one of them is when the shift ends."""
    desk = VirtualDesk(NIGHT_MS)
    desk.find("1", severity="high")
    desk.after(DAY_MS + 9 * HOUR_MS)
    people = {name for _, notice in desk.delivered for name in notice.to}
    assert people == {"nurse", "second", "chief"}
    evening_s, morning_s = (
        (MONDAY_MS + hours * HOUR_MS - NIGHT_MS) // 1000 for hours in (24 + 19, 48 + 7)
    )
    times = [at_s for at_s, _, _ in desk.told()]
    assert evening_s - 15 * 60 in times
    assert not [at_s for at_s in times if evening_s <= at_s < morning_s]
    assert morning_s in times


def test_a_desk_that_comes_back_at_night_pages_nobody_for_a_high_or_medium_alert() -> None:
    """What was due in the evening is due in the morning; nobody is paged for it at night."""
    desk = VirtualDesk(MONDAY_MS + 18 * HOUR_MS)
    desk.find("1", severity="high", alert_id="a", patient_id="p")
    desk.find("2", severity="medium", alert_id="b", patient_id="q")
    desk.after(1_000)
    assert [notice.to for _, notice in desk.delivered] == [["nurse"]]
    desk.now_ms = NIGHT_MS
    desk.restart()
    desk.after(HOUR_MS)
    assert len(desk.delivered) == 1
    desk.until(MONDAY_MS + (24 + 8) * HOUR_MS)
    told = [(notice.alert_ids[0], notice.reason, notice.to) for _, notice in desk.delivered[1:]]
    assert told[0] == ("a", "escalation", ["second"])
    assert ("b", "listed", ["lead"]) in told
