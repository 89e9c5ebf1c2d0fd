"""Numbers in a nurse's words: how near, how long ago, what to press."""

from gateway.admission.admission import Admission
from gateway.admission.advert import Advert
from gateway.admission.live import DeviceRow
from gateway.record import KEPT_DAYS, Salvaged
from schemas.gatt.quirks import quirk_of

NEAR_DBM = -60
IN_THE_ROOM_DBM = -75
FAR_DBM = -88
HOW_TO_PAIR = (
    "Put the device into pairing mode: its manual says how, often by holding its Bluetooth button."
)
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def distance(rssi_dbm: int | None) -> str:
    """Say how strongly a device is heard; walls and pockets count as distance too."""
    if rssi_dbm is None:
        return "not heard"
    if rssi_dbm >= NEAR_DBM:
        return "very near"
    if rssi_dbm >= IN_THE_ROOM_DBM:
        return "near"
    return "far" if rssi_dbm >= FAR_DBM else "almost out of reach"


def ago(seconds: float | None) -> str:
    """Say how long ago something was, by its largest unit."""
    if seconds is None:
        return "never"
    for unit_s, name in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds >= unit_s:
            return f"{counted(int(seconds // unit_s), name)} ago"
    return "just now"


def last_reading(device: DeviceRow) -> str:
    """Say when a device was last read, as far as that is known: readings are kept for a while."""
    if device.last_reading_s is None and device.outlived_readings:
        return f"not in the last {KEPT_DAYS} days"
    return "before this start" if device.last_reading_at_least else ago(device.last_reading_s)


def kind(advert: Advert) -> str:
    """Say what a device measures."""
    return ", ".join(advert.kinds) or ("of a known make" if advert.ours else "something else")


def pairing_mode(advert: Advert) -> str:
    """Say whether a device is paired here, or waits to be, as far as it tells."""
    if advert.bonded:
        return "paired outside: not read" if advert.admitted is False else "paired"
    return {True: "waits for pairing", False: "not in pairing mode", None: "not paired"}[
        advert.pairing_mode
    ]


def how_to_pair(*, name: str | None, model: str | None = None) -> str:
    """Say what to do on a device of this name or model."""
    row = quirk_of(name=name, model=model)
    return (row.how_to_pair if row is not None else "") or HOW_TO_PAIR


def title(admission: Admission) -> str:
    """Name an admitted device."""
    return admission.name or admission.model or admission.address


def set_aside(file: str, salvaged: Salvaged | None) -> str:
    """Say what became of a journal that was set aside, and what is to be done, as a problem."""
    broke, tell = "the journal was broken and a new one began", "tell your contact at the clinic"
    if salvaged is None:
        return f"{broke}; {tell} that readings may be left in the old one, {file}"
    brought = f"{broke}, with {counted(salvaged.brought, 'reading')} of the old one"
    if not salvaged.ended:
        return f"{brought} so far; wait until the others are brought in, of {file}"
    if salvaged.unreadable:
        more = f"up to {counted(salvaged.unreadable, 'reading')} more may be left in it"
        return f"{brought}; {tell} that {more}, {file}"
    return f"{brought}, which are all; {tell} that nothing is needed of it any more, {file}"


def damaged_rows(count: int) -> str:
    """Say that rows of the journal are not what was written, as a problem."""
    was = "reading was" if count == 1 else "readings were"
    return (
        f"{count} {was} damaged on the disk, and not sent; tell your contact at the clinic, and "
        "have the memory card replaced"
    )


def clause(sentence: str) -> str:
    """Say a sentence behind a colon."""
    return f"{sentence[0].lower()}{sentence[1:].rstrip('.')}"


def counted(count: int, name: str) -> str:
    """Say how many there are: 1 reading, 2 readings."""
    return f"{count} {name}{'' if count == 1 else 's'}"
