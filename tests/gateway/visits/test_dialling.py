"""Whom to connect to, and when."""

from random import Random

from gateway.visits.dialling import (
    REST_LONGEST_MS,
    SESSIONS_MAX,
    STRANGER_COUNTED_EVERY_MS,
    STRANGERS_MAX,
    UNREACHABLE_FROM_FAILURES,
    Dialling,
    Ending,
    Verdict,
)

CUFF, METER = "C0:00:00:00:00:01", "C0:00:00:00:00:02"
REST_MS = 5_000


def sighted(dialling: Dialling, address: str, now_ms: int) -> Verdict:
    return dialling.sighted(address, now_ms, paired=True, heard=True)


def test_a_known_device_is_dialled_on_sight_and_once() -> None:
    dialling = Dialling(REST_MS, Random(1))
    assert sighted(dialling, CUFF, 0) is Verdict.DIAL
    dialling.began(CUFF)
    assert sighted(dialling, CUFF, 1) is Verdict.BUSY
    assert sighted(dialling, METER, 1) is Verdict.DIAL


def test_after_a_session_a_device_is_left_alone_for_a_while() -> None:
    dialling = Dialling(REST_MS, Random(1))
    dialling.began(CUFF)
    dialling.ended(CUFF, 100, Ending.FRUITFUL)
    assert sighted(dialling, CUFF, 99 + REST_MS) is Verdict.RESTING
    assert sighted(dialling, CUFF, 100 + REST_MS) is Verdict.DIAL


def test_after_failures_it_is_left_alone_longer_each_time_within_bounds() -> None:
    dialling, now_ms, rests_ms = Dialling(REST_MS, Random(1)), 0, []
    for _ in range(8):
        dialling.began(CUFF)
        dialling.ended(CUFF, now_ms, Ending.FAILED)
        ended_ms = now_ms
        while sighted(dialling, CUFF, now_ms) is not Verdict.DIAL:
            now_ms += 1
        rests_ms.append(now_ms - ended_ms)
    for rest_ms, longest_ms in zip(rests_ms, (1_000, 2_000, 4_000, 8_000), strict=False):
        assert longest_ms // 2 <= rest_ms <= longest_ms
    assert REST_LONGEST_MS // 2 <= rests_ms[-1] <= REST_LONGEST_MS
    assert dialling.unreachable() == {CUFF: 8}
    dialling.began(CUFF)
    dialling.ended(CUFF, now_ms, Ending.FRUITFUL)
    assert dialling.unreachable() == {}


def test_a_few_failures_are_normal() -> None:
    dialling = Dialling(REST_MS, Random(1))
    for _ in range(UNREACHABLE_FROM_FAILURES - 1):
        dialling.began(CUFF)
        dialling.ended(CUFF, 0, Ending.FAILED)
    assert dialling.unreachable() == {}


def test_a_change_that_is_no_advertisement_is_no_sighting() -> None:
    verdict = Dialling(REST_MS, Random(1)).sighted(CUFF, 0, paired=True, heard=False)
    assert verdict is Verdict.NOT_ADVERTISING


def test_the_adapter_has_a_limit() -> None:
    dialling = Dialling(REST_MS, Random(1))
    for number in range(SESSIONS_MAX):
        dialling.began(f"C0:00:00:00:01:{number:02X}")
    assert sighted(dialling, CUFF, 0) is Verdict.FULL


def test_each_adapter_has_a_limit_of_its_own() -> None:
    dialling = Dialling(REST_MS, Random(1))
    for number in range(SESSIONS_MAX):
        dialling.began(f"C0:00:00:00:01:{number:02X}", "hci0")
    verdicts = [
        dialling.sighted(CUFF, 0, paired=True, heard=True, adapter=adapter)
        for adapter in ("hci0", "hci1")
    ]
    assert verdicts == [Verdict.FULL, Verdict.DIAL]


def stranger(dialling: Dialling, address: str, now_ms: int) -> Verdict:
    return dialling.sighted(address, now_ms, paired=False, heard=True)


def test_a_stranger_is_refused_and_counted_now_and_then() -> None:
    dialling = Dialling(REST_MS, Random(1))
    assert stranger(dialling, CUFF, 0) is Verdict.STRANGER
    assert stranger(dialling, CUFF, STRANGER_COUNTED_EVERY_MS - 1) is Verdict.STRANGER_AGAIN
    assert stranger(dialling, CUFF, STRANGER_COUNTED_EVERY_MS) is Verdict.STRANGER
    assert stranger(dialling, CUFF, STRANGER_COUNTED_EVERY_MS + 1) is Verdict.STRANGER_AGAIN


def test_strangers_do_not_fill_the_memory() -> None:
    dialling = Dialling(REST_MS, Random(1))
    for number in range(2 * STRANGERS_MAX):
        stranger(dialling, f"{number:012X}", 0)
    assert len(dialling._strangers) == STRANGERS_MAX


def test_visits_in_vain_grow_rare_until_one_bears_fruit() -> None:
    dialling, rests_ms = Dialling(REST_MS, Random(1)), []
    for _ in range(5):
        dialling.began(METER)
        dialling.ended(METER, 0, Ending.IN_VAIN)
        rests_ms.append(dialling._rests_until_ms[METER])
    for rest_ms, longest_ms in zip(rests_ms, (10_000, 20_000, *[30_000] * 3), strict=True):
        assert longest_ms // 2 <= rest_ms <= longest_ms
    assert dialling.unreachable() == {}
    dialling.began(METER)
    dialling.ended(METER, 0, Ending.FRUITFUL)
    assert dialling._rests_until_ms[METER] == REST_MS


def test_a_rest_that_a_person_chose_is_not_shortened_by_a_visit_in_vain() -> None:
    dialling = Dialling(10 * REST_LONGEST_MS, Random(1))
    dialling.began(METER)
    dialling.ended(METER, 0, Ending.IN_VAIN)
    assert dialling._rests_until_ms[METER] >= 5 * REST_LONGEST_MS


def test_devices_that_failed_together_come_back_apart() -> None:
    dialling = Dialling(REST_MS, Random(1))
    devices = [f"C0:00:00:00:02:{number:02X}" for number in range(5)]
    for device in devices:
        dialling.began(device)
        dialling.ended(device, 0, Ending.FAILED)
    assert len({dialling._rests_until_ms[device] for device in devices}) == len(devices)


def test_a_visit_that_had_no_turn_neither_rests_nor_counts() -> None:
    dialling = Dialling(REST_MS, Random(1))
    for _ in range(UNREACHABLE_FROM_FAILURES):
        dialling.began(CUFF)
        dialling.ended(CUFF, 0, Ending.UNFINISHED)
        assert sighted(dialling, CUFF, 0) is Verdict.DIAL
    assert dialling.unreachable() == {}
