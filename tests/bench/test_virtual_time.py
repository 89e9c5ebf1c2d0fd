"""The clock that jumps: over timers, and not over what is on its way."""

import asyncio
import os
import socket
from collections.abc import Coroutine

from bench.virtual_time import VirtualLoop

DAY_S = 86_400.0


def live(story: Coroutine[object, object, float]) -> float:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(story)


async def wait_s(seconds: float) -> None:
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    loop.call_later(seconds, over.set_result, None)
    await over


def test_a_month_of_timers_is_over_at_once() -> None:
    async def month() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        for _ in range(30):
            await wait_s(DAY_S)
        return loop.time() - began_s

    assert live(month()) >= 30 * DAY_S


def test_a_bound_that_is_reached_is_reached_in_virtual_time() -> None:
    async def bounded() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        done, _ = await asyncio.wait({loop.create_future()}, timeout=DAY_S)
        assert not done
        return loop.time() - began_s

    assert DAY_S <= live(bounded()) < 2 * DAY_S


def test_what_a_thread_works_on_is_not_jumped_over() -> None:
    async def work() -> float:
        working = asyncio.get_running_loop().run_in_executor(None, sum, range(1_000_000))
        done, _ = await asyncio.wait({working}, timeout=5)
        assert done
        return working.result()

    assert live(work()) == sum(range(1_000_000))


def test_what_somebody_has_not_read_yet_is_not_jumped_over() -> None:
    async def unread() -> float:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        loop.add_reader(ours, lambda: None)
        loop.watch(os.getppid)
        ours.send(b"hello")
        quiet_before = loop.is_quiet()
        loop.watch(lambda: 2**30)  # a process that is not there has nothing to do
        theirs.recv(5)
        quiet_after = loop.is_quiet()
        loop.remove_reader(ours)
        ours.close()
        theirs.close()
        return quiet_after - quiet_before

    assert live(unread()) == 1
