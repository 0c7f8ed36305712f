"""Parameters as pages really send them (DAPPS.md), and what is wrong with others, by name."""

from __future__ import annotations

import json

import pytest

from chain.address import Address
from chain.deadline import DECODING_NANOSECONDS, Deadline
from wallet.dapp_params import (
    read_asset,
    read_new_chain,
    read_personal_sign,
    read_recover,
    read_switch,
    read_transaction,
    read_typed_data,
)
from wallet.dapp_signing import _deadline
from wallet.errors import RpcRefused
from wallet.rpc import Code

ALICE = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
DOCUMENT = {
    "types": {"EIP712Domain": [{"name": "name", "type": "string"}], "Mail": [{"name": "text", "type": "string"}]},
    "primaryType": "Mail",
    "domain": {"name": "Example"},
    "message": {"text": "hello", "untyped": 1},
}
CHAIN = {
    "chainId": "0x539",
    "chainName": "Local 1337",
    "rpcUrls": ["wss://x.example", "http://10.0.0.1:8545", "https://x.example/rpc"],
    "nativeCurrency": {"name": "Ether", "symbol": "ETH", "decimals": 18},
}


def refusal(reader, *arguments):
    with pytest.raises(RpcRefused) as caught:
        reader(*arguments)
    return caught.value


def test_a_transaction_as_a_library_sends_it():
    asked = read_transaction({"from": ALICE.lower(), "to": BOB, "value": "0x1", "gasLimit": "0x5208", "data": ""})
    assert (asked.sender, asked.to, asked.value, asked.gas, asked.data) == (ALICE, BOB, 1, 21000, b"")
    request = asked.request(ALICE, 31337)
    assert (request.chain_id, request.nonce, request.max_fee_per_gas) == (31337, None, None)


@pytest.mark.parametrize(
    ("fields", "member", "value"),
    [
        ({"gas": "0x1", "gasLimit": "0x1"}, "gas", 1),
        ({"input": "0x00", "data": "0x00"}, "data", b"\0"),
        ({"input": "0x01"}, "data", b"\1"),
        ({"data": None, "value": None, "gas": None, "nonce": None}, "gas", None),
        ({"gasPrice": "0x7"}, "max_fee", 7),
        ({"gasPrice": "0x7"}, "priority_fee", 7),
        ({"maxFeePerGas": "0x9", "maxPriorityFeePerGas": "0x2"}, "priority_fee", 2),
        ({"value": "0x00"}, "value", 0),
        ({"value": 5}, "value", 5),
        ({"nonce": "0x0"}, "nonce", 0),
        ({"chainId": "0x7a69"}, "chain_id", 31337),
        ({"type": "0x2"}, "value", 0),
        ({"accessList": [{"address": BOB, "storageKeys": ["0x" + "00" * 32]}]}, "access_list", ((BOB, (b"\0" * 32,)),)),
    ],
)
def test_shapes_of_a_transaction(fields, member, value):
    assert getattr(read_transaction({"to": BOB, **fields}), member) == value


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"to": "bob.eth"}, "to"),
        ({"to": "0x70997970c51812Dc3A010C7d01b50e0d17dc79C8"}, "checksum"),
        ({"value": "1"}, "value"),
        ({"value": 1.5}, "value"),
        ({"value": True}, "value"),
        ({"value": -1}, "value"),
        ({"value": "0x" + "f" * 65}, "value"),
        ({"gas": "0x1", "gasLimit": "0x2"}, "gasLimit"),
        ({"gas": "0x" + "f" * 17}, "gas"),
        ({"data": "0x1"}, "data"),
        ({"data": "0x01", "input": "0x02"}, "differ"),
        ({"to": None}, "code"),
        ({"gasPrice": "0x1", "maxFeePerGas": "0x1"}, "gasPrice"),
        ({"chainId": 0}, "chainId"),
        ({"type": "0x9"}, "type"),
        ({"accessList": {}}, "accessList"),
        ({"accessList": [{"address": BOB, "storageKeys": ["0x00"]}]}, "storageKeys"),
        ({"data": "0x" + "00" * (256 * 1024 + 1)}, "data"),
    ],
)
def test_what_is_wrong_with_a_transaction_is_named(fields, word):
    refused = refusal(read_transaction, {"to": BOB, **fields})
    assert refused.number == Code.PARAMS and word in refused.reason


def test_a_priority_above_the_fee_is_named_when_it_is_made():
    asked = read_transaction({"to": BOB, "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2"})
    assert refusal(asked.request, ALICE, 1).number == Code.PARAMS


@pytest.mark.parametrize("fields", [{"type": "0x4"}, {"type": 4}, {"authorizationList": [{}]}, {"type": "0x3"}])
def test_i14_no_account_is_handed_over_for_a_page(fields):
    assert refusal(read_transaction, {"to": BOB, **fields}).number == Code.METHOD_REFUSED


def test_96_kb_of_calldata_pass():
    assert len(read_transaction({"to": BOB, "data": "0x" + "ab" * 96_000}).data) == 96_000


def test_personal_sign_in_every_order():
    plain = ["0x68690a", ALICE]
    for params in (plain, plain[::-1], [*plain, "password"]):
        assert read_personal_sign(params) == (b"hi\n", ALICE)
    assert read_personal_sign(["hello", ALICE.lower()]) == (b"hello", ALICE)
    assert read_personal_sign(["0xabc", ALICE]) == (b"0xabc", ALICE)  # no bytes: a text
    assert read_personal_sign([BOB, ALICE]) == (BOB.raw, ALICE)  # a message of 20 bytes


