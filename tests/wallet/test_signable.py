"""What is signed, against viem; what does not decode fully, refused."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from chain.address import Address
from chain.erc20 import transfer
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from fiat.order import ORDER_TYPES
from wallet.errors import BytesNotUnderstood
from wallet.signable import ATTESTATION, ORDER_KINDS, REGISTRATION, KeyKind, read_order, read_sign_in, read_transaction
from wallet.siwe import SignInText

ROOT = Path(__file__).parents[2]
LEDGER = bytes(range(32))
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
REGISTRATION_FIELDS = [
    ("holder", "bytes32"),
    ("handle", "string"),
    ("chainId", "uint64"),
    ("account", "address"),
    ("validBefore", "uint64"),
]
ATTESTATION_FIELDS = [field for field in REGISTRATION_FIELDS if field[0] != "handle"]
EXAMPLES = {  # by name where the type does not say enough, at the edges of each type
    "currency": "EUR",
    "receiveAsset": "eip155:31337/erc20:0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
    "action": "mandate-revoke",
    "handle": "alice.b-2",
}
EDGES = {"bytes32": "0x" + "ff00" * 16, "address": BOB.lower()}


def viem(**questions):
    script = ROOT / "tests/vectors/with_viem.mjs"
    done = subprocess.run(["node", script], input=json.dumps(questions).encode(), capture_output=True, check=True)
    return json.loads(done.stdout)


def shape(kind):
    if kind in ORDER_TYPES:
        return list(ORDER_TYPES[kind].STRUCT.fields)
    return REGISTRATION_FIELDS if kind == REGISTRATION else ATTESTATION_FIELDS


def example(kind, *, largest):
    """The order's fields in JSON, its integers as large (63 bits for the statements) or as small as they can be."""
    fields = {}
    for name, solidity in shape(kind):
        bits = int(solidity[4:]) if solidity.startswith("uint") else 0
        bits -= kind not in ORDER_TYPES and bits == 64
        fields[name] = EXAMPLES.get(name) or EDGES.get(solidity) or (str(2**bits - 1) if largest else "0")
    return fields


def typed(kind, fields):
    members = [{"name": name, "type": solidity} for name, solidity in shape(kind)]
    domain = {"name": "Tandem Ledger", "version": "1", "salt": "0x" + LEDGER.hex()}
    return {"domain": domain, "types": {kind: members}, "primaryType": kind, "message": fields}


def test_every_order_has_the_digest_that_viem_gives_it():
    cases = [(kind, example(kind, largest=largest)) for kind in ORDER_KINDS for largest in (False, True)]
    assert len(cases) == 16
    digests = viem(typed=[typed(kind, fields) for kind, fields in cases])["typed"]
    assert len(set(digests)) == 16
    for (kind, fields), digest in zip(cases, digests, strict=True):
        signable = read_order(kind, LEDGER, fields)
        assert "0x" + signable.digest.hex() == digest, kind
        assert signable.facts == fields
        assert read_order(kind, LEDGER[::-1], fields).digest != signable.digest


def test_orders_are_for_the_root_key_and_proofs_of_possession_for_the_account_they_name():
    for kind in ORDER_TYPES:
        assert read_order(kind, LEDGER, example(kind, largest=True)).keys == {KeyKind.ROOT}
    assert read_order(ATTESTATION, LEDGER, example(ATTESTATION, largest=True)).keys == {KeyKind.ROOT}
    own = read_order(REGISTRATION, LEDGER, example(REGISTRATION, largest=False))
    account = read_order(REGISTRATION, LEDGER, example(REGISTRATION, largest=True))
    assert (own.keys, own.signer) == ({KeyKind.ROOT}, BOB)
    assert (account.keys, account.signer) == ({KeyKind.ACCOUNT}, BOB)


@pytest.mark.parametrize("kind", ORDER_KINDS)
def test_orders_have_one_spelling(kind):
    good = example(kind, largest=True)
    spoilt = [{**good, "more": "1"}, {**good, "holder": good["holder"].upper()}, {**good, "holder": "0x"}, {}]
    spoilt += [{name: value for name, value in good.items() if name != left_out} for left_out in good]
    for name, solidity in shape(kind):
        if solidity.startswith("uint"):
            for value in ("-1", "01", "1e3", "1.0", "0x1", "", " 1", "１", str(2**256), 1, None, True):
                spoilt.append({**good, name: value})
    for fields in spoilt:
        with pytest.raises(BytesNotUnderstood):
            read_order(kind, LEDGER, fields)


@pytest.mark.parametrize("kind", ["Permit", "ledgertransfer", "", "x" * 500])
def test_other_types_are_refused(kind):
    with pytest.raises(BytesNotUnderstood):
        read_order(kind, LEDGER, {})


def test_a_ledger_id_has_32_bytes():
    with pytest.raises(BytesNotUnderstood):
        read_order("LedgerControl", b"", example("LedgerControl", largest=True))


def test_a_transactions_facts_come_from_its_bytes():
    token = Token(31337, Address("0x" + "ab" * 20), "DUSD", "Demo Dollar", 6)
    request = transfer(TokenAmount(30_000_000, token), BOB)
    prepared = TransactionRequest(
        31337, request.to, 0, request.data, None, nonce=3, max_priority_fee_per_gas=1, max_fee_per_gas=2, gas=60_000
    )
    signable = read_transaction(prepared.unsigned_payload)
    assert signable.digest == prepared.signing_hash
    assert signable.keys == {KeyKind.ACCOUNT}
    facts = {
        "erc20_method": "transfer",
        "erc20_party": BOB,
        "erc20_units": "30000000",
        "to": token.address,
        "nonce": "3",
    }
    assert facts.items() <= signable.facts.items()


@pytest.mark.parametrize("payload", [b"", b"\x02", b"\x02\xc0", b"\x01\xc0", b"\x04\xc0", b"\xc0", b"\x02" * 1000])
def test_other_payloads_are_refused(payload):
    with pytest.raises(BytesNotUnderstood) as caught:
        read_transaction(payload)
    assert caught.value.kind == "transaction"


def test_sign_in_texts_are_those_that_viem_writes():
    fields = {
        "domain": "localhost:8000",
        "address": BOB,
        "uri": "http://localhost:8000/v1/sessions",
        "version": "1",
        "chainId": 31337,
        "nonce": "abcdef123456",
        "issuedAt": "2026-01-02T03:04:05.678Z",
    }
    more = {
        "scheme": "https",
        "statement": "Sign in to Tandem.",
        "expirationTime": "2026-01-02T04:04:05.000Z",
        "notBefore": "2026-01-02T03:04:05.000Z",
        "requestId": "r-1",
        "resources": ["https://example.com/a", "urn:tandem:ledger:00"],
    }
    for text in viem(siwe=[fields, {**fields, **more}, {**fields, "statement": "Hi"}])["siwe"]:
        assert SignInText.parse(text).text == text
        assert read_sign_in(text).signer == BOB
        assert read_sign_in(text).keys == set(KeyKind)
