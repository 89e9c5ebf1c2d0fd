"""Rungs in a kept state, by short digests: of their key, or of what they ask for.

A million patients share a few sets of rungs, so each set is turned over once.
"""

import hashlib
from functools import lru_cache

import numpy as np

from alerts.engine.ladders.ladder import Ladder, bits, mask
from alerts.engine.readings.columns import Integers

_DIGEST_BYTES = 4


@lru_cache(maxsize=65_536)  # a million patients share a few sets of rungs
def named_by_key(ladders: tuple[Ladder, ...], rungs: bytes) -> bytes:
    """Give the digests of sets of rungs, one set of 64 bits a ladder."""
    sets = zip(ladders, np.frombuffer(rungs, np.int64).tolist(), strict=True)
    return b"".join(_digest(ladder.rungs[rung].key) for ladder, of in sets for rung in bits(of))


@lru_cache(maxsize=65_536)
def named_by_what_they_ask(ladders: tuple[Ladder, ...], rungs: bytes) -> bytes:
    """Give the digests of sets of rungs as ``named_by_key`` does, by what each asks for."""
    sets = zip(ladders, np.frombuffer(rungs, np.int64).tolist(), strict=True)
    return b"".join(_digest(ladder.rungs[rung].asks) for ladder, of in sets for rung in bits(of))


@lru_cache(maxsize=65_536)
def asking(ladders: tuple[Ladder, ...], kept: bytes) -> Integers:
    """Give by ladder those rungs that ask for what they asked for then.

    A former release named them by key alone.
    """
    digests = {kept[n : n + _DIGEST_BYTES] for n in range(0, len(kept), _DIGEST_BYTES)}
    return np.array(
        [
            mask(
                place
                for place, rung in enumerate(one.rungs)
                if not digests.isdisjoint({_digest(rung.asks), _digest(rung.key)})
            )
            for one in ladders
        ],
        np.int64,
    )


@lru_cache(maxsize=65_536)
def among(ladders: tuple[Ladder, ...], kept: bytes) -> Integers:
    """Give by ladder the set of those rungs whose digests were kept."""
    digests = {kept[n : n + _DIGEST_BYTES] for n in range(0, len(kept), _DIGEST_BYTES)}
    return np.array(
        [
            mask(place for place, rung in enumerate(one.rungs) if _digest(rung.key) in digests)
            for one in ladders
        ],
        np.int64,
    )


@lru_cache(maxsize=4096)
def _digest(key: str) -> bytes:
    """Name a rung shortly; of one that was called otherwise nothing is cleared."""
    return hashlib.sha256(key.encode()).digest()[:_DIGEST_BYTES]
