"""A dApp's transaction: every call with what it does, each warning with its reason, and no change that is not seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chain.address import Address
from chain.calldata import encode_call
from chain.calls import MULTISENDS
from chain.deadline import DECODING_NANOSECONDS, Deadline
from chain.delegation import delegate_of, is_delegation_asked
from chain.digests import calldata_digest
from chain.transaction import TransactionRequest
from wallet.errors import BytesNotUnderstood
from wallet.purse import DESCRIPTORS, TOKENS
from wallet.review import Caution, Known, Label, Source, Title
from wallet.review_effects import PERMIT2
from wallet.review_transactions import Observed, addresses_of, review_transaction

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
STRANGER = Address("0x" + "5e" * 20)
SAFE, NFT = Address("0x" + "5a" * 20), Address("0x" + "4f" * 20)
DUSD, DWETH = (TOKENS.by_symbol(31337, symbol) for symbol in ("DUSD", "DWETH"))
KNOWN = Known(TOKENS, frozenset({ME}), frozenset({BOB}), {31337: "Devnet"}, descriptors=DESCRIPTORS)
MULTISEND = sorted(MULTISENDS)[0]
NOW = 1_700_000_000
EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
SEND = encode_call("transfer(address,uint256)", BOB, 30_000_000)
APPROVE = encode_call("approve(address,uint256)", STRANGER, 2**256 - 1)


def of(to, data=b"", value=0, chain_id=31337, known=KNOWN, **options):
    request = TransactionRequest(
        chain_id, to, value, data, nonce=3, gas=60_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=1
    )
    asked = {"sender": ME, "host": "node", "origin": "https://app.example", "now": NOW, **options}
    return review_transaction(request.unsigned_payload, known, **asked)


def facts(review, label):
    return [(fact.about, fact.value, fact.source) for fact in review.facts if fact.label is label]


def test_a_plain_payment_says_who_asks_and_what_it_costs():
    review = of(BOB, value=10**18)
    assert (review.title, review.kind, review.cautions) == (Title.SEND, "send_transaction", ())
    assert facts(review, Label.ASKED_BY) == [("", "https://app.example", Source.LIST)]
    assert facts(review, Label.AMOUNT) == [("", "1 ETH", Source.BYTES)]
    assert facts(review, Label.DIGEST) == [("", "0x" + review.digest.hex(), Source.BYTES)]
    assert not facts(review, Label.CALLDATA_DIGEST)


def test_erc8213_calldata_digest():
    """The standard's own example."""
    data = bytes.fromhex(
        "a9059cbb0000000000000000000000004675c7e5baafbffbca748158becba61ef3b0a263"
        "0000000000000000000000000000000000000000000000000de0b6b3a7640000"
    )
    digest = "812cee5d9cc7461c04bbcd7b70af9c28b243ac5d74d3453b008b93b7dac69985"
    assert calldata_digest(data).hex() == digest
    assert facts(of(DUSD.address, data), Label.CALLDATA_DIGEST) == [("", "0x" + digest, Source.BYTES)]


def test_i12_an_allowance_without_limit():
    review = of(DUSD.address, APPROVE)
    assert review.title is Title.ALLOW and not review.needs_word
    assert facts(review, Label.ALLOWED) == [("", "unlimited", Source.BYTES)]
    assert facts(review, Label.SPENDER) == [("", STRANGER, Source.BYTES)]
    assert facts(review, Label.UNTIL) == [("", "has no end", Source.BYTES)]
    wanted = {Caution.ALLOWANCE_UNLIMITED, Caution.ALLOWANCE_LASTING, Caution.SPENDER_STRANGER}
    assert set(review.cautions) == wanted


def test_an_exact_allowance_to_one_who_is_known():
    review = of(DUSD.address, encode_call("approve(address,uint256)", BOB, 5_000_000))
    assert facts(review, Label.ALLOWED) == [("", "5 DUSD", Source.LIST)]
    assert review.cautions == (Caution.ALLOWANCE_LASTING,)


