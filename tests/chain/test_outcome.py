"""Reading a node's simulation, a trace and a receipt: every event, what is undone, and what no node answers."""

from __future__ import annotations

from typing import Any

import pytest

from chain.address import Address
from chain.block import Log, Receipt
from chain.calldata import encode
from chain.errors import AnswerMalformed
from chain.keccak import keccak256
from chain.outcome import (
    NATIVE,
    NOT_SIMULATED,
    Difference,
    Grant,
    Method,
    Movement,
    Outcome,
    Span,
    drift,
    events_of,
    parse_simulations,
    parse_trace,
    parse_words,
)

ME, BOB, CAROL = (Address("0x" + digit * 40) for digit in "abc")
TOKEN, NFT, PERMIT2 = (Address("0x" + digit * 40) for digit in "123")


def log(emitter: Address, signature: str, *indexed: Address | int, types: str = "()", body: Any = ()) -> Any:
    topics = [keccak256(signature.encode())]
    topics += [(i.raw.rjust(32, b"\0") if isinstance(i, Address) else i.to_bytes(32, "big")) for i in indexed]
    return emitter, tuple(topics), encode(types, body)


def json_log(raw: Any) -> dict[str, Any]:
    emitter, topics, body = raw
    return {"address": emitter.lower(), "topics": ["0x" + t.hex() for t in topics], "data": "0x" + body.hex()}


def transfer(sender: Address, receiver: Address, units: int, token: Address = TOKEN) -> Any:
    return log(token, "Transfer(address,address,uint256)", sender, receiver, types="(uint256)", body=(units,))


def approval(owner: Address, spender: Address, units: int) -> Any:
    return log(TOKEN, "Approval(address,address,uint256)", owner, spender, types="(uint256)", body=(units,))


SINGLE = "TransferSingle(address,address,address,uint256,uint256)"
BATCH = "TransferBatch(address,address,address,uint256[],uint256[])"
KEPT = "Approval(address,address,address,uint160,uint48)"
EVENTS: list[tuple[Any, Movement | Grant]] = [
    (transfer(ME, BOB, 5), Movement(TOKEN, ME, BOB, 5)),
    (transfer(BOB, ME, 5, NATIVE), Movement(None, BOB, ME, 5)),
    (log(NFT, "Transfer(address,address,uint256)", ME, BOB, 7), Movement(NFT, ME, BOB, None, 7)),
    (
        log(
            NFT,
            SINGLE,
            CAROL,
            ME,
            BOB,
            types="(uint256,uint256)",
            body=(7, 3),
        ),
        Movement(NFT, ME, BOB, 3, 7),
    ),
    (
        log(
            NFT,
            BATCH,
            CAROL,
            BOB,
            ME,
            types="(uint256[],uint256[])",
            body=((7,), (3,)),
        ),
        Movement(NFT, BOB, ME, 3, 7),
    ),
    (log(TOKEN, "Deposit(address,uint256)", ME, types="(uint256)", body=(9,)), Movement(TOKEN, Address.ZERO, ME, 9)),
    (log(TOKEN, "Withdrawal(address,uint256)", ME, types="(uint256)", body=(9,)), Movement(TOKEN, ME, Address.ZERO, 9)),
    (approval(ME, BOB, 5), Grant(TOKEN, ME, BOB, 5)),
    (log(NFT, "Approval(address,address,uint256)", ME, BOB, 7), Grant(NFT, ME, BOB, None, 7)),
    (log(NFT, "Approval(address,address,uint256)", ME, Address.ZERO, 7), Grant(NFT, ME, Address.ZERO, 0, 7)),
    (
        log(NFT, "ApprovalForAll(address,address,bool)", ME, BOB, types="(bool)", body=(True,)),
        Grant(NFT, ME, BOB, None),
    ),
    (
        log(NFT, "ApprovalForAll(address,address,bool)", ME, BOB, types="(bool)", body=(False,)),
        Grant(NFT, ME, BOB, 0),
    ),
    (
        log(
            PERMIT2,
            KEPT,
            ME,
            TOKEN,
            BOB,
            types="(uint160,uint48)",
            body=(5, 9),
        ),
        Grant(TOKEN, ME, BOB, 5, via=PERMIT2),
    ),
]


@pytest.mark.parametrize(("raw", "event"), EVENTS)
def test_every_event_is_read(raw: Any, event: Movement | Grant) -> None:
    movements, grants = events_of([raw], ME)
    assert [*movements, *grants] == [event]


def test_events_of_others_and_of_other_shapes_say_nothing() -> None:
    strange = [
        transfer(BOB, CAROL, 5),
        approval(BOB, CAROL, 5),
        (TOKEN, (), b""),
        (TOKEN, (b"\1" * 32,), b""),
        (*transfer(ME, BOB, 5)[:2], b"\1"),
        (*log(NFT, "ApprovalForAll(address,address,bool)", ME, BOB)[:2], b"\0" * 31 + b"\2"),
        (TOKEN, (keccak256(b"Transfer(address,address,uint256)"), b"\xff" * 32, b"\xff" * 32), b"\0" * 32),
    ]
    assert events_of(strange, ME) == ((), ())


def call(status: str, *logs: Any, returned: str = "0x", gas: str = "0x5208") -> dict[str, Any]:
    return {"status": status, "returnData": returned, "gasUsed": gas, "logs": [json_log(raw) for raw in logs]}


def test_a_simulation() -> None:
    outcome = parse_simulations([{"calls": [call("0x1", transfer(ME, BOB, 5), approval(ME, BOB, 9))]}], ME, 1)[0]
    assert (outcome.method, outcome.succeeded, outcome.gas_used) == (Method.SIMULATE, True, 21000)
    assert outcome.changes(ME) == {TOKEN: -5}
    assert outcome.grants == (Grant(TOKEN, ME, BOB, 9),)


