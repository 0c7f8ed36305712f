"""What a request would let leave the account, from its bytes: every spelling of a transfer counts as the transfer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from chain.calldata import encode_call
from tests.wallet.policies import (
    BOB,
    CALM,
    CHAIN,
    COIN,
    DOLLAR,
    DUSD,
    DWETH,
    FEE,
    ME,
    NOW,
    PAGE,
    STRANGER,
    allow,
    asked,
    transaction,
)
from tests.wallet.policies import policy as policy_of
from tests.wallet.test_review_typed_data import NOTE, authorization, once, permit, permit2, single
from wallet.approvals import Kind
from wallet.errors import BytesNotUnderstood
from wallet.guard_claims import (
    claims_json,
    item_json,
    message_item,
    read_claims,
    read_items,
    transaction_item,
    typed_item,
)
from wallet.policy import Limit, Verdict
from wallet.policy_decision import decide
from wallet.policy_request import (
    CREATION,
    PIECE,
    REFUSED,
    UNRECOGNISED,
    Claims,
    Price,
    known_of,
    message_request,
    read_request,
    together,
    typed_request,
)
from wallet.review import Caution
from wallet.review_effects import PERMIT2

KNOWN = known_of(policy_of(allow(), allow(Limit(DWETH, None, 1))), [ME])
RULES = (allow(), allow(Limit(DWETH, None, 1)))
FIVE = 5 * DOLLAR
EXEC = "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
SEND = encode_call("transfer(address,uint256)", BOB, FIVE)


def spends(request):
    return [(spend.token, spend.units, spend.party) for spend in request.spends]


@pytest.mark.parametrize(
    ("to", "data", "value", "expected", "tokens"),
    [
        (BOB, b"", 7, [(None, 7, BOB)], ()),
        (DUSD.address, SEND, 0, [(DUSD.address, FIVE, BOB)], ()),
        (
            DUSD.address,
            encode_call("transferFrom(address,address,uint256)", ME, BOB, FIVE),
            0,
            [(DUSD.address, FIVE, BOB)],
            (),
        ),
        (DUSD.address, encode_call("approve(address,uint256)", BOB, FIVE), 0, [(DUSD.address, FIVE, BOB)], ()),
        (
            DUSD.address,
            encode_call("increaseAllowance(address,uint256)", BOB, FIVE),
            0,
            [(DUSD.address, FIVE, BOB)],
            (),
        ),
        (DUSD.address, encode_call("approve(address,uint256)", BOB, 0), 0, [], (DUSD.address,)),
        (DWETH.address, encode_call("deposit()"), 9, [(None, 9, DWETH.address)], (DWETH.address,)),
        (DWETH.address, encode_call("withdraw(uint256)", 9), 0, [], (DWETH.address,)),
        (
            PERMIT2,
            encode_call("approve(address,address,uint160,uint48)", DUSD.address, BOB, FIVE, 1),
            0,
            [(DUSD.address, FIVE, BOB)],
            (),
        ),
        (
            STRANGER,
            encode_call("multicall(bytes[])", [encode_call("transfer(address,uint256)", BOB, 1)] * 3),
            0,
            [(STRANGER, 1, BOB)] * 3,
            (),
        ),
        (
            STRANGER,
            encode_call(EXEC, DUSD.address, 0, SEND, 0, 0, 0, 0, BOB, BOB, b""),
            0,
            [(DUSD.address, FIVE, BOB)],
            (),
        ),
    ],
)
def test_a_transaction_counts_as_what_may_leave(to, data, value, expected, tokens):
    request = asked(transaction(to, data, value), RULES)
    assert (spends(request), request.tokens, request.doubts) == (expected, tokens, ())
    assert request.fee == FEE and request.is_call is bool(data)
    assert {party for _token, _units, party in expected} <= set(request.parties)


@pytest.mark.parametrize(
    ("to", "data", "value", "doubt"),
    [
        (STRANGER, b"\x12\x34\x56\x78", 0, Caution.CALL_UNKNOWN),
        (None, b"\x60\x00", 0, CREATION),
        (STRANGER, encode_call("deposit()"), 9, Caution.CALL_UNKNOWN),
        (DUSD.address, encode_call("approve(address,uint256)", BOB, 2**256 - 1), 0, Caution.ALLOWANCE_UNLIMITED),
        (STRANGER, encode_call("setApprovalForAll(address,bool)", BOB, True), 0, Caution.ALLOWANCE_ALL),
        (STRANGER, encode_call("safeTransferFrom(address,address,uint256)", ME, BOB, 1), 0, PIECE),
        (DUSD.address, SEND, 1, Caution.CALL_UNKNOWN),
        (DUSD.address, SEND + b"\0", 0, Caution.CALL_UNKNOWN),
        (
            STRANGER,
            encode_call(EXEC, DUSD.address, 0, SEND, 1, 0, 0, 0, BOB, BOB, b""),
            0,
            Caution.DELEGATECALL,
        ),
    ],
)
def test_what_is_not_understood_is_a_doubt(to, data, value, doubt):
    assert doubt in asked(transaction(to, data, value), RULES).doubts


def typed(document):
    return typed_request(PAGE, json.dumps(document), ME, KNOWN, Claims())


DETAIL = {"token": DUSD.address, "amount": "5000000", "expiration": "1", "nonce": "0"}
BATCH = permit2(
    "PermitBatch",
    "PermitDetails[] details,address spender,uint256 sigDeadline",
    {"PermitDetails": "address token,uint160 amount,uint48 expiration,uint48 nonce"},
    {"details": [DETAIL, {**DETAIL, "amount": "7"}], "spender": STRANGER, "sigDeadline": "1"},
)


@pytest.mark.parametrize(
    ("document", "units"),
    [
        (permit(), [FIVE]),
        (single(), [FIVE]),
        (BATCH, [FIVE, 7]),
        (once(), [FIVE]),
        (once("PermitBatchTransferFrom"), [FIVE, FIVE]),
        (once("PermitWitnessTransferFrom", ",Order witness"), [FIVE]),
        (authorization(), [FIVE]),
        (authorization("ReceiveWithAuthorization"), [FIVE]),
    ],
)
def test_typed_data_counts_as_the_transfer_that_it_is(document, units):
    request = typed(document)
    assert spends(request) == [(DUSD.address, amount, STRANGER) for amount in units]
    assert (request.kind, request.chain_id, request.doubts, request.fee) == (Kind.TYPED_DATA, CHAIN, (), 0)


@pytest.mark.parametrize(
    ("document", "doubt"),
    [
        (NOTE, UNRECOGNISED),
        (permit(value=str(2**256 - 1)), Caution.ALLOWANCE_UNLIMITED),
        (single(domain={"verifyingContract": STRANGER}), Caution.PERMIT2_IMITATED),
        ([{"type": "string", "name": "text", "value": "hello"}], UNRECOGNISED),
    ],
)
def test_other_typed_data_is_a_doubt(document, doubt):
    assert doubt in typed(document).doubts


def test_a_permission_that_holds_on_every_chain_is_a_doubt():
    document = permit()
    document["types"]["EIP712Domain"] = [m for m in document["types"]["EIP712Domain"] if m["name"] != "chainId"]
    request = typed(document)
    assert Caution.DOMAIN_WITHOUT_CHAIN in request.doubts and request.chain_id is None


SIGN_IN = "\n".join(
    [
        "app.example wants you to sign in with your Ethereum account:",
        ME,
        "",
        "",
        "URI: https://app.example",
        "Version: 1",
        "Chain ID: 1",
        "Nonce: abcdefgh12345678",
        "Issued At: 2020-01-02T03:04:05Z",
    ]
)


@pytest.mark.parametrize(
    ("text", "kind", "doubts"),
    [
        (b"hello", Kind.MESSAGE, ()),
        (b"\xff\xfe", Kind.MESSAGE, (Caution.NOT_TEXT,)),
        (bytes(range(200, 232)), Kind.MESSAGE, (Caution.NOT_TEXT, Caution.TRANSACTION_SHAPED)),
        (SIGN_IN.encode(), Kind.SIWE, ()),
        (SIGN_IN.replace("app.example", "bank.example").encode(), Kind.SIWE, (Caution.SIGN_IN_ELSEWHERE,)),
        (
            SIGN_IN.replace("app.example", "127.0.0.1:8000").encode(),
            Kind.SIWE,
            (Caution.SIGN_IN_ELSEWHERE, REFUSED),
        ),
    ],
)
def test_messages_and_sign_ins(text, kind, doubts):
    request = message_request(PAGE, text, ME, "127.0.0.1:8000", Claims())
    assert (request.kind, request.doubts, request.spends) == (kind, doubts, ())


def test_claims_can_only_add_doubts():
    claims = Claims(None, (), frozenset({Caution.WRONG_CHAIN, Caution.FIRST_PAYMENT}))
    assert asked(claims=claims).doubts == (Caution.WRONG_CHAIN,)


def test_nodes_that_contradict_each_other_are_a_doubt_that_no_rule_overrides():
    claims = replace(CALM, cautions=frozenset({Caution.NODES_DISAGREE}))
    assert asked(claims=claims).doubts == (Caution.NODES_DISAGREE,)
    made = policy_of(allow())
    for given, verdict in ((CALM, Verdict.ALLOW), (claims, Verdict.ASK)):
        assert decide(made, asked(claims=given), lambda key: 0, NOW).verdict is verdict


def test_several_transactions_are_one_request_with_what_is_foreseen_of_all():
    one = asked(rules=RULES, claims=CALM)
    both = together(PAGE, [one, one])
    assert (both.kind, both.fee, len(both.spends), both.claims) == (Kind.CALLS, 2 * FEE, 2, CALM)
    with pytest.raises(BytesNotUnderstood):
        together(PAGE, [])


def test_a_request_reads_back_from_the_log():
    claims = Claims(CALM.simulated, (Price(CHAIN, DUSD.address, "EUR", 9 * 10**8, 5),))
    for request in (asked(claims=claims), typed(BATCH), asked(transaction(None, b"\x60"), RULES)):
        assert read_request(json.loads(json.dumps(request.to_json()))) == request
    assert read_claims(json.loads(json.dumps(claims_json(claims)))) == claims


def test_items_cross_the_pipe_as_they_are():
    items = [transaction_item(transaction().unsigned_payload), message_item(b"hello"), typed_item(json.dumps(permit()))]
    assert read_items(json.loads(json.dumps([item_json(item) for item in items]))) == items
    assert COIN.is_native
