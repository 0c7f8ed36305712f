"""The signer's calls, in this process: what it signs, for whom, and everything it refuses to."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest
from eth_account import Account
from eth_account.messages import encode_defunct

from chain.address import Address
from chain.delegation import NOBODY, Delegation, SignedDelegation
from chain.transaction import SignedTransaction, TransactionRequest
from fiat.order import ORDER_TYPES, order_from_json
from fiat.signature import recover
from wallet.frames import pack, result, unpack
from wallet.hd import KeyTree, PrivateKey
from wallet.mnemonic import Language, Mnemonic, readings
from wallet.signable import (
    ATTESTATION,
    REGISTRATION,
    read_message,
    read_order,
    read_sign_in,
    read_transaction,
    read_typed_data,
)
from wallet.signer import _CALLS, Signer, answer
from wallet.siwe import SignInText

ROOT = Path(__file__).parents[2]
TESTCASES = ROOT / "node_modules/@ethersproject/testcases/testcases/typed-transactions.json.gz"
TYPED_CASES = TESTCASES.with_name("eip712.json.gz")
JUNK = "test test test test test test test test test test test junk"
PASSWORD = "correct horse battery"
LEDGER = bytes(range(32))
KEYS = KeyTree(readings(JUNK)[0].seed())
ALICE, ROOT_ADDRESS = KEYS.account(0).address, KEYS.root().address
BOB = Address("0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
STRANGER = Address("0x" + "ab" * 20)
REQUEST = TransactionRequest(
    31337, BOB, value=25 * 10**16, nonce=7, max_priority_fee_per_gas=10**9, max_fee_per_gas=3 * 10**9, gas=21000
)

PERMIT = {
    "types": {
        "EIP712Domain": [
            {"name": "name", "type": "string"},
            {"name": "version", "type": "string"},
            {"name": "chainId", "type": "uint256"},
            {"name": "verifyingContract", "type": "address"},
        ],
        "Permit": [
            {"name": "owner", "type": "address"},
            {"name": "spender", "type": "address"},
            {"name": "value", "type": "uint256"},
            {"name": "nonce", "type": "uint256"},
            {"name": "deadline", "type": "uint256"},
        ],
    },
    "primaryType": "Permit",
    "domain": {"name": "Demo Dollar", "version": "1", "chainId": 31337, "verifyingContract": STRANGER},
    "message": {"owner": ALICE, "spender": BOB, "value": "1000", "nonce": "0", "deadline": "1800000000"},
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.json"


@pytest.fixture
def signer(path):
    signer = Signer(path, [])
    ask(signer, "restore", phrase=JUNK, language="", passphrase="", password=PASSWORD, profile="light")
    return signer


def ask(signer, call, **arguments):
    return result(over_the_pipe(signer, call, arguments))


def refusal(signer, call, **arguments):
    return over_the_pipe(signer, call, arguments)["error"]


def over_the_pipe(signer, call, arguments):
    request = unpack(pack({"call": call, "with": arguments})[4:])
    return unpack(pack(answer(signer, request))[4:])


def transaction(request=REQUEST, account=ALICE, **changes):
    arguments = {
        "payload": "0x" + request.unsigned_payload.hex(),
        "account": account,
        "digest": "0x" + request.signing_hash.hex(),
    }
    return {**arguments, **changes}


def delegation(account=ALICE, payer=BOB, **changes):
    frame = TransactionRequest(
        31337, NOBODY, sender=payer, nonce=7, max_priority_fee_per_gas=1, max_fee_per_gas=3, gas=46_000
    )
    asked = Delegation(frame, account, STRANGER, 5)
    arguments = {"payload": "0x" + asked.payload.hex(), "account": account, "digest": "0x" + asked.digest.hex()}
    return asked, {**arguments, **changes}


def order(kind, fields, account=ROOT_ADDRESS):
    digest = "0x" + read_order(kind, LEDGER, fields).digest.hex()
    return {"kind": kind, "ledger": "0x" + LEDGER.hex(), "order": fields, "account": account, "digest": digest}


def order_fields(kind):
    known = {"string": "EUR", "bytes32": "0x" + "11" * 32, "address": BOB.lower()}
    return {name: known.get(solidity, "7") for name, solidity in ORDER_TYPES[kind].STRUCT.fields}


def registration(chain_id, account):
    holder = "0x" + "22" * 32
    return {"holder": holder, "handle": "alice", "chainId": chain_id, "account": account.lower(), "validBefore": "9"}


def sign_in_text(account):
    return SignInText(
        domain="localhost:8000",
        address=account,
        uri="http://localhost:8000",
        chain_id=31337,
        nonce="abcdef123456",
        issued_at="2026-01-02T03:04:05Z",
        statement="Sign in to Tandem.",
    ).text


def sign_in(text, account):
    return {"text": text, "account": account, "digest": "0x" + read_sign_in(text).digest.hex()}


def message(data, account=ALICE):
    return {"data": "0x" + data.hex(), "account": account, "digest": "0x" + read_message(data).digest.hex()}


def typed_data(document, account=ALICE):
    text = json.dumps(document)
    return {"document": text, "account": account, "digest": "0x" + read_typed_data(text).digest.hex()}


def viem(**questions):
    script = ROOT / "tests/vectors/with_viem.mjs"
    done = subprocess.run(["node", script], input=json.dumps(questions).encode(), capture_output=True, check=True)
    return json.loads(done.stdout)


def test_transactions_and_texts_are_signed_as_viem_signs_them(signer):
    key = "0x" + KEYS.account(0).raw.hex()
    access = [{"address": BOB, "storageKeys": ["0x" + "01" * 32]}]
    requests = [
        REQUEST,
        TransactionRequest(1, None, 0, b"\x60\x00", None, 0, 0, 1, 100_000),
        TransactionRequest(
            10, BOB, 2**255, b"\xff" * 300, None, 2**32, 5, 6, 10**7, ((BOB, (b"\x01" * 32,)), (STRANGER, ()))
        ),
    ]
    fields = [
        {
            "chainId": r.chain_id,
            "nonce": r.nonce,
            "value": str(r.value),
            "gas": str(r.gas),
            "maxFeePerGas": str(r.max_fee_per_gas),
            "maxPriorityFeePerGas": str(r.max_priority_fee_per_gas),
            "data": "0x" + r.data.hex(),
            "accessList": [*access, {"address": STRANGER, "storageKeys": []}] if r.access_list else [],
            **({"to": r.to} if r.to else {}),
        }
        for r in requests
    ]
    text = sign_in_text(ALICE)
    peer = viem(transactions=[{"key": key, "fields": one} for one in fields], messages=[{"key": key, "text": text}])
    ours = [ask(signer, "sign_transaction", **transaction(request))["raw"] for request in requests]
    assert ours == peer["transactions"]
    assert ask(signer, "sign_in", **sign_in(text, ALICE))["signature"] == peer["messages"][0]


def test_transactions_are_signed_as_ethers_signs_them():
    cases = json.loads(gzip.decompress(TESTCASES.read_bytes()))
    usable = [c for c in cases if c["tx"].get("type") == 2 and int(str(c["tx"].get("chainId", 0)), 0)]
    assert len(usable) > 300
    for case in usable:
        request = TransactionRequest.decode(bytes.fromhex(case["unsigned"][2:]))
        key = PrivateKey(bytes.fromhex(case["key"][2:]))
        assert "0x" + SignedTransaction.join(request, key.sign(request.signing_hash)).raw.hex() == case["signed"]


def test_a_signed_transaction_is_the_one_asked_for(signer):
    done = ask(signer, "sign_transaction", **transaction())
    signed = SignedTransaction.decode(bytes.fromhex(done["raw"][2:]))
    assert signed.request == REQUEST.with_sender(ALICE)
    assert done["hash"] == signed.hash_hex
    assert done["facts"] == read_transaction(REQUEST.unsigned_payload).facts


@pytest.mark.parametrize("kind", ORDER_TYPES)
def test_orders_are_signed_by_the_root_key_alone(signer, kind):
    fields = order_fields(kind)
    signature = bytes.fromhex(ask(signer, "sign_order", **order(kind, fields))["signature"][2:])
    assert recover(order_from_json(kind, fields).digest(LEDGER), signature) == ROOT_ADDRESS.raw
    assert refusal(signer, "sign_order", **order(kind, fields, account=ALICE)) == "key-unfit"


def test_registrations_are_signed_by_the_key_that_they_name(signer):
    for chain_id, account in (("0", ROOT_ADDRESS), ("31337", ALICE)):
        fields = registration(chain_id, account)
        signature = ask(signer, "sign_order", **order(REGISTRATION, fields, account))["signature"]
        assert recover(read_order(REGISTRATION, LEDGER, fields).digest, bytes.fromhex(signature[2:])) == account.raw


@pytest.mark.parametrize(
    ("chain_id", "named", "account"),
    [("0", ALICE, ALICE), ("31337", ROOT_ADDRESS, ROOT_ADDRESS), ("0", ALICE, ROOT_ADDRESS), ("31337", BOB, ALICE)],
)
def test_other_registrations_are_not(signer, chain_id, named, account):
    assert refusal(signer, "sign_order", **order(REGISTRATION, registration(chain_id, named), account)) == "key-unfit"


def test_addresses_are_attested_by_the_root_key_alone(signer):
    fields = registration("31337", ALICE)
    del fields["handle"]
    assert ask(signer, "sign_order", **order(ATTESTATION, fields))
    assert refusal(signer, "sign_order", **order(ATTESTATION, fields, ALICE)) == "key-unfit"


def test_the_root_key_signs_no_transaction(signer):
    assert refusal(signer, "sign_transaction", **transaction(account=ROOT_ADDRESS)) == "key-unfit"


@pytest.mark.parametrize("account", [ALICE, ROOT_ADDRESS])
def test_sign_in_texts_are_signed_by_the_address_that_they_name(signer, account):
    text = sign_in_text(account)
    signature = ask(signer, "sign_in", **sign_in(text, account))["signature"]
    assert Account.recover_message(encode_defunct(text=text), signature=signature) == account
    other = ROOT_ADDRESS if account == ALICE else ALICE
    assert refusal(signer, "sign_in", **sign_in(text, other)) == "key-unfit"


def test_messages_are_signed_as_viem_signs_them(signer):
    key = "0x" + KEYS.account(0).raw.hex()
    messages = [b"", b"hello", "你好 🌱\n".encode(), b"\x00\xff" * 40, bytes(range(32)), b"x" * 10_000]
    peer = viem(messages=[{"key": key, "raw": "0x" + data.hex()} for data in messages])["messages"]
    assert [ask(signer, "sign_message", **message(data))["signature"] for data in messages] == peer


def test_typed_data_is_signed_as_viem_signs_it(signer):
    key = "0x" + KEYS.account(0).raw.hex()
    documents = [PERMIT, {**PERMIT, "message": {**PERMIT["message"], "value": str(2**256 - 1)}}]
    peer = viem(signed=[{"key": key, **document} for document in documents])["signed"]
    assert [ask(signer, "sign_typed_data", **typed_data(document))["signature"] for document in documents] == peer


def test_typed_data_of_the_public_vectors_is_signed_for_its_account(signer):
    cases = json.loads(gzip.decompress(TYPED_CASES.read_bytes()))
    assert len(cases) > 100
    kinds = {"name": "string", "version": "string", "chainId": "uint256", "verifyingContract": "address"}
    kinds["salt"] = "bytes32"
    for case in cases:
        declared = [{"name": name, "type": kind} for name, kind in kinds.items() if name in case["domain"]]
        types = {**case["types"], "EIP712Domain": declared}
        whole = {"types": types, "primaryType": case["primaryType"], "domain": case["domain"], "message": case["data"]}
        arguments = typed_data(whole)
        assert arguments["digest"] == case["digest"], case["name"]
        signature = bytes.fromhex(ask(signer, "sign_typed_data", **arguments)["signature"][2:])
        assert recover(bytes.fromhex(case["digest"][2:]), signature) == ALICE.raw


def test_the_root_key_signs_no_message_and_no_typed_data(signer):
    assert refusal(signer, "sign_message", **message(b"hello", ROOT_ADDRESS)) == "key-unfit"
    assert refusal(signer, "sign_typed_data", **typed_data(PERMIT, ROOT_ADDRESS)) == "key-unfit"


@pytest.mark.parametrize("name", ["Tandem Ledger", "tandem ledger", " Tandem  Ledger\n"])
def test_an_order_to_the_ledger_is_not_signed_as_typed_data(signer, name):
    kind = ORDER_TYPES["LedgerTransfer"]
    document = {
        "types": {
            "EIP712Domain": [{"name": n, "type": t} for n, t in (("name", "string"), ("version", "string"))]
            + [{"name": "salt", "type": "bytes32"}],
            "LedgerTransfer": [{"name": n, "type": t} for n, t in kind.STRUCT.fields],
        },
        "primaryType": "LedgerTransfer",
        "domain": {"name": name, "version": "1", "salt": "0x" + LEDGER.hex()},
        "message": order_fields("LedgerTransfer"),
    }
    digest = "0x" + read_order("LedgerTransfer", LEDGER, order_fields("LedgerTransfer")).digest.hex()
    for account in (ALICE, ROOT_ADDRESS):
        asked = {"document": json.dumps(document), "account": account, "digest": digest}
        assert refusal(signer, "sign_typed_data", **asked) == "bytes-not-understood"


def test_what_was_not_reviewed_is_not_signed(signer):
    other = "0x" + "00" * 32
    for call, arguments in (
        ("sign_transaction", transaction(digest=other)),
        ("sign_in", {**sign_in(sign_in_text(ALICE), ALICE), "digest": other}),
        ("sign_order", {**order("LedgerControl", order_fields("LedgerControl")), "digest": other}),
        ("sign_message", {**message(b"hello"), "digest": other}),
        ("sign_message", {**message(b"hello"), "data": "0x" + b"hellp".hex()}),
        ("sign_typed_data", {**typed_data(PERMIT), "digest": other}),
        ("sign_typed_data", {**typed_data(PERMIT), "document": json.dumps(PERMIT).replace('"1000"', '"1001"')}),
    ):
        assert refusal(signer, call, **arguments) == "digest-differs"


def test_a_ledgers_order_is_not_anothers(signer):
    moved = {**order("LedgerControl", order_fields("LedgerControl")), "ledger": "0x" + "00" * 32}
    assert refusal(signer, "sign_order", **moved) == "digest-differs"


def test_strange_bytes_are_not_signed(signer):
    assert refusal(signer, "sign_transaction", **transaction(payload="0x04c0")) == "bytes-not-understood"
    assert refusal(signer, "sign_transaction", **transaction(payload="02c0")) == "call-refused"
    assert refusal(signer, "sign_transaction", **transaction(payload="0xzz")) == "call-refused"
    hello = {"text": "hello", "account": ALICE, "digest": ""}
    assert refusal(signer, "sign_in", **hello) == "bytes-not-understood"
    for document in ("", "[]", "{}", json.dumps({**PERMIT, "primaryType": "Other"}), "x" * 300_000):
        asked = {"document": document, "account": ALICE, "digest": ""}
        assert refusal(signer, "sign_typed_data", **asked) == "bytes-not-understood"
    too_long = {"data": "0x" + "00" * (128 * 1024 + 1), "account": ALICE, "digest": ""}
    assert refusal(signer, "sign_message", **too_long) == "bytes-not-understood"


def test_a_strangers_account_is_not_ours(signer):
    assert refusal(signer, "sign_transaction", **transaction(account=STRANGER)) == "account-unknown"
    assert refusal(signer, "sign_transaction", **transaction(account=BOB)) == "account-unknown"
    ask(signer, "add_account")
    assert ask(signer, "sign_transaction", **transaction(account=BOB))


@pytest.mark.parametrize(
    "request_frame",
    [
        {},
        {"call": "status"},
        {"call": "main", "with": {}},
        {"call": ["status"], "with": {}},
        {"call": "status", "with": []},
        {"call": "status", "with": {"more": 1}},
        {"call": "unlock", "with": {}},
        {"call": "unlock", "with": {"password": 1}},
        {"call": "create", "with": {"words": True, "password": PASSWORD, "profile": "light"}},
        {"call": "create", "with": {"words": 12, "password": PASSWORD, "profile": "none"}},
        {"call": "_open", "with": {}},
    ],
)
def test_other_calls_are_refused(path, request_frame):
    assert answer(Signer(path, []), request_frame)["error"] == "call-refused"
    assert not path.exists()


def test_without_a_password_nothing_is_signed(signer, path):
    locked = Signer(path, [])
    assert ask(locked, "status")["unlocked"] is False
    assert ask(locked, "status")["accounts"] == [
        {"path": "m/44'/60'/0'/0/0", "address": ALICE, "phrase": 0, "name": ""}
    ]
    for call in ("sign_transaction", "add_account"):
        arguments = transaction() if call == "sign_transaction" else {}
        assert refusal(locked, call, **arguments) == "signer-locked"
    assert refusal(locked, "unlock", password="wrong password") == "vault-unopened"
    assert refusal(locked, "sign_transaction", **transaction()) == "signer-locked"
    assert ask(locked, "unlock", password=PASSWORD)["unlocked"]
    assert ask(locked, "sign_transaction", **transaction())


def test_a_new_wallet_is_backed_up_once_words_are_proved(path):
    signer = Signer(path, [])
    made = ask(signer, "create", words=12, password=PASSWORD, profile="light")
    assert (len(made["words"]), len(made["gloss"]), made["language"]) == (12, 12, "english")
    assert ask(signer, "status")["backed_up"] is False
    words = {str(n): made["words"][n - 1] for n in (2, 7, 11)}
    assert refusal(signer, "prove_backup", words={"2": words["2"], "7": words["7"]}) == "word-count-wrong"
    wrong = answer(signer, {"call": "prove_backup", "with": {"words": {**words, "7": "zoo zoo"}}})
    assert (wrong["error"], wrong["fields"]) == ("phrase-differs", {"positions": [7]})
    assert ask(signer, "status")["backed_up"] is False
    assert ask(signer, "prove_backup", words=words)["backed_up"]
    assert ask(Signer(path, []), "status")["backed_up"]
    assert ask(Signer(path, []), "reveal", password=PASSWORD)["words"] == made["words"]
    assert refusal(Signer(path, []), "reveal", password="wrong password") == "vault-unopened"


def test_a_vault_is_never_made_twice(signer):
    assert refusal(signer, "create", words=12, password=PASSWORD, profile="light") == "vault-exists"
    again = {"phrase": JUNK, "language": "", "passphrase": "", "password": PASSWORD, "profile": "light"}
    assert refusal(signer, "restore", **again) == "vault-exists"


def test_a_chinese_phrase_needs_a_decision(path):
    signer = Signer(path, [])
    phrase = Mnemonic(bytes(range(16)), Language.CHINESE_TRADITIONAL).text
    found = ask(signer, "readings", phrase=phrase, passphrase="", accounts=2)["readings"]
    assert [one["language"] for one in found] == ["chinese-traditional", "chinese-simplified"]
    assert len({one["root"] for one in found}) == 2
    restore = {"phrase": phrase, "passphrase": "", "password": PASSWORD, "profile": "light"}
    assert refusal(signer, "restore", **restore, language="") == "phrase-ambiguous"
    assert not path.exists()
    chosen = ask(signer, "restore", **restore, language="chinese-simplified")
    assert chosen["root"] == found[1]["root"]
    assert [one["address"] for one in chosen["accounts"]] == found[1]["accounts"][:1]


def test_a_passphrase_opens_another_wallet(path):
    signer = Signer(path, [])
    plain = ask(signer, "readings", phrase=JUNK, passphrase="", accounts=1)["readings"]
    with_it = ask(signer, "readings", phrase=JUNK, passphrase="x", accounts=1)["readings"]
    assert plain != with_it
    restore = {"phrase": JUNK, "language": "", "passphrase": "x", "password": PASSWORD, "profile": "light"}
    assert ask(signer, "restore", **restore)["root"] == with_it[0]["root"]
    assert ask(Signer(path, []), "unlock", password=PASSWORD)["root"] == with_it[0]["root"]


def test_secrets_stay_out_of_repr(signer):
    assert KEYS.account(0).raw.hex() not in repr(signer)
    assert "Mnemonic" not in repr(signer)


def test_every_call_is_tried_here_or_beside():
    tests = ("test_signer.py", "test_keeper.py", "test_recovery.py", "test_restoring.py", "test_guard.py")
    tried = "".join(Path(__file__).with_name(name).read_text() for name in tests)
    assert [call for call in _CALLS if f'"{call}"' not in tried] == []


def test_a_delegation_is_authorized_by_one_account_and_paid_by_another(signer):
    asked, arguments = delegation()
    assert refusal(signer, "sign_delegation", **arguments) == "account-unknown", "who pays has to be ours too"
    ask(signer, "add_account")
    signed = SignedDelegation.decode(bytes.fromhex(ask(signer, "sign_delegation", **arguments)["raw"][2:]))
    assert signed.delegation == asked, "account and payer are recovered from the signatures"
    itself, alone = delegation(payer=ALICE)
    answered = ask(signer, "sign_delegation", **alone)
    assert SignedDelegation.decode(bytes.fromhex(answered["raw"][2:])).delegation == itself
    assert answered["facts"]["delegate"] == STRANGER


def test_i14_a_delegation_is_signed_by_no_other_call_and_for_no_other_digest(signer):
    ask(signer, "add_account")
    asked, arguments = delegation()
    payload, hashed = arguments["payload"], "0x" + asked.authorization_hash.hex()
    assert refusal(signer, "sign_delegation", **{**arguments, "digest": hashed}) == "digest-differs"
    assert refusal(signer, "sign_delegation", **{**arguments, "account": BOB}) == "key-unfit", "it names who authorizes"
    for root in (delegation(account=ROOT_ADDRESS)[1], delegation(payer=ROOT_ADDRESS)[1]):
        assert refusal(signer, "sign_delegation", **root) == "key-unfit"
    assert refusal(signer, "sign_transaction", **{**arguments, "payload": payload}) == "bytes-not-understood"
    assert refusal(signer, "sign_delegation", **transaction()) == "bytes-not-understood"
    everywhere = "0x04" + payload[4:].replace("827a69", "80", 1)
    assert refusal(signer, "sign_delegation", **{**arguments, "payload": everywhere}) == "bytes-not-understood"
