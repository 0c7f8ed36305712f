"""The descriptors that ship with the client: what they add to a review, and that they speak for nobody else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chain.address import Address
from chain.calldata import encode_call
from chain.descriptor import Descriptor
from chain.token import Token
from chain.token_list import TokenList
from chain.transaction import TransactionRequest
from wallet.purse import DESCRIPTORS, TOKENS
from wallet.review import Caution, Known, Label, Source, Title
from wallet.review_effects import PERMIT2
from wallet.review_transactions import review_transaction
from wallet.review_typed_data import review_typed_data

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
USDT = Address("0xdAC17F958D2ee523a2206206994597C13D831ec7")
WETH = Address("0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
POOL = Address("0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2")
ROUTER = Address("0x68b3465833fb72A70ecDF485E0e4C7bD8665Fc45")
DUSD = TOKENS.by_symbol(31337, "DUSD")
LIST = TokenList("", (*TOKENS.tokens, Token(1, USDT, "USDT", "Tether", 6), Token(1, WETH, "WETH", "Wrapped", 18)))
KNOWN = Known(LIST, frozenset({ME}), frozenset({BOB}), {1: "Ethereum", 31337: "Devnet"}, {BOB: "Bob"}, DESCRIPTORS)


def of(to, data=b"", value=0, chain_id=1, known=KNOWN):
    request = TransactionRequest(
        chain_id, to, value, data, nonce=3, gas=60_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=1
    )
    return review_transaction(request.unsigned_payload, known, sender=ME, host="node", origin="https://app.example")


def shown(review, label):
    return [fact.value for fact in review.facts if fact.label is label]


def test_a_described_call_is_understood_and_its_bytes_are_still_shown():
    signature = "supply(address,uint256,address,uint16)"
    data = encode_call(signature, USDT, 5_000_000, ME, 0)
    review = of(POOL, data)
    assert (review.title, review.needs_word) == (Title.CONTRACT_CALL, False)
    assert shown(review, Label.INTENT) == ["Supply 5 USDT"]
    assert shown(review, Label.DESCRIBED_AS) == ["Aave · Pool V3"]
    assert shown(review, Label.CALL) == [signature]
    assert shown(review, Label.ARGUMENT) == [USDT, "5000000", ME, "0"]
    fields = [fact for fact in review.facts if fact.label is Label.FIELD]
    assert {fact.source for fact in fields} == {Source.LIST}
    assert [fact.about for fact in fields] == ["Amount to supply", "Collateral recipient"]


@pytest.mark.parametrize("chain_id", [1, 10])
def test_a_descriptor_speaks_for_its_own_contract_on_its_own_chains(chain_id):
    data = encode_call("supply(address,uint256,address,uint16)", USDT, 5_000_000, ME, 0)
    elsewhere = POOL if chain_id == 10 else BOB
    review = of(elsewhere, data, chain_id=chain_id)
    assert review.needs_word and not shown(review, Label.INTENT)


def test_bytes_that_do_not_fit_the_description_are_not_understood():
    data = encode_call("supply(address,uint256,address,uint16)", USDT, 5_000_000, ME, 0)
    assert of(POOL, data + b"\0").needs_word


def test_a_token_that_is_not_listed_leaves_the_description_incomplete():
    data = encode_call("supply(address,uint256,address,uint16)", BOB, 5_000_000, ME, 0)
    assert Caution.TOKEN_UNLISTED in of(POOL, data).cautions


def test_wrapping_and_swapping():
    wrapped = of(WETH, encode_call("deposit()"), value=10**18)
    assert shown(wrapped, Label.INTENT) == ["Wrap 1 ETH"] and not wrapped.needs_word
    swap = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))"
    review = of(ROUTER, encode_call(swap, (USDT, WETH, 3000, BOB, 5_000_000, 10**15, 0)))
    assert shown(review, Label.INTENT) == ["Swap 5 USDT for at least 0.001 WETH"]
    assert "0.3%" in shown(review, Label.FIELD) and f"Bob ({BOB})" in shown(review, Label.FIELD)


def test_an_interface_speaks_for_listed_tokens_alone():
    data = encode_call("approve(address,uint256)", BOB, 5_000_000)
    assert shown(of(USDT, data), Label.INTENT) == [f"Let Bob ({BOB}) spend 5 USDT"]
    assert not shown(of(POOL, data), Label.INTENT)


def test_permit2_as_calls_and_as_messages():
    data = encode_call("approve(address,address,uint160,uint48)", USDT, BOB, 5_000_000, 1_800_000_000)
    assert shown(of(PERMIT2, data), Label.INTENT) == [f"Let Bob ({BOB}) spend 5 USDT until 2027-01-15T08:00:00Z"]
    details = [("address", "token"), ("uint160", "amount"), ("uint48", "expiration"), ("uint48", "nonce")]
    single = [("PermitDetails", "details"), ("address", "spender"), ("uint256", "sigDeadline")]
    domain = [("string", "name"), ("uint256", "chainId"), ("address", "verifyingContract")]
    types = {"EIP712Domain": domain, "PermitDetails": details, "PermitSingle": single}
    document = {
        "types": {name: [{"type": t, "name": n} for t, n in members] for name, members in types.items()},
        "primaryType": "PermitSingle",
        "domain": {"name": "Permit2", "chainId": 1, "verifyingContract": PERMIT2},
        "message": {
            "details": {"token": USDT, "amount": 5_000_000, "expiration": 1_800_000_000, "nonce": 0},
            "spender": BOB,
            "sigDeadline": 1_800_000_000,
        },
    }
    review = review_typed_data(json.dumps(document), account=ME, known=KNOWN, origin="https://a.example", host="h")
    assert shown(review, Label.INTENT) == [f"Let Bob ({BOB}) spend 5 USDT until 2027-01-15T08:00:00Z"]
    assert review.title is Title.PERMIT
    document["domain"]["chainId"] = 31337
    review = review_typed_data(json.dumps(document), account=ME, known=KNOWN, origin="https://a.example", host="h")
    assert not shown(review, Label.INTENT)


def executor():
    """A contract whose descriptor says that one argument is calldata for another."""
    field = {"path": "data", "label": "Call", "format": "calldata", "params": {"calleePath": "target"}}
    document = {
        "context": {"contract": {"deployments": [{"chainId": 31337, "address": POOL}]}},
        "metadata": {"owner": "Executor"},
        "display": {"formats": {"execute(address target,bytes data)": {"intent": "Execute", "fields": [field]}}},
    }
    return replace(KNOWN, descriptors=(Descriptor.parse(json.dumps(document)),))


def test_calldata_within_is_unfolded_like_any_other():
    known = executor()
    inner = encode_call("transfer(address,uint256)", BOB, 5_000_000)
    review = of(POOL, encode_call("execute(address,bytes)", DUSD.address, inner), chain_id=31337, known=known)
    assert [(f.about, f.value) for f in review.facts if f.label is Label.MOVES] == [("1", "5 DUSD")]
    assert shown(review, Label.OWNER) == [POOL] and not review.needs_word
    strange = of(POOL, encode_call("execute(address,bytes)", DUSD.address, b"\1\2\3\4"), chain_id=31337, known=known)
    assert strange.needs_word
    deep = inner
    for _ in range(8):
        deep = encode_call("execute(address,bytes)", POOL, deep)
    assert of(POOL, deep, chain_id=31337, known=known).needs_word


def test_coins_to_a_token_are_still_odd_where_a_description_fits():
    assert of(USDT, encode_call("approve(address,uint256)", BOB, 1), value=1).needs_word
