"""When an adapter that hears but reaches nobody needs power: decisions, monotonic clock in ms.

A controller or the kernel can get into a state in which no link comes about any more, with
whomever, while its scan goes on (BlueZ then says le-connection-abort-by-local to each request).
Nobody is there to switch it off and on. A single device that is too far away looks the same from
here: so it takes many visits and some time, pauses grow, and any link ends the suspicion.
"""

VISITS_BEFORE_POWER = 6
IN_VAIN_FIRST_MS = 5 * 60_000
IN_VAIN_LONGEST_MS = 6 * 3600_000


class LinkWatch:
    """The links of one adapter."""

    def __init__(self) -> None:
        """Begin without a suspicion."""
        self._in_vain = 0  # visits in a row, since the last remedy
        self._since_ms = 0
        self._remedies = 0  # since a link came about

    def visited(self, now_ms: int, *, linked: bool | None) -> bool:
        """Take note of a visit; say whether the adapter is to be switched off and on now.

        ``linked``: whether a link came about; None: it was not tried.
        """
        if linked is None:
            return False
        if linked:
            self._in_vain = self._remedies = 0
            return False
        if self._in_vain == 0:
            self._since_ms = now_ms
        self._in_vain += 1
        patience_ms = min(IN_VAIN_LONGEST_MS, IN_VAIN_FIRST_MS << min(self._remedies, 10))
        if self._in_vain < VISITS_BEFORE_POWER or now_ms - self._since_ms < patience_ms:
            return False
        self._in_vain = 0
        self._remedies += 1
        return True
