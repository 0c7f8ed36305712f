"""Calldata unfolded to the bottom, against viem's encoding; what is not understood; and the budgets."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.address import Address
from chain.calldata import encode_call
from chain.calls import DEPTH_MAX, MULTISENDS, OUTPUT_BYTES_MAX, OUTPUT_TIMES, Call, Fault, unfold
from chain.effects import Act, Effect, effects_of
from chain.fragment import Fragment
from chain.methods import _FRAGMENTS, Standard

ROOT = Path(__file__).parents[2]
ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
SPENDER = Address("0x" + "5e" * 20)
TOKEN = Address("0x" + "70" * 20)
OTHER_TOKEN = Address("0x" + "71" * 20)
SAFE = Address("0x" + "5a" * 20)
BATCH = Address("0xcA11bde05977b3631167028862bE2a173976CA11")
MULTISEND = sorted(MULTISENDS)[0]
SEND = encode_call("transfer(address,uint256)", BOB, 5)
APPROVE = encode_call("approve(address,uint256)", SPENDER, 2**256 - 1)
EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"


def viem(calls: list[Any]) -> list[bytes]:
    script = ROOT / "tests/vectors/with_viem.mjs"
    done = subprocess.run(
        ["node", script], input=json.dumps({"calls": calls}).encode(), capture_output=True, check=True
    )
    return [bytes.fromhex(data[2:]) for data in json.loads(done.stdout)["calls"]]


def of(data: bytes, to: Address | None = TOKEN, value: int = 0) -> Call:
    return unfold(ME, to, value, data)


def faults(call: Call) -> list[tuple[str, Fault]]:
    return [(one.place, one.fault) for one in call.walk() if one.fault]


def effects(call: Call) -> list[Effect]:
    return [effect for one in call.walk() for effect in effects_of(one)]


def packed(*calls: tuple[int, Address, int, bytes]) -> bytes:
    parts = (
        bytes([op]) + to.raw + value.to_bytes(32, "big") + len(d).to_bytes(32, "big") + d for op, to, value, d in calls
    )
    return encode_call("multiSend(bytes)", b"".join(parts))


def executed(to: Address, data: bytes, operation: int = 0, value: int = 0) -> bytes:
    return encode_call(EXEC, to, value, data, operation, 0, 0, 0, Address.ZERO, Address.ZERO, b"\x01" * 65)


def example(kind: str) -> Any:
    """Any value of an ABI type, in JSON as viem takes it."""
    if kind.endswith("]"):
        return [example(kind[: kind.rindex("[")])] * 2
    known = {"address": BOB, "bool": True, "bytes": "0x" + SEND.hex(), "uint8": "1", "uint48": "1700000000"}
    return known.get(kind) or ("0x" + "11" * 32 if kind == "bytes32" else "77")


def values(parameters: Any) -> list[Any]:
    found = []
    for parameter in parameters:
        if not parameter.members:
            found.append(example(parameter.type))
            continue
        inner: Any = dict(zip((m.name for m in parameter.members), values(parameter.members), strict=True))
        found.append([inner, inner] if parameter.type.endswith("[]") else inner)
    return found


def test_every_known_function_is_read_as_viem_writes_it() -> None:
    texts = [text for known in _FRAGMENTS.values() for text in known if "multiSend" not in text]
    fragments = [Fragment.parse(text) for text in texts]
    written = viem([{"fragment": f, "args": values(p.parameters)} for f, p in zip(texts, fragments, strict=True)])
    for fragment, data in zip(fragments, written, strict=True):
        call = of(data)
        assert (call.signature, call.fault) == (fragment.signature, None)
        numbers = [a.value for a in call.arguments if a.type == "uint256"]
        assert set(numbers) <= {77}


def test_tokens() -> None:
    cases = {
        SEND: Effect(Act.TRANSFER, Standard.ERC20, TOKEN, ME, BOB, 5),
        APPROVE: Effect(Act.ALLOW, Standard.TOKEN, TOKEN, ME, SPENDER, 2**256 - 1),
        encode_call("approve(address,uint256)", SPENDER, 0): Effect(Act.REVOKE, Standard.TOKEN, TOKEN, ME, SPENDER, 0),
        encode_call("transferFrom(address,address,uint256)", BOB, SPENDER, 9): Effect(
            Act.TRANSFER, Standard.TOKEN, TOKEN, BOB, SPENDER, 9
        ),
        encode_call("increaseAllowance(address,uint256)", SPENDER, 7): Effect(
            Act.ALLOW_MORE, Standard.ERC20, TOKEN, ME, SPENDER, 7
        ),
        encode_call("setApprovalForAll(address,bool)", SPENDER, True): Effect(
            Act.ALLOW_ALL, Standard.NFT, TOKEN, ME, SPENDER
        ),
        encode_call("safeTransferFrom(address,address,uint256)", ME, BOB, 12): Effect(
            Act.TRANSFER, Standard.ERC721, TOKEN, ME, BOB, number=12
        ),
        encode_call("approve(address,address,uint160,uint48)", OTHER_TOKEN, SPENDER, 3, 1_800_000_000): Effect(
            Act.ALLOW, Standard.PERMIT2, OTHER_TOKEN, ME, SPENDER, 3, ends=1_800_000_000
        ),
    }
    for data, effect in cases.items():
        assert effects(of(data)) == [effect]


def test_what_is_unlimited() -> None:
    for units, is_unlimited in ((2**256 - 1, True), (2**160 - 1, True), (2**96 - 1, True), (10**27, False), (1, False)):
        (effect,) = effects(of(encode_call("approve(address,uint256)", SPENDER, units)))
        assert effect.is_unlimited is is_unlimited
    (effect,) = effects(of(encode_call("setApprovalForAll(address,bool)", SPENDER, True)))
    assert effect.is_unlimited
    (effect,) = effects(of(encode_call("transfer(address,uint256)", SPENDER, 2**256 - 1)))
    assert not effect.is_unlimited


def test_a_batch_is_made_in_the_name_of_the_contract() -> None:
    data = encode_call("aggregate3((address,bool,bytes)[])", [(TOKEN, True, SEND), (OTHER_TOKEN, False, APPROVE)])
    call = of(data, BATCH)
    assert [(one.place, one.sender, one.to) for one in call.walk()] == [
        ("", ME, BATCH),
        ("1", BATCH, TOKEN),
        ("2", BATCH, OTHER_TOKEN),
    ]
    assert [effect.act for effect in effects(call)] == [Act.TRANSFER, Act.ALLOW]


def test_values_of_a_batch() -> None:
    data = encode_call(
        "aggregate3Value((address,bool,uint256,bytes)[])", [(BOB, False, 7, b""), (TOKEN, False, 0, SEND)]
    )
    assert [(one.to, one.value) for one in of(data, BATCH, 7).inner] == [(BOB, 7), (TOKEN, 0)]


@pytest.mark.parametrize(
    "signature", ["multicall(bytes[])", "multicall(uint256,bytes[])", "multicall(bytes32,bytes[])"]
)
def test_a_contract_that_calls_itself_does_so_for_the_caller(signature: str) -> None:
    first: list[Any] = [] if signature.startswith("multicall(bytes[") else [1] if "uint" in signature else [b"\0" * 32]
    call = of(encode_call(signature, *first, [SEND, APPROVE]))
    assert [(one.sender, one.to) for one in call.inner] == [(ME, TOKEN), (ME, TOKEN)]
    assert not faults(call)


def test_a_safes_batch_is_unfolded_to_the_bottom() -> None:
    batch = packed(
        (0, TOKEN, 0, SEND), (0, BOB, 10**18, b""), (0, BATCH, 0, encode_call("multicall(bytes[])", [APPROVE]))
    )
    call = of(executed(MULTISEND, batch, operation=1), SAFE)
    assert [(one.place, one.sender, one.to, one.value, one.is_delegate) for one in call.walk()] == [
        ("", ME, SAFE, 0, False),
        ("1", SAFE, MULTISEND, 0, True),
        ("1.1", SAFE, TOKEN, 0, False),
        ("1.2", SAFE, BOB, 10**18, False),
        ("1.3", SAFE, BATCH, 0, False),
        ("1.3.1", SAFE, BATCH, 0, False),
    ]
    assert not faults(call)
    assert effects(call)[0] == Effect(Act.TRANSFER, Standard.ERC20, TOKEN, SAFE, BOB, 5)


def test_i08_foreign_code_run_as_a_safe_is_not_taken_for_what_its_selector_says() -> None:
    """What was signed at Bybit: `transfer` by name, as a delegatecall."""
    call = of(executed(TOKEN, SEND, operation=1), SAFE)
    (inner,) = call.inner
    assert (inner.is_delegate, inner.fault) == (True, Fault.FOREIGN_CODE)
    assert not effects(call)
    assert faults(of(executed(TOKEN, b"", operation=1), SAFE)) == [("1", Fault.FOREIGN_CODE)]
    nested = packed((1, TOKEN, 0, SEND))
    assert faults(of(executed(MULTISEND, nested, operation=1), SAFE)) == [("1.1", Fault.FOREIGN_CODE)]


@pytest.mark.parametrize(
    ("data", "to", "fault"),
    [
        (bytes.fromhex("deadbeef"), TOKEN, Fault.SELECTOR_UNKNOWN),
        (b"\xa9\x05", TOKEN, Fault.SELECTOR_UNKNOWN),
        (b"\x60\x00", None, Fault.CREATION),
        (b"", None, Fault.CREATION),
        (SEND + b"\0", TOKEN, Fault.MALFORMED),
        (SEND[:-1], TOKEN, Fault.MALFORMED),
        (SEND[:4] + b"\xff" + SEND[5:], TOKEN, Fault.MALFORMED),
        (executed(TOKEN, SEND, operation=2), SAFE, Fault.MALFORMED),
        (encode_call("multiSend(bytes)", b"\0" * 84), MULTISEND, Fault.MALFORMED),
        (packed((2, TOKEN, 0, b"")), MULTISEND, Fault.MALFORMED),
        (encode_call("multiSend(bytes)", b"\0" * 53 + b"\xff" * 32), MULTISEND, Fault.MALFORMED),
    ],
)
def test_what_is_not_understood_says_why(data: bytes, to: Address | None, fault: Fault) -> None:
    call = of(data, to)
    assert faults(call) == [("", fault)]
    assert not effects(call)


def test_one_strange_call_spoils_no_other() -> None:
    data = encode_call("multicall(bytes[])", [SEND, b"\xde\xad\xbe\xef", APPROVE])
    call = of(data)
    assert faults(call) == [("2", Fault.SELECTOR_UNKNOWN)]
    assert len(effects(call)) == 2


def nested(times: int, inner: bytes) -> bytes:
    for _ in range(times):
        inner = encode_call("multicall(bytes[])", [inner])
    return inner


def test_calls_nest_only_so_deep() -> None:
    assert not faults(of(nested(3, SEND)))
    deep = encode_call("multicall(bytes[])", [nested(DEPTH_MAX, SEND), bytes(200_000)])
    assert [fault for _, fault in faults(of(deep))] == [Fault.TOO_DEEP, Fault.SELECTOR_UNKNOWN]


@pytest.mark.parametrize("size", [1_000, 30_000, 250_000])
def test_i20_output_is_bounded_by_the_input(size: int) -> None:
    call = of(nested(10, encode_call("multicall(bytes[])", [SEND, bytes(size)])))
    assert Fault.TOO_MUCH in [fault for _, fault in faults(call)]
    unfolded = sum(len(one.data) for one in call.walk() if one.place and one.fault is not Fault.TOO_MUCH)
    assert 0 < unfolded <= min(OUTPUT_TIMES * len(call.data), OUTPUT_BYTES_MAX)


def test_many_small_calls_stay_within_what_the_bytes_hold() -> None:
    call = of(encode_call("multicall(bytes[])", [b""] * 4000))
    assert len(call.inner) == 4000 and not faults(call)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda tail: SEND[:4] + tail)))
def test_any_bytes_are_unfolded_without_an_error(data: bytes) -> None:
    call = of(data)
    assert call.data == data
    assert bool(call.fault) is (bool(data) and not call.signature)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(executed(MULTISEND, packed((0, TOKEN, 0, SEND)), 1)) - 1), st.integers(1, 255))
def test_a_changed_byte_of_a_safes_transaction_is_seen(at: int, change: int) -> None:
    whole = executed(MULTISEND, packed((0, TOKEN, 0, SEND)), 1)
    other = bytearray(whole)
    other[at] ^= change
    seen, changed = of(whole, SAFE), of(bytes(other), SAFE)
    assert (changed.arguments, changed.signature, faults(changed)) != (seen.arguments, seen.signature, faults(seen))
