"""The decoders' 100 ms, on a clock that the test moves: what is not done by then is not understood, and ends soon."""

import json
from typing import Any

import pytest

from chain.address import Address
from chain.calldata import decode, encode, encode_call
from chain.calls import Fault, unfold
from chain.deadline import DECODING_NANOSECONDS, NEVER, Deadline
from chain.errors import CalldataMalformed, TypedDataMalformed
from chain.typed_data import TypedData

ME, TOKEN = Address("0x" + "11" * 20), Address("0x" + "22" * 20)
SEND = encode_call("transfer(address,uint256)", ME, 5)


class Clock:
    """Each look takes so long."""

    def __init__(self, look: int) -> None:
        self.now, self.look, self.looks = 0, look, 0

    def __call__(self) -> int:
        self.now += self.look
        self.looks += 1
        return self.now


def numbers(count: int) -> dict[str, Any]:
    types = {"A": [{"name": "v", "type": "uint8[]"}]}
    return {"types": types, "primaryType": "A", "domain": {}, "message": {"v": [1] * count}}


def test_it_is_over_when_the_time_is_gone_and_not_before() -> None:
    clock = Clock(0)
    deadline = Deadline(clock)
    assert DECODING_NANOSECONDS == 100_000_000
    clock.now = DECODING_NANOSECONDS - 1
    assert not deadline.is_over
    clock.now = DECODING_NANOSECONDS
    assert deadline.is_over
    assert not NEVER.is_over


def test_typed_data_is_read_in_time_or_not_at_all() -> None:
    quick, slow = Clock(1), Clock(DECODING_NANOSECONDS // 10)
    assert TypedData.parse(json.dumps(numbers(15_000)), Deadline(quick)) == TypedData.parse(numbers(15_000))
    with pytest.raises(TypedDataMalformed) as caught:
        TypedData.parse(json.dumps(numbers(15_000)), Deadline(slow))
    assert caught.value.reason == "takes too long to read"
    assert slow.looks < 15 < quick.looks, "it looks often, and ends at the first look that is too late"


def test_calldata_is_read_in_time_or_not_at_all() -> None:
    data = encode("(uint8[])", [[1] * 8000])
    quick, slow = Clock(1), Clock(DECODING_NANOSECONDS)
    assert decode("(uint8[])", data, Deadline(quick)) == decode("(uint8[])", data)
    with pytest.raises(CalldataMalformed):
        decode("(uint8[])", data, Deadline(slow))
    many = encode("((uint8,uint8)[])", [[(1, 2)] * 4000])
    assert decode("((uint8,uint8)[])", many, Deadline(quick))
    with pytest.raises(CalldataMalformed):
        decode("((uint8,uint8)[])", many, Deadline(Clock(DECODING_NANOSECONDS // 20)))


def test_calls_that_were_not_reached_are_not_taken_for_understood() -> None:
    batch = encode_call("multicall(bytes[])", [SEND] * 100)
    in_time = unfold(ME, TOKEN, 0, batch, deadline=Deadline(Clock(1)))
    assert [one.fault for one in in_time.inner] == [None] * 100
    late = unfold(ME, TOKEN, 0, batch, deadline=Deadline(Clock(DECODING_NANOSECONDS // 40)))
    faults = [one.fault for one in late.inner]
    assert faults[0] is None and faults[-1] is Fault.TOO_MUCH
    assert faults == sorted(faults, key=lambda fault: fault is not None), "in order: nothing after the end is decoded"
    assert unfold(ME, TOKEN, 0, batch, deadline=Deadline(Clock(DECODING_NANOSECONDS))).fault is Fault.TOO_MUCH
