"""Rates of two functions, taken in turns, so that a busy machine slows down both."""

import gc
import time
from collections.abc import Callable
from statistics import median

ROUNDS = 9
ROUND_S = 0.1


def rates_per_s(*functions: Callable[[], int]) -> list[float]:
    """Give what each function does in a second; each returns how many it has done in one call.

    The median of ``ROUNDS`` rounds of ``ROUND_S``, the functions in turns, after one for warmth.
    """
    found: list[list[float]] = [[] for _ in functions]
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        for number in range(ROUNDS + 1):
            for function, rates in zip(functions, found, strict=True):
                rate = _rate_per_s(function)
                if number > 0:
                    rates.append(rate)
            gc.collect()
    finally:
        if was_collecting:
            gc.enable()
    return [median(rates) for rates in found]


def _rate_per_s(function: Callable[[], int]) -> float:
    done, began_s = 0, time.perf_counter()
    while (took_s := time.perf_counter() - began_s) < ROUND_S or done == 0:
        done += function()
    return done / took_s
