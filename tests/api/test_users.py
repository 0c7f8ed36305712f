"""Opening accounts, payees' cards, sign-in, and receiving addresses."""

from __future__ import annotations

import asyncio
import os

import pytest

from api.auth import personal_digest
from chain.address import Address
from fiat.holder import fingerprint
from fiat.order import address_digest
from fiat.signature import keccak256, recover
from tests.api.people import CHAIN_ID, Key, Person, now_s, spelled


async def test_an_account_is_opened_with_the_wallets_own_signatures(running, caller):
    alice = running.person("alice.liddell")
    answer = await alice.post("/v1/users", alice.registration())
    told = answer.json
    assert (answer.status, told["holder"], told["handle"]) == (201, spelled(alice.holder), "alice.liddell")
    assert told["accounts"] == [{"chain_id": CHAIN_ID, "address": Address.from_bytes(alice.account.address)}]
    assert told["head"]["holder"] == spelled(alice.holder)
    card = (await caller.get("/v1/users/Alice.Liddell")).json
    assert keccak256(bytes.fromhex(card["genesis"][2:])) == alice.holder
    assert card["fingerprint"] == fingerprint(alice.holder)
    assert set(card) == {"handle", "holder", "fingerprint", "genesis", "root_key"}, "nothing about money"


async def test_the_same_registration_again_is_the_same_account(running):
    someone = running.person()
    answers = await asyncio.gather(*(someone.post("/v1/users", someone.registration()) for _ in range(6)))
    assert sorted(a.status for a in answers) == [200] * 5 + [201]
    assert len({a.json["holder"] for a in answers}) == 1
    told = {a.status: (a.json["blind"] is not None, a.json["head"] is not None) for a in answers}
    assert told == {201: (True, True), 200: (False, False)}, "a copy of a registration learns nothing from it"
    await someone.sign_in()
    assert (await someone.get("/v1/heads")).json["blind"] == next(a.json["blind"] for a in answers if a.status == 201)


async def test_one_holder_has_one_handle(running):
    someone = await running.person().register()
    first, someone.handle = someone.handle, "another-name"
    answer = await someone.post("/v1/users", someone.registration())
    assert (answer.status, answer.slug, answer.json["handle"]) == (409, "holder_already_registered", first)


@pytest.mark.parametrize(
    ("taken", "wanted", "slug"),
    [
        ("mallory", "mallory", "handle_taken"),
        ("modern-bank", "modernbank", "handle_looks_alike"),
        ("paypa1er", "paypaler", "handle_looks_alike"),
        ("scope-x", "ѕсоре-х", "handle_looks_alike"),
        ("école9", "ecole9", "handle_looks_alike"),
    ],
)
async def test_a_handle_that_is_taken_or_looks_alike_cannot_be_had(running, taken, wanted, slug):
    await running.person(taken).register()
    other = running.person(wanted)
    answer = await other.post("/v1/users", other.registration())
    assert (answer.status, answer.slug) == (409, slug)


@pytest.mark.parametrize(
    "handle",
    ["ab", "x" * 33, "аlice", "a\u200bbob", "bob\u202e", "admin", "adm1n", "12345", "-bob", "a..b", "Bob", "😀😀😀"],
)
async def test_handles_that_nobody_can_have(running, handle):
    someone = running.person(handle)
    answer = await someone.post("/v1/users", someone.registration())
    assert (answer.status, answer.slug) == (422, "handle_invalid")


def with_account(person, **changes):
    body = person.registration()
    return body | {"accounts": [body["accounts"][0] | changes]}


async def test_every_proof_must_hold(running):
    eve, victim = running.person(), running.person()
    good = eve.registration()
    theirs = victim.registration()
    stolen_attestation = theirs["accounts"][0]["attestation"]
    wrong = {
        "another root's signature": good | {"signature": theirs["signature"]},
        "another handle than signed": good | {"handle": "somebody-else"},
        "another holder's document": good | {"genesis": theirs["genesis"]},
        "an account that did not sign": with_account(eve, address=Address.from_bytes(Key().address)),
        "an account of somebody else": good | {"accounts": theirs["accounts"]},
        "an attestation of somebody else": with_account(eve, attestation=stolen_attestation),
        "no recoverable signature": good | {"signature": "0x" + "ff" * 65},
    }
    for what, body in wrong.items():
        assert (await eve.post("/v1/users", body)).slug == "proof_invalid", what
    assert (await eve.post("/v1/users", good)).status == 201, "and the true one passes"


async def test_proofs_are_fresh_and_for_this_chain(running):
    someone = running.person()
    good = someone.registration()
    for valid_before in (now_s() - 1, now_s() + 3600):
        assert (await someone.post("/v1/users", good | {"valid_before": str(valid_before)})).slug == "invalid_input"
    assert (await someone.post("/v1/users", with_account(someone, chain_id=1))).slug == "not_found"
    twice = good | {"accounts": good["accounts"] * 2}
    assert (await someone.post("/v1/users", twice)).slug == "invalid_input"
    typo = good["accounts"][0]["address"].swapcase().replace("0X", "0x")
    assert (await someone.post("/v1/users", with_account(someone, address=typo))).slug == "address_checksum_wrong"


