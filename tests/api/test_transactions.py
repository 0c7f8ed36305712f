"""Unsigned transfers to check and sign, and signed transactions sent once: for wallets in other languages."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from chain.address import Address
from chain.calldata import decode_call
from chain.devnet import fund
from chain.devnet_contracts import demo_token
from chain.node import Node
from chain.transaction import Authorization, SignedTransaction, TransactionRequest, TransactionType
from chain.transaction_layout import authorization_digest
from tests.api.people import CHAIN_ID, Key, spelled

ETHER, DUSD = 10**18, demo_token("DUSD")
BOB = Address("0x" + 20 * "b0")
TRANSFERS, TRANSACTIONS = f"/v1/chains/{CHAIN_ID}/transfers", f"/v1/chains/{CHAIN_ID}/transactions"


@pytest.fixture
async def node(chain_url):
    async with Node(chain_url, CHAIN_ID) as found:
        yield found


@pytest.fixture
async def alice(person, node):
    """Signed in, with 3 ETH and 100 DUSD on her own chain account."""
    someone = await person()
    await fund(node, account_of(someone), 3 * ETHER, 100 * 10**6)
    return someone


def account_of(someone) -> Address:
    return Address.from_bytes(someone.account.address)


def signed(request: TransactionRequest, key: Key) -> SignedTransaction:
    return SignedTransaction.join(request, key.sign(request.signing_hash))


def wanted(someone, **more):
    return {"from": account_of(someone), "to": BOB, "asset": "ETH", "amount": "0.25", **more}


async def test_a_transfer_is_built_checked_signed_and_sent(alice, caller, node):
    for asset, amount, units in (("ETH", "0.25", ETHER // 4), ("DUSD", "12.5", 12_500_000)):
        before = (await node.balances(BOB, [demo_token("DUSD")]))[0]
        told = (await caller.post(TRANSFERS, wanted(alice, asset=asset, amount=amount))).json
        request = TransactionRequest.decode(bytes.fromhex(told["payload"][2:]))
        checks = {check["fact"]: check["value"] for check in told["checks"]}
        assert spelled(request.signing_hash) == told["digest"]
        assert (checks["sender"], checks["receiver"]) == (account_of(alice), BOB)
        assert (checks["amount_units"], checks["amount"]) == (str(units), f"{amount} {asset}")
        assert (checks["chain"], checks["nonce"], request.chain_id) == (str(CHAIN_ID), str(request.nonce), CHAIN_ID)
        assert checks["fee_max_wei"] == str(request.fee_max)
        if asset == "DUSD":
            assert checks["contract"] == request.to == DUSD.address
            assert decode_call("transfer(address,uint256)", request.data) == (BOB, units)
        else:
            assert (request.to, request.value) == (BOB, units)
        shown = told["transaction"]
        assert (shown["type"], shown["chainId"], shown["nonce"]) == ("0x2", hex(CHAIN_ID), hex(request.nonce))
        assert (shown["from"], shown["to"]) == (account_of(alice), request.to)
        assert (told["warnings"], told["attestation"], told["nonce_taken"]) == ([], None, False)
        raw = spelled(signed(request, alice.account).raw)
        sent = await caller.post(TRANSACTIONS, {"raw": raw})
        assert sent.status == 200, sent.body
        assert (sent.json["sender"], sent.json["nonce"]) == (account_of(alice), checks["nonce"])
        receipt = await node.wait_for_receipt(bytes.fromhex(sent.json["transaction"][2:]))
        assert receipt.succeeded
        assert (await caller.post(TRANSACTIONS, {"raw": raw})).body == sent.body, "the same, also from a block"
        after = (await node.balances(BOB, [demo_token("DUSD")]))[0]
        assert after.units - before.units == (units if asset == "DUSD" else 0)


async def test_to_a_handle_with_its_root_keys_word(alice, person, caller):
    bob = await person()
    body = wanted(alice, to=f"@{bob.handle}", asset="DUSD", amount="1")
    told = (await alice.post(TRANSFERS, body)).json
    proof = told["attestation"]
    assert (proof["handle"], proof["address"], proof["holder"]) == (bob.handle, account_of(bob), spelled(bob.holder))
    assert {c["fact"]: c["value"] for c in told["checks"]}["receiver"] == account_of(bob)
    asked = (await bob.get("/v1/addresses")).json["requests"]
    assert [one["by"] for one in asked] == [alice.handle], "the payee sees who asked"
    assert (await caller.post(TRANSFERS, body)).slug == "session_required"
    assert (await alice.post(TRANSFERS, {**body, "to": "@nobody_here"})).slug == "not_found"


async def test_fifty_at_once_have_numbers_in_a_row(alice, caller, node):
    """The owner's; whoever asks without a session gets the node's count and takes nothing away."""
    first = int((await caller.post(TRANSFERS, wanted(alice))).json["transaction"]["nonce"], 16)
    await asyncio.gather(*(caller.post(TRANSFERS, wanted(alice)) for _ in range(10)))
    answers = await asyncio.gather(*(alice.post(TRANSFERS, wanted(alice, amount="0.000001")) for _ in range(50)))
    requests = [TransactionRequest.decode(bytes.fromhex(a.json["payload"][2:])) for a in answers]
    assert all(a.json["nonce_taken"] for a in answers)
    assert sorted(request.nonce for request in requests) == list(range(first, first + 50))
    raws = [{"raw": spelled(signed(request, alice.account).raw)} for request in requests]
    sent = await asyncio.gather(*(caller.post(TRANSACTIONS, raw) for raw in (*raws, *raws[:10])))
    assert {answer.status for answer in sent} == {200}, [answer.body for answer in sent if answer.status != 200]
    for answer in sent:
        assert (await node.wait_for_receipt(bytes.fromhex(answer.json["transaction"][2:]))).succeeded
    assert int(await node.call("eth_getTransactionCount", [account_of(alice), "latest"]), 16) == first + 50


async def test_where_nothing_is_sent_to(alice, node):
    for to, asset, fault in (
        ("0x" + 40 * "0", "ETH", "zero-address"),
        ("0x" + 40 * "0", "DUSD", "zero-address"),
        (DUSD.address, "DUSD", "token-contract"),
    ):
        refused = await alice.post(TRANSFERS, wanted(alice, to=to, asset=asset, amount="1"))
        assert (refused.slug, refused.json["fault"]) == ("receiver_refused", fault)
    warned = await alice.post(TRANSFERS, wanted(alice, to=demo_token("DEUR").address, asset="DUSD", amount="1"))
    assert warned.json["warnings"] == ["token-never-handled"]


REFUSED_TRANSFERS = [
    ({"amount": "1e3"}, "amount_malformed"),
    ({"amount": "-1"}, "amount_malformed"),
    ({"amount": "0"}, "amount_not_positive"),
    ({"amount": "0.0000000000000000001"}, "amount_too_precise"),
    ({"amount": "1" + 60 * "0"}, "amount_too_large"),
    ({"amount": "5"}, "insufficient_native"),
    ({"asset": "DUSD", "amount": "100.000001"}, "insufficient_token"),
    ({"asset": "NOPE"}, "not_found"),
    ({"to": "bob"}, "invalid_input"),
    ({"to": "0x70997970c51812dc3A010C7d01b50e0d17dc79C8"}, "address_checksum_wrong"),
    ({"from": "0x1"}, "invalid_input"),
    ({"speed": "warp"}, "invalid_input"),
    ({"max_fee_per_gas": "1"}, "transaction_refused"),
    ({"max_fee_per_gas": 30}, "invalid_input"),
    ({"nonce": "7"}, "invalid_input"),
]


async def test_transfers_that_are_refused(alice):
    for change, slug in REFUSED_TRANSFERS:
        assert (await alice.post(TRANSFERS, wanted(alice, **change))).slug == slug, change
    assert (await alice.post("/v1/chains/1/transfers", wanted(alice))).slug == "not_found"
    assert (await alice.post("/v1/chains/1/transactions", {"raw": "0x00"})).slug == "not_found"


async def test_a_signed_transaction_is_read_strictly(alice, caller, node):
    base = TransactionRequest(CHAIN_ID, BOB, 1, nonce=0, max_priority_fee_per_gas=1, max_fee_per_gas=10**10, gas=21_000)
    key = alice.account
    digest = authorization_digest(0, BOB, 0)
    word = key.sign(digest)
    halves = int.from_bytes(word[:32], "big"), int.from_bytes(word[32:64], "big")
    everywhere = (Authorization(0, BOB, 0, word[64] - 27, *halves),)
    blob = replace(base, type=TransactionType.BLOB, max_fee_per_blob_gas=1, blob_hashes=(b"\1" + bytes(31),))
    refused = {
        "wrong_chain": replace(base, chain_id=1),
        "fee_above_cap": replace(base, max_fee_per_gas=501 * 10**9),
        "type_not_sent": blob,
        "authorization_everywhere": replace(base, type=TransactionType.SET_CODE, authorizations=everywhere),
        "nonce_far": replace(base, nonce=5000),
        "node": replace(base, value=10 * ETHER),
    }
    for reason, request in refused.items():
        answer = await caller.post(TRANSACTIONS, {"raw": spelled(signed(request, key).raw)})
        assert (answer.status, answer.slug, answer.json["reason"]) == (422, "transaction_refused", reason)
    good = signed(base, key)
    for broken in (good.raw + b"\0", good.raw[:-1], b"\5" + good.raw[1:], base.unsigned_payload):
        answer = await caller.post(TRANSACTIONS, {"raw": spelled(broken)})
        assert answer.slug == "transaction_malformed" and answer.json["reason"]
    assert (await caller.post(TRANSACTIONS, {"raw": "0x0"})).slug == "invalid_input"
    assert (await caller.post(TRANSACTIONS, {"raw": spelled(good.raw), "more": 1})).slug == "invalid_input"
    assert int(await node.call("eth_getTransactionCount", [account_of(alice), "pending"]), 16) == 0, "nothing was sent"
    assert (await caller.post(TRANSACTIONS, {"raw": spelled(good.raw)})).status == 200
    await node.wait_for_receipt(good.hash)
    other = signed(replace(base, value=2), key)
    late = await caller.post(TRANSACTIONS, {"raw": spelled(other.raw)})
    assert (late.json["reason"], late.json["expected"]) == ("nonce_used", "1")


async def test_every_type_that_is_sent(alice, caller, node):
    key = alice.account
    word = key.sign(authorization_digest(CHAIN_ID, BOB, 3))
    halves = int.from_bytes(word[:32], "big"), int.from_bytes(word[32:64], "big")
    kinds = {
        TransactionType.LEGACY: {},
        TransactionType.ACCESS_LIST: {"access_list": ((BOB, (bytes(32),)),)},
        TransactionType.SET_CODE: {"authorizations": (Authorization(CHAIN_ID, BOB, 3, word[64] - 27, *halves),)},
    }
    for nonce, (kind, more) in enumerate(kinds.items()):
        request = TransactionRequest(CHAIN_ID, BOB, 1, b"", None, nonce, 10**10, 10**10, 100_000, type=kind, **more)
        sent = await caller.post(TRANSACTIONS, {"raw": spelled(signed(request, key).raw)})
        assert (sent.status, sent.json["type"]) == (200, int(kind)), sent.body
        assert (await node.wait_for_receipt(bytes.fromhex(sent.json["transaction"][2:]))).succeeded
    assert await node.code_at(account_of(alice)) == bytes.fromhex("ef0100") + BOB.raw
