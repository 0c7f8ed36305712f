"""Whatever bytes come: a review or a refusal, in bounds, and nothing that a node says changes what the bytes say."""

from __future__ import annotations

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from chain.address import Address
from chain.calldata import encode_call
from chain.methods import METHODS
from chain.outcome import Grant, Method, Movement, Outcome
from chain.transaction import TransactionRequest
from wallet.errors import BytesNotUnderstood
from wallet.plain_text import LINE_LENGTH, LINES_MAX
from wallet.purse import DESCRIPTORS, TOKENS
from wallet.review import Caution, Known, Source
from wallet.review_messages import review_message
from wallet.review_transactions import Observed, review_transaction
from wallet.review_typed_data import review_typed_data

ME = Address("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266")
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
KNOWN = Known(TOKENS, frozenset({ME}), frozenset({BOB}), descriptors=DESCRIPTORS)
DUSD = TOKENS.by_symbol(31337, "DUSD").address
SEED = encode_call(
    "multicall(bytes[])",
    [encode_call("transfer(address,uint256)", BOB, 5), encode_call("approve(address,uint256)", BOB, 2**256 - 1)],
)
DESCRIBED = [selector for descriptor in DESCRIPTORS for selector in descriptor.calls]
PERMIT = {
    "types": {
        "EIP712Domain": [{"name": "chainId", "type": "uint256"}, {"name": "verifyingContract", "type": "address"}],
        "Permit": [
            {"name": "owner", "type": "address"},
            {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ],
    },
    "primaryType": "Permit",
    "domain": {"chainId": 31337, "verifyingContract": DUSD},
    "message": {"owner": ME, "spender": BOB, "value": "5", "nonce": "0", "deadline": "9"},
}
ADDRESSES = sorted({address for d in DESCRIPTORS for _, address in d.deployments} | {DUSD, BOB})
calldata = st.one_of(
    st.binary(max_size=400),
    st.builds(lambda head, tail: head + tail, st.sampled_from([*METHODS, *DESCRIBED]), st.binary(max_size=400)),
    st.builds(lambda at, byte: SEED[:at] + bytes([byte]) + SEED[at + 1 :], st.integers(0, 300), st.integers(0, 255)),
    st.builds(
        lambda head, words: head + b"".join(word.to_bytes(32, "big") for word in words),
        st.sampled_from([*METHODS, *DESCRIBED]),
        st.lists(st.one_of(st.integers(0, 300), st.just(int(BOB, 16)), st.integers(0, 2**256 - 1)), max_size=12),
    ),
)


def bounded(review):
    told = [fact for fact in review.facts if len(fact.value) > LINE_LENGTH + 40]
    return not told and len(review.facts) <= LINES_MAX + 80


def of(data, to, value=0, chain_id=31337, observed=None):
    request = TransactionRequest(
        chain_id, to, value, data, nonce=0, gas=1, max_fee_per_gas=1, max_priority_fee_per_gas=0
    )
    options = {"sender": ME, "host": "node", "origin": "https://a.example", "observed": observed}
    return review_transaction(request.unsigned_payload, KNOWN, **options)


@settings(max_examples=250, deadline=None)
@given(calldata, st.sampled_from([None, *ADDRESSES]), st.sampled_from([1, 31337]), st.sampled_from([0, 5]))
def test_any_calldata_gives_a_review(data, to, chain_id, value):
    review = of(data, to, value, chain_id)
    assert bounded(review) and len(review.digest) == 32
    assert json.loads(json.dumps(review.to_json()))["needs_word"] is review.needs_word


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=500))
def test_any_message_gives_a_review(data):
    review = review_message(data, account=ME, known=KNOWN, origin="https://a.example", host="127.0.0.1:8000")
    assert bounded(review)
    assert all(fact.value.isprintable() for fact in review.facts)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=400), st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_shown_inert(text, origin, host):
    for one in (text, f"{origin} wants you to sign in with your Ethereum account:\n{text}\nURI: {host}"):
        try:
            raw = one.encode()
        except UnicodeEncodeError:
            continue
        review = review_message(raw, account=ME, known=KNOWN, origin=origin, host=host)
        assert all("\x1b" not in fact.value and "\u202e" not in fact.value for fact in review.facts)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**257),
    st.text(max_size=20),
    st.sampled_from([BOB, "0x", "uint", "uint256[]", "Permit", "EIP712Domain", "tuple", "Permit[2]", "bytes33"]),
    st.lists(st.integers(0, 5), max_size=3),
)


def paths(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, inner in items:
        yield from paths(inner, (*path, name))


@settings(max_examples=250, deadline=None)
@given(st.sampled_from([path for path in paths(PERMIT) if path]), VALUES)
def test_any_change_of_typed_data_gives_a_review_or_a_refusal(path, value):
    document = copy.deepcopy(PERMIT)
    inner = document
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    options = {"account": ME, "known": KNOWN, "origin": "https://a.example", "host": "h", "chain_id": 31337}
    good = review_typed_data(json.dumps(PERMIT), **options)
    try:
        review = review_typed_data(json.dumps(document), **options)
    except BytesNotUnderstood:
        return
    assert bounded(review)
    if review.digest != good.digest:
        assert [f for f in review.facts if f.value != "0x" + review.digest.hex()] != good.facts


parties = st.sampled_from([ME, BOB, Address("0x" + "5e" * 20)])
movements = st.builds(Movement, st.one_of(st.none(), parties), parties, parties, st.integers(0, 2**256 - 1))
grants = st.builds(Grant, parties, parties, parties, st.one_of(st.none(), st.integers(0, 2**256 - 1)))
outcomes = st.builds(
    Outcome,
    st.sampled_from(Method),
    st.sampled_from([True, False]),
    st.integers(0, 10**9),
    st.one_of(st.none(), st.text(max_size=200)),
    st.lists(movements, max_size=5).map(tuple),
    st.lists(grants, max_size=5).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(outcomes, st.binary(max_size=30), st.integers(0, 5))
def test_whatever_a_node_says_is_its_claim_and_nothing_else(outcome, code, chain_id):
    plain = of(SEED, DUSD)
    review = of(SEED, DUSD, observed=Observed(chain_id, {DUSD: code, ME: code}, "node", outcome))
    assert tuple(fact for fact in review.facts if fact.source is not Source.CLAIMED) == plain.facts
    assert set(plain.cautions) <= set(review.cautions) and review.digest == plain.digest
    assert Caution.WRONG_CHAIN in review.cautions