def test_taking_an_allowance_back_is_nothing_to_warn_of():
    review = of(DUSD.address, encode_call("approve(address,uint256)", STRANGER, 0))
    assert (review.title, review.cautions) == (Title.CONTRACT_CALL, ())
    assert facts(review, Label.REVOKED) == [("", "0 DUSD", Source.LIST)]


def test_everything_of_a_collection():
    review = of(NFT, encode_call("setApprovalForAll(address,bool)", STRANGER, True))
    assert {Caution.ALLOWANCE_ALL, Caution.SPENDER_STRANGER, Caution.TOKEN_UNLISTED} <= set(review.cautions)
    assert facts(review, Label.ALLOWED) == [("", "everything of this contract", Source.BYTES)]


def test_an_allowance_of_permit2_ends():
    soon, late = NOW + 3600, NOW + 365 * 86_400
    for ends, lasts in ((soon, False), (late, True)):
        signature = "approve(address,address,uint160,uint48)"
        review = of(PERMIT2, encode_call(signature, DUSD.address, BOB, 5_000_000, ends))
        assert facts(review, Label.ALLOWED) == [("", "5 DUSD", Source.LIST)]
        assert (Caution.ALLOWANCE_LASTING in review.cautions) is lasts
    assert Caution.ALLOWANCE_LASTING in of(PERMIT2, encode_call(signature, DUSD.address, BOB, 1, soon), now=0).cautions


def test_a_safes_batch_shows_every_call():
    packed = b"".join(
        b"\0" + to.raw + value.to_bytes(32, "big") + len(data).to_bytes(32, "big") + data
        for to, value, data in ((DUSD.address, 0, SEND), (STRANGER, 7, b""), (DUSD.address, 0, APPROVE))
    )
    batch = encode_call("multiSend(bytes)", packed)
    data = encode_call(EXEC, MULTISEND, 0, batch, 1, 0, 0, 0, Address.ZERO, Address.ZERO, b"\1" * 65)
    review = of(SAFE, data)
    assert [about for about, _, _ in facts(review, Label.CALL)] == ["", "1", "1.1", "1.3"]
    assert facts(review, Label.DELEGATECALL) == [("1", MULTISEND, Source.BYTES)]
    assert facts(review, Label.MOVES) == [("1.1", "30 DUSD", Source.LIST)]
    assert facts(review, Label.OWNER) == [("1.1", SAFE, Source.BYTES), ("1.3", SAFE, Source.BYTES)]
    assert ("1.2", "0.000000000000000007 ETH", Source.BYTES) in facts(review, Label.AMOUNT)
    wanted = {Caution.DELEGATECALL, Caution.ALLOWANCE_UNLIMITED, Caution.FIRST_PAYMENT}
    assert wanted <= set(review.cautions) and not review.needs_word


def test_i08_a_delegatecall_to_foreign_code_needs_a_word():
    data = encode_call(EXEC, DUSD.address, 0, SEND, 1, 0, 0, 0, Address.ZERO, Address.ZERO, b"")
    review = of(SAFE, data)
    assert {Caution.DELEGATECALL, Caution.CALL_UNKNOWN} <= set(review.cautions) and review.needs_word
    assert facts(review, Label.FAULT) == [("1", "foreign-code", Source.BYTES)]


@pytest.mark.parametrize(
    ("to", "data", "value"),
    [
        (STRANGER, b"\xde\xad\xbe\xef" * 100, 0),
        (None, b"\x60\x00", 0),
        (DUSD.address, SEND + b"\0", 0),
        (DUSD.address, SEND, 1),
        (STRANGER, encode_call("deposit()"), 10**18),
        (STRANGER, encode_call("withdraw(uint256)", 5), 0),
        (STRANGER, encode_call("multicall(bytes[])", [SEND, b"\1\2\3\4"]), 0),
    ],
)
def test_what_is_not_understood_needs_a_word(to, data, value):
    review = of(to, data, value)
    assert review.title is Title.CALL and review.needs_word