async def test_an_address_belongs_to_one_account(running):
    first = await running.person().register()
    second = running.person()
    second.account = first.account
    assert (await second.post("/v1/users", second.registration())).slug == "proof_invalid"


async def challenge(person, key=None):
    answer = await person.post("/v1/sessions/challenge", {"address": Address.from_bytes((key or person.root).address)})
    return answer.json["message"]


def signed(person, message, key=None):
    return {"message": message, "signature": spelled((key or person.root).sign(personal_digest(message)))}


async def test_a_challenge_signs_in_once(running):
    someone = await running.person().register()
    body = signed(someone, await challenge(someone))
    answers = await asyncio.gather(*(someone.post("/v1/sessions", body) for _ in range(5)))
    assert sorted(a.status for a in answers) == [201] + [401] * 4
    told = next(a for a in answers if a.status == 201).json
    assert told["user"]["handle"] == someone.handle
    someone.token = told["token"]
    assert (await someone.get("/v1/portfolio")).status == 200


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("Chain ID: 31337", "Chain ID: 1"),
        ("127.0.0.1:", "evil.example:"),
        ("Version: 1", "Version: 2"),
        ("moves", "does"),
    ],
)
async def test_only_the_text_that_was_given_out_counts(running, part, instead):
    """Another domain, another chain, another word: none of them was given out here."""
    someone = await running.person().register()
    message = (await challenge(someone)).replace(part, instead, 1)
    assert (await someone.post("/v1/sessions", signed(someone, message))).slug == "challenge_unknown"


async def test_another_key_does_not_sign_in(running):
    someone = await running.person().register()
    body = signed(someone, await challenge(someone), Key())
    assert (await someone.post("/v1/sessions", body)).slug == "signature_invalid"
    stranger = Key()
    body = signed(someone, await challenge(someone, stranger), stranger)
    assert (await someone.post("/v1/sessions", body)).slug == "not_found"
    account = someone.account
    body = signed(someone, await challenge(someone, account), account)
    assert (await someone.post("/v1/sessions", body)).slug == "not_found", (
        "a chain account's key is no key of the ledger"
    )


async def test_a_session_ends_when_it_is_ended(person):
    someone = await person()
    assert (await someone.ask("DELETE", "/v1/sessions/current")).status == 204
    assert (await someone.get("/v1/portfolio")).slug == "session_required"


@pytest.mark.parametrize("token", ["", "0" * 64, "Bearer", "a" * 63, "A" * 64, "' OR 1=1 --"])
async def test_a_made_up_token_is_no_session(running, token):
    someone = running.person()
    answer = await someone.ask("GET", "/v1/portfolio", Authorization=f"Bearer {token}")
    assert (answer.status, answer.slug, answer.headers["WWW-Authenticate"]) == (401, "session_required", "Bearer")


async def test_a_token_is_stored_hashed_only(person, running):
    someone = await person()
    stored = b"".join(path.read_bytes() for path in running.folder.glob("tandem.sqlite3*"))
    assert someone.token.encode() not in stored
    assert bytes.fromhex(someone.token) not in stored
    assert someone.handle.encode() in stored, "the search finds what is there"


async def test_a_payer_gets_an_attested_address_and_the_payee_sees_it(person):
    alice, bob = await person(), await person()
    answer = await alice.post(f"/v1/users/{bob.handle}/address", {"chain_id": CHAIN_ID, "asset": "DUSD"})
    told = answer.json
    assert (answer.status, told["holder"]) == (200, spelled(bob.holder))
    digest = address_digest(
        bob.ledger_id,
        holder=bob.holder,
        chain_id=CHAIN_ID,
        account=Address(told["address"]).raw,
        valid_before=int(told["attestation"]["valid_before"]),
    )
    assert recover(digest, bytes.fromhex(told["attestation"]["signature"][2:])) == bob.root.address
    assert [(r["by"], r["asset"]) for r in (await bob.get("/v1/addresses")).json["requests"]] == [
        (alice.handle, "DUSD")
    ]
    assert (await alice.get("/v1/addresses")).json["requests"] == []


async def test_addresses_are_asked_for_of_people_chains_and_assets_that_exist(person):
    alice = await person()
    for handle, body in (
        ("nobody-here", {"chain_id": CHAIN_ID, "asset": "ETH"}),
        (alice.handle, {"chain_id": 1, "asset": "ETH"}),
        (alice.handle, {"chain_id": CHAIN_ID, "asset": "DOGE"}),
    ):
        assert (await alice.post(f"/v1/users/{handle}/address", body)).slug == "not_found"


async def test_an_account_is_added_later_with_the_same_proofs(person):
    alice, key = await person(), Key()
    valid_before = now_s() + 600
    claim = alice.account_claim(key, valid_before)
    body = {"valid_before": str(valid_before), "signature": claim["signature"], "attestation": claim["attestation"]}
    path = f"/v1/addresses/{CHAIN_ID}/{claim['address']}"
    bob = await person()
    assert (await bob.put(path, body)).slug == "proof_invalid", "only for oneself"
    for _ in range(2):
        assert (await alice.put(path, body)).status == 200
    assert claim["address"] in [a["address"] for a in (await alice.get("/v1/addresses")).json["addresses"]]


def test_people_of_the_tests_are_different(running):
    assert Person(running.url, os.urandom(32), "a").holder != Person(running.url, os.urandom(32), "a").holder