def test_a_simulation_that_fails_moves_nothing() -> None:
    reason = "0x08c379a0" + encode("(string)", ("paused",)).hex()
    outcome = parse_simulations([{"calls": [call("0x0", transfer(ME, BOB, 5), returned=reason)]}], ME, 1)[0]
    assert (outcome.succeeded, outcome.reason, outcome.movements) == (False, "paused", ())


def test_what_was_read_goes_before_what_a_contract_logs() -> None:
    outcome = Outcome(Method.SIMULATE, True, movements=(Movement(TOKEN, BOB, ME, 100), Movement(None, ME, BOB, 3)))
    assert outcome.changes(ME) == {TOKEN: 100, None: -3}
    read = Outcome(Method.SIMULATE, True, movements=outcome.movements, balances={TOKEN: Span(50, 40)})
    assert read.changes(ME) == {TOKEN: -10, None: -3}


def test_moving_to_oneself_changes_nothing() -> None:
    assert Outcome(Method.SIMULATE, True, movements=(Movement(TOKEN, ME, ME, 5),)).changes(ME) == {}


def frame(sender: Address, to: Address, value: int, *calls: Any, logs: Any = (), **more: Any) -> dict[str, Any]:
    inner = {"from": sender.lower(), "to": to.lower(), "value": hex(value), "type": "CALL", "gasUsed": "0x1"}
    return {**inner, "calls": list(calls), "logs": [json_log(raw) for raw in logs], **more}


def test_a_trace_leaves_out_what_was_undone() -> None:
    undone = frame(CAROL, ME, 7, frame(CAROL, ME, 8), logs=[transfer(BOB, ME, 9)], error="execution reverted")
    back = frame(TOKEN, ME, 2, logs=[transfer(ME, BOB, 5)])
    borrowed = frame(TOKEN, ME, 100, type="DELEGATECALL")
    outcome = parse_trace(frame(ME, TOKEN, 10, undone, back, borrowed), ME)
    assert outcome.changes(ME) == {None: -8, TOKEN: -5}
    failed = parse_trace(frame(ME, TOKEN, 10, logs=[transfer(ME, BOB, 5)], error="execution reverted"), ME)
    assert (failed.succeeded, failed.movements) == (False, ())


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [],
        [{}],
        [{"calls": []}],
        [{"calls": [{}]}],
        [{"calls": [call("0x2")]}],
        [{"calls": [{**call("0x1"), "logs": [{"address": "0x1", "topics": []}]}]}],
        [{"calls": [call("0x1")]}] * 2,
    ],
)
def test_what_no_node_answers_is_refused(answer: Any) -> None:
    with pytest.raises(AnswerMalformed):
        parse_simulations(answer, ME, 1)


def test_each_call_has_an_outcome_of_its_own_and_none_may_be_missing() -> None:
    answer = [{"calls": [call("0x1", transfer(ME, BOB, 5)), call("0x0")]}]
    assert [outcome.succeeded for outcome in parse_simulations(answer, ME, 2)] == [True, False]
    for count in (1, 3):
        with pytest.raises(AnswerMalformed):
            parse_simulations(answer, ME, count)


def test_traces_are_bounded() -> None:
    deep: Any = frame(ME, BOB, 0)
    for _ in range(100):
        deep = frame(ME, BOB, 0, deep)
    wide = frame(ME, BOB, 0, *[frame(ME, BOB, 0)] * 10_001)
    for answer in (deep, wide, {}, None, {"structLogs": []}, {"gas": 1, "failed": False}):
        with pytest.raises(AnswerMalformed):
            parse_trace(answer, ME)


def test_numbers() -> None:
    answer = [{"calls": [call("0x1", returned="0x" + "00" * 31 + "05"), call("0x0"), call("0x1", returned="0x05")]}]
    assert parse_words(answer, 3) == [5, None, None]
    with pytest.raises(AnswerMalformed):
        parse_words(answer, 2)


def receipt(*logs: Any, succeeded: bool = True) -> Receipt:
    made = tuple(Log(e, t, b, n, 0, b"\0" * 32, b"\0" * 32, 1) for n, (e, t, b) in enumerate(logs))
    return Receipt(b"\0" * 32, succeeded, 1, b"\0" * 32, 21000, 1, None, made)


def test_drift() -> None:
    logs = (transfer(ME, BOB, 5), approval(ME, BOB, 9), transfer(ME, BOB, 3, NATIVE))
    (outcome,) = parse_simulations([{"calls": [call("0x1", *logs)]}], ME, 1)
    assert drift(outcome, receipt(transfer(ME, BOB, 5), approval(ME, BOB, 9)), ME) == ()
    assert drift(outcome, receipt(approval(ME, BOB, 9), transfer(ME, BOB, 5), transfer(BOB, CAROL, 1)), ME) == ()
    less = drift(outcome, receipt(transfer(ME, BOB, 6), approval(ME, BOB, 9)), ME)
    assert set(less) == {
        Difference(Movement(TOKEN, ME, BOB, 5), True),
        Difference(Movement(TOKEN, ME, BOB, 6), False),
    }
    twice = drift(outcome, receipt(transfer(ME, BOB, 5), transfer(ME, BOB, 5), approval(ME, BOB, 9)), ME)
    assert twice == (Difference(Movement(TOKEN, ME, BOB, 5), False),)
    assert Difference(None, True) in drift(outcome, receipt(succeeded=False), ME)
    assert drift(NOT_SIMULATED, receipt(transfer(ME, BOB, 5)), ME) == ()