def test_a_first_payment_and_an_address_that_resembles_a_known_one():
    assert of(STRANGER, value=1).cautions == (Caution.FIRST_PAYMENT,)
    poison = Address.from_bytes(bytes.fromhex(BOB[2:6] + "11" * 16 + BOB[-4:]))
    for review in (
        of(poison, value=1),
        of(DUSD.address, encode_call("transfer(address,uint256)", poison, 1)),
        of(DUSD.address, encode_call("multicall(bytes[])", [encode_call("transfer(address,uint256)", poison, 1)])),
        of(DUSD.address, encode_call("approve(address,uint256)", poison, 1)),
    ):
        assert Caution.LOOKS_ALIKE in review.cautions
    named = replace(KNOWN, names={STRANGER: "Carol"})
    review = of(STRANGER, value=1, known=named)
    assert review.cautions == ()
    assert facts(review, Label.ADDRESS) == [("", STRANGER, Source.BYTES), ("", "Carol", Source.LIST)]


def test_what_would_be_lost_is_warned_of():
    for receiver in (Address.ZERO, DUSD.address):
        assert Caution.LOST in of(DUSD.address, encode_call("transfer(address,uint256)", receiver, 1)).cautions
    assert Caution.LOST in of(Address.ZERO, value=1).cautions


def test_what_the_node_adds_is_the_nodes_claim():
    delegated = bytes.fromhex("ef0100") + NFT.raw
    seen = Observed(1, {DUSD.address: b"", ME: delegated, BOB: b"\x60\x00"}, "127.0.0.1:8545")
    review = of(DUSD.address, SEND, observed=seen)
    assert set(review.cautions) == {Caution.WRONG_CHAIN, Caution.CONTRACT_WITHOUT_CODE, Caution.DELEGATED}
    (fact,) = (fact for fact in review.facts if fact.label is Label.DELEGATION)
    assert (fact.about, fact.value, fact.source, fact.by) == (ME, NFT, Source.CLAIMED, "127.0.0.1:8545")
    fine = Observed(31337, {DUSD.address: b"\x60"}, "node")
    assert of(DUSD.address, SEND, observed=fine).cautions == ()
    assert of(BOB, value=1, observed=Observed(31337, {BOB: b""}, "node")).cautions == ()


def test_whose_code_is_asked_for():
    request = TransactionRequest(
        31337, DUSD.address, 0, SEND, nonce=0, gas=1, max_fee_per_gas=1, max_priority_fee_per_gas=1
    )
    assert addresses_of(request.unsigned_payload, ME) == (ME, DUSD.address, BOB)


def test_i14_delegations():
    assert delegate_of(bytes.fromhex("ef0100") + NFT.raw) == NFT
    for code in (b"", bytes.fromhex("ef0100"), bytes.fromhex("ef0100") + NFT.raw + b"\0", b"\xef\x01\x01" + NFT.raw):
        assert delegate_of(code) is None
    for asked in ({"type": "0x4"}, {"type": 4}, {"type": "0x04"}, {"type": "4"}, {"authorizationList": []}):
        assert is_delegation_asked({"to": BOB, **asked})
    for asked in ({}, {"type": "0x2"}, {"type": 2}, {"type": None}, {"type": "0x40"}):
        assert not is_delegation_asked({"to": BOB, **asked})
    for kind in (b"\x04", b"\x03", b"\x01"):
        with pytest.raises(BytesNotUnderstood):
            review_transaction(kind + b"\xc0", KNOWN, sender=ME, host="node", origin="https://app.example")


def test_fees_beyond_every_amount_are_refused():
    request = TransactionRequest(1, BOB, nonce=0, gas=2**64 - 1, max_fee_per_gas=2**255, max_priority_fee_per_gas=0)
    with pytest.raises(BytesNotUnderstood):
        review_transaction(request.unsigned_payload, KNOWN, sender=ME, host="node", origin="x")


def test_more_than_can_be_shown_needs_a_word():
    review = of(DUSD.address, encode_call("multicall(bytes[])", [SEND] * 100))
    assert Caution.TOO_LONG in review.cautions and review.needs_word


def seen(review):
    """What a person could tell apart, the digests left out."""
    digests = (Label.DIGEST, Label.CALLDATA_DIGEST)
    return [fact for fact in review.facts if fact.label not in digests], review.cautions, review.title


