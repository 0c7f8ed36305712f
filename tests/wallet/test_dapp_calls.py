"""EIP-5792: batches that are read, each of its codes, and the states that are told."""

from __future__ import annotations

import pytest

from chain.address import Address
from wallet.dapp_calls import (
    CALLS_MAX,
    State,
    capabilities,
    read_batch_id,
    read_capabilities,
    read_send_calls,
    state_of,
    status,
)
from wallet.errors import RpcRefused
from wallet.rpc import Code

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
CALL = {"to": BOB, "data": "0x"}
BATCH = {"version": "2.0.0", "chainId": "0x7a69", "from": ALICE, "atomicRequired": False, "calls": [CALL, CALL]}
DONE, REVERTED = (
    {"status": "0x1", "logs": [{"address": BOB, "data": "0x", "topics": [], "logIndex": "0x0"}]},
    {"status": "0x0"},
)


def number_of(**changes):
    with pytest.raises(RpcRefused) as caught:
        read_send_calls([{**BATCH, **changes}])
    return caught.value.number


def test_a_batch_is_read_and_value_may_be_missing():
    batch = read_send_calls([BATCH])
    assert (batch.id, batch.sender, batch.chain_id) == ("", ALICE, 31337)
    assert [(call.to, call.value, call.data) for call in batch.calls] == [(BOB, 0, b"")] * 2
    assert read_send_calls([{**BATCH, "id": "mine", "from": None, "version": "1.0"}]).id == "mine"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"capabilities": {"paymasterService": {"url": "https://x.example"}}}, Code.CAPABILITY),
        ({"calls": [{**CALL, "capabilities": {"x": {}}}]}, Code.CAPABILITY),
        ({"calls": [CALL] * (CALLS_MAX + 1)}, Code.CALLS_TOO_LARGE),
        ({"atomicRequired": True}, Code.ATOMICITY),
        ({"version": "3"}, Code.PARAMS),
        ({"atomicRequired": "no"}, Code.PARAMS),
        ({"calls": []}, Code.PARAMS),
        ({"calls": [{**CALL, "gas": "0x1"}]}, Code.PARAMS),
        ({"calls": [{**CALL, "to": "x"}]}, Code.PARAMS),
        ({"chainId": None}, Code.PARAMS),
        ({"id": "\n"}, Code.PARAMS),
        ({"id": "x" * 4097}, Code.PARAMS),
    ],
)
def test_refused_by_its_code(changes, code):
    assert number_of(**changes) == code


def test_i14_a_call_hands_no_account_over():
    assert number_of(calls=[{**CALL, "authorizationList": [{"chainId": "0x0"}]}]) == Code.METHOD_REFUSED


def test_an_optional_capability_may_be_ignored():
    assert read_send_calls([{**BATCH, "capabilities": {"paymasterService": {"optional": True}}}])


@pytest.mark.parametrize(
    ("receipts", "stopped", "state"),
    [
        ([], False, State.PENDING),
        ([], True, State.NOT_SENT),
        ([DONE], False, State.PENDING),
        ([DONE], True, State.PARTLY),
        ([DONE, DONE], True, State.CONFIRMED),
        ([DONE, REVERTED], True, State.PARTLY),
        ([REVERTED], True, State.REVERTED),
    ],
)
def test_states(receipts, stopped, state):
    assert state_of(2, receipts, stopped) is state


def test_status_claims_no_atomicity():
    told = status("0xab", 31337, State.CONFIRMED, [DONE])
    assert (told["atomic"], told["status"], told["chainId"]) == (False, 200, "0x7a69")
    assert told["receipts"][0]["logs"] == [{"address": BOB, "data": "0x", "topics": []}]
    assert "receipts" not in status("0xab", 1, State.PENDING, [])
    assert capabilities([31337]) == {"0x7a69": {"atomic": {"status": "unsupported"}}}


def test_ids_and_chains_that_are_asked_about():
    assert read_batch_id(["0xab"]) == "0xab"
    assert read_capabilities([ALICE]) == (ALICE, None)
    assert read_capabilities([ALICE, ["0x1"]]) == (ALICE, (1,))
    for reader, params in ((read_batch_id, [""]), (read_batch_id, []), (read_capabilities, [ALICE, "0x1"])):
        with pytest.raises(RpcRefused):
            reader(params)
