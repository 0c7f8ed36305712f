"""A shared read is never older than the asking; what is remembered ends."""

from __future__ import annotations

import asyncio

import pytest

from api.freshness import Latest, Recent


async def test_many_share_a_read_that_began_after_they_asked():
    now, reads, begun, go_on = 0, [], asyncio.Event(), asyncio.Event()

    async def read():
        reads.append(now)
        seen = now
        begun.set()
        await go_on.wait()
        return seen

    latest = Latest(read)
    first = asyncio.create_task(latest.get())
    await begun.wait()
    now = 1
    late = [asyncio.create_task(latest.get()) for _ in range(50)]
    await asyncio.sleep(0)  # all of them have asked
    go_on.set()
    assert (await first, await asyncio.gather(*late)) == (0, [1] * 50)
    assert reads == [0, 1], "fifty-one questions, two reads"
    now = 2
    assert await latest.get() == 2


async def test_a_failed_read_fails_those_who_shared_it_and_nobody_after():
    answers = iter([ValueError("down"), 7])

    async def read():
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    latest = Latest(read)
    failed = await asyncio.gather(latest.get(), latest.get(), return_exceptions=True)
    assert [type(error) for error in failed] == [ValueError, ValueError]
    assert await latest.get() == 7


async def test_one_who_goes_away_takes_nobody_along():
    async def read():
        await asyncio.sleep(0.01)
        return 1

    latest = Latest(read)
    gone, stays = asyncio.create_task(latest.get()), asyncio.create_task(latest.get())
    await asyncio.sleep(0)
    gone.cancel()
    assert await stays == 1
    with pytest.raises(asyncio.CancelledError):
        await gone


def test_what_is_remembered_ends_with_time_and_number():
    recent = Recent(10, 2)
    recent.put("a", 1, 0)
    assert (recent.get("a", 9), recent.get("a", 10), recent.get("a", -1)) == (1, None, None)
    recent.put("b", 2, 0)
    recent.put("c", 3, 0)
    assert [recent.get(key, 0) for key in "abc"] == [None, 2, 3]
    recent.forget(lambda key: key == "b")
    assert recent.get("b", 0) is None