@pytest.mark.parametrize(
    "params", [[], ["x"], ["x", "y"], [1, ALICE], {"a": 1}, ["\ud800", ALICE], ["x" * 131073, ALICE]]
)
def test_personal_sign_refused(params):
    assert refusal(read_personal_sign, params).number == Code.PARAMS


def test_ec_recover():
    assert read_recover(["hi", "0x" + "11" * 64 + "1b"]) == (b"hi", b"\x11" * 64 + b"\x1b")
    for signature in ("0x", "0x" + "11" * 65, 1):
        assert refusal(read_recover, ["hi", signature]).number == Code.PARAMS


def test_typed_data_that_takes_too_long_is_malformed():
    ticks = iter(range(0, 10 * DECODING_NANOSECONDS, DECODING_NANOSECONDS // 2))
    types = {"A": [{"name": "v", "type": "uint8[]"}]}
    document = {"types": types, "primaryType": "A", "domain": {}, "message": {"v": [1] * 5000}}
    assert read_typed_data([ALICE, document])[1] == ALICE
    with pytest.raises(RpcRefused) as caught:
        read_typed_data([ALICE, document], deadline=Deadline(lambda: next(ticks)))
    assert caught.value.number == Code.PARAMS and "takes too long" in caught.value.reason


def test_the_door_counts_its_own_work_alone(monkeypatch):
    now = [5]
    monkeypatch.setattr("wallet.dapp_signing.time.thread_time_ns", lambda: now[0])
    deadline = _deadline()
    assert not deadline.is_over
    now[0] += DECODING_NANOSECONDS
    assert deadline.is_over


def test_typed_data_as_text_or_object_in_either_order():
    text = json.dumps(DOCUMENT)
    for params in ([ALICE, text], [ALICE, DOCUMENT], [text, ALICE], [DOCUMENT, ALICE.lower()]):
        document, account = read_typed_data(params)
        assert json.loads(document) == DOCUMENT and account == ALICE


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"primaryType": "Post"}, "primaryType"),
        ({"types": {"Mail": [{"name": "text", "type": "uint257"}]}}, "types.Mail.text"),
        ({"message": {}}, "message.text"),
        ({"domain": {"name": 1}}, "domain.name"),
    ],
)
def test_i21_malformed_types_are_named_before_anybody_is_asked(change, word):
    refused = refusal(read_typed_data, [ALICE, {**DOCUMENT, **change}])
    assert refused.number == Code.PARAMS and word in refused.reason


@pytest.mark.parametrize("params", [[ALICE, 1], [ALICE, "{"], [ALICE], ["x", DOCUMENT], [ALICE, '{"a":1,"a":1}']])
def test_typed_data_refused(params):
    assert refusal(read_typed_data, params).number == Code.PARAMS


def test_version_1_is_an_array_in_its_own_order():
    values = [{"type": "string", "name": "text", "value": "hi"}]
    assert json.loads(read_typed_data([values, ALICE], values_too=True)[0]) == values
    assert refusal(read_typed_data, [values, ALICE]).number == Code.PARAMS  # version 4 is none


def test_chains():
    assert read_switch([{"chainId": "0x1"}]) == read_switch([{"chainId": "1"}]) == 1
    new = read_new_chain([CHAIN])
    assert (new.chain_id, new.name, new.url, new.symbol) == (1337, "Local 1337", "https://x.example/rpc", "ETH")
    assert read_new_chain([{**CHAIN, "rpcUrls": ["http://127.0.0.1:8545"]}]).url == "http://127.0.0.1:8545"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"chainId": 1.0}, "chainId"),
        ({"chainId": "0x0"}, "chainId"),
        ({"chainName": "\u202e"}, "chainName"),
        ({"rpcUrls": []}, "rpcUrls"),
        ({"rpcUrls": ["http://x.example"]}, "rpcUrls"),
        ({"rpcUrls": ["https://user:pass@x.example"]}, "rpcUrls"),
        ({"rpcUrls": ["file:///etc/passwd"]}, "rpcUrls"),
        ({"nativeCurrency": None}, "nativeCurrency"),
        ({"nativeCurrency": {"symbol": "ETH", "decimals": 8}}, "decimals"),
        ({"nativeCurrency": {"symbol": "<b>", "decimals": 18}}, "symbol"),
    ],
)
def test_a_chain_that_is_not_right(change, word):
    refused = refusal(read_new_chain, [{**CHAIN, **change}])
    assert refused.number == Code.PARAMS and word in refused.reason


def test_assets_as_an_object_or_in_an_array():
    token = {"type": "ERC20", "options": {"address": BOB, "symbol": "DUSD", "decimals": "6"}}
    for params in (token, [token]):
        asset = read_asset(params)
        assert (asset.address, asset.symbol, asset.decimals) == (BOB, "DUSD", 6)
    assert read_asset({"type": "ERC1155", "options": {"address": BOB, "tokenId": "7"}}).token_id == "7"


@pytest.mark.parametrize(
    ("change", "options"),
    [
        ({"type": "ERC777"}, {}),
        ({}, {"decimals": 37}),
        ({}, {"decimals": 1.0}),
        ({}, {"symbol": "x" * 12}),
        ({"type": "ERC721"}, {}),
    ],
)
def test_assets_refused(change, options):
    token = {"type": "ERC20", "options": {"address": BOB, "symbol": "DUSD", "decimals": 6, **options}, **change}
    assert refusal(read_asset, token).number == Code.PARAMS