SINGLE_CHANGES = {
    "recipient": {"data": encode_call("transfer(address,uint256)", STRANGER, 30_000_000)},
    "amount": {"data": encode_call("transfer(address,uint256)", BOB, 30_000_001)},
    "token": {"to": DWETH.address},
    "unlisted token": {"to": STRANGER},
    "chain": {"chain_id": 1},
    "value": {"value": 1},
    "function": {"data": encode_call("approve(address,uint256)", BOB, 30_000_000)},
    "suffix": {"data": SEND + b"\0" * 32},
    "dirty padding": {"data": SEND[:4] + b"\1" + SEND[5:]},
    "creation": {"to": None},
    "selector": {"data": b"\xa9\x05\x9c\xbc" + SEND[4:]},
    "sender": {"sender": BOB},
    "asking site": {"origin": "https://app.examp1e"},
    "node": {"host": "elsewhere"},
}


@pytest.mark.parametrize("change", SINGLE_CHANGES)
def test_a_single_change_of_a_transfer_is_seen(change):
    good = {"to": DUSD.address, "data": SEND}
    assert seen(of(**good)) != seen(of(**{**good, **SINGLE_CHANGES[change]}))


@pytest.mark.parametrize("name", ["nonce", "gas", "max_fee_per_gas", "max_priority_fee_per_gas"])
def test_a_change_of_the_frame_gives_another_review(name):
    request = TransactionRequest(
        31337, BOB, 1, nonce=3, gas=60_000, max_fee_per_gas=2 * 10**9, max_priority_fee_per_gas=1
    )
    other = replace(request, **{name: getattr(request, name) + 1})
    one, two = (
        review_transaction(r.unsigned_payload, KNOWN, sender=ME, host="node", origin="x") for r in (request, other)
    )
    assert one.digest != two.digest and one.facts != two.facts


def batch(*, token=DUSD.address, receiver=BOB, units=5, spender=BOB, limit=9, ends=NOW + 60, operation=0, to=SAFE):
    calls = [
        (False, token, 0, encode_call("transfer(address,uint256)", receiver, units)),
        (False, PERMIT2, 0, encode_call("approve(address,address,uint160,uint48)", token, spender, limit, ends)),
    ]
    packed = b"".join(
        bytes([operation]) + to_.raw + value.to_bytes(32, "big") + len(data).to_bytes(32, "big") + data
        for _, to_, value, data in calls
    )
    inner = encode_call("multiSend(bytes)", packed)
    return to, encode_call(EXEC, MULTISEND, 0, inner, 1, 0, 0, 0, Address.ZERO, Address.ZERO, b"\1" * 65)


@pytest.mark.parametrize(
    "change",
    [
        {"token": DWETH.address},
        {"receiver": STRANGER},
        {"units": 6},
        {"spender": STRANGER},
        {"limit": 10},
        {"ends": NOW + 3600},
        {"operation": 1},
        {"to": BOB},
    ],
)
def test_a_single_change_deep_in_a_batch_is_seen(change):
    assert seen(of(*batch())) != seen(of(*batch(**change)))


def test_a_review_that_hid_the_receiver_would_be_caught():
    """The comparison above is worth something: with every mention of the receiver left out, the two look the same."""
    one, two = (of(*batch(receiver=receiver)) for receiver in (BOB, STRANGER))

    def blinded(review):
        return [fact for fact in seen(review)[0] if not {BOB, STRANGER} & {fact.value, fact.value.split()[-1]}]

    assert blinded(one) == blinded(two) and seen(one) != seen(two)


def test_what_is_not_decoded_in_time_needs_a_word():
    ticks = iter(range(0, 10**12, DECODING_NANOSECONDS // 50))
    batch = encode_call("multicall(bytes[])", [encode_call("transfer(address,uint256)", BOB, 5)] * 200)
    review = of(STRANGER, batch, deadline=Deadline(lambda: next(ticks)))
    assert {Caution.CALL_UNKNOWN, Caution.TOO_LONG} <= set(review.cautions) and review.needs_word
    assert review.digest == of(STRANGER, batch).digest
    assert Caution.CALL_UNKNOWN not in of(STRANGER, batch).cautions
