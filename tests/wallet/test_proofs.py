"""What the server signed is checked here; what it did not is refused, and so is a history that changed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from coincurve import PrivateKey

from fiat.chart import SourceKind, TransferCode
from fiat.currency import Currency
from fiat.head import Balance, Head, chain_head, chain_link
from fiat.holder import HolderGenesis, account_id
from fiat.order import LedgerControl, LedgerHold, LedgerTransfer, SignedOrder, address_digest
from fiat.record import GenesisRecord, KeyAction, KeyRecord, TransferRecord, leaf_hash, ledger_id
from fiat.seal import MerkleTree, seal_batch
from fiat.signature import address_of
from fiat.transfer import TransferFlags
from fiat.uses import use_source
from wallet.errors import AnswerUnfit, HeadRefused, ProofMissing, ServerRefused, ServerUnreachable
from wallet.heads import Kept, check_extends, judge, read_head
from wallet.proofs import Use, read_address, read_card, read_ledger, read_receipt, read_use_receipt

EUR = Currency("EUR", 2)
BLIND = b"\x0b" * 32


@dataclass(frozen=True)
class Key:
    """A secp256k1 key of the tests."""

    number: int

    @property
    def address(self):
        return address_of(PrivateKey.from_int(self.number).public_key)

    def sign_digest(self, digest):
        signature = PrivateKey.from_int(self.number).sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


OPERATOR, ROOT, STRANGER = Key(11), Key(12), Key(13)
GENESIS = GenesisRecord(sequence=0, timestamp=1, operator=OPERATOR.address, random=b"\5" * 32).encode()
LEDGER_ID = ledger_id(GENESIS)
HOLDER = HolderGenesis(ROOT.address, b"\6" * 32)


def ledger_document(**changes):
    document = {
        "ledger_id": "0x" + LEDGER_ID.hex(),
        "genesis_record": "0x" + GENESIS.hex(),
        "currencies": [{"code": "EUR", "exponent": 2}],
        "fees": [{"kind": "transfer", "currency": "EUR", "fixed_minor": "10", "rate_ppm": 2500}],
    }
    return {**document, **changes}


LEDGER = read_ledger("server", ledger_document())


def head_document(count, head, key=OPERATOR, **changes):
    balance = Balance(account_id(HOLDER.holder_id, EUR), "EUR", 2, 0, 4000, 0, 25000)
    unsigned = Head(
        holder=HOLDER.holder_id, count=count, head=head, balances=(balance,), sequence=9, timestamp=5, signature=b""
    )
    signature = key.sign_digest(unsigned.digest(LEDGER_ID))
    shown = {
        "account": "0x" + balance.account.to_bytes(32, "big").hex(),
        "currency": "EUR",
        "exponent": "2",
        "debitsPending": "0",
        "debitsPosted": "4000",
        "creditsPending": "0",
        "creditsPosted": "25000",
    }
    document = {
        "holder": "0x" + HOLDER.holder_id.hex(),
        "count": str(count),
        "head": "0x" + head.hex(),
        "balances": [shown],
        "sequence": "9",
        "timestamp": "5",
        "signature": "0x" + signature.hex(),
    }
    return {**document, **changes}


def chain(leaves, start=None):
    head = start or HOLDER.holder_id
    for count, leaf in enumerate(leaves, 1):
        head = chain_head(HOLDER.holder_id, chain_link(BLIND, count, head), leaf)
    return head


def test_the_ledger_is_its_genesis_record():
    assert LEDGER.id == LEDGER_ID and LEDGER.operator == OPERATOR.address
    fees = [LEDGER.fee_minor("transfer", "EUR", amount_minor) for amount_minor in (4000, 1)]
    assert fees == [20, 11], "rounded up"
    assert LEDGER.fee_minor("withdrawal", "EUR", 4000) == LEDGER.fee_minor("transfer", "USD", 4000) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"ledger_id": "0x" + "00" * 32},
        {"genesis_record": "0x" + GENESIS.hex() + "00"},
        {"genesis_record": "0x00"},
        {"genesis_record": "0x" + GENESIS[:-1].hex() + "ff"},
    ],
)
def test_a_ledger_that_does_not_follow_from_its_record_is_refused(changes):
    with pytest.raises(ProofMissing):
        read_ledger("server", ledger_document(**changes))


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"ledger_id": 5},
        ledger_document(currencies="EUR"),
        ledger_document(fees=[{"kind": "transfer", "rate_ppm": "1"}]),
    ],
)
def test_another_shape_is_unfit(document):
    with pytest.raises(AnswerUnfit):
        read_ledger("server", document)


def read(document):
    return read_head("server", document, LEDGER_ID, OPERATOR.address, HOLDER.holder_id)


def test_a_signed_head_is_read():
    head = read(head_document(2, chain([b"\1" * 32, b"\2" * 32])))
    assert head.count == 2 and head.balances[0].available == 21000


@pytest.mark.parametrize(
    "document",
    [
        head_document(2, b"\1" * 32, key=STRANGER),
        head_document(2, b"\1" * 32, sequence="10"),
        head_document(2, b"\1" * 32, holder="0x" + "01" * 32),
        {**head_document(2, b"\1" * 32), "balances": []},
    ],
)
def test_a_head_that_the_operator_did_not_sign_is_refused(document):
    with pytest.raises(ProofMissing):
        read(document)


@pytest.mark.parametrize("field", ["count", "head", "balances", "signature", "timestamp"])
@pytest.mark.parametrize("value", [None, -1, "01", "0xZZ", 1.5, {}])
def test_a_malformed_head_is_unfit(field, value):
    with pytest.raises(AnswerUnfit):
        read({**head_document(2, b"\1" * 32), field: value})


LEAVES = [bytes([n]) * 32 for n in range(1, 5)]


def test_a_head_extends_the_one_that_is_kept():
    kept = Kept(2, chain(LEAVES[:2]))
    head = read(head_document(4, chain(LEAVES)))
    assert check_extends("server", kept, head, BLIND, LEAVES[2:]) == Kept(4, head.head)
    same = read(head_document(2, kept.head))
    assert check_extends("server", kept, same, BLIND, []) == kept


@pytest.mark.parametrize(
    ("kept", "leaves"),
    [
        (Kept(2, chain([LEAVES[1], LEAVES[0]])), LEAVES[2:]),  # another past
        (Kept(4, b"\xee" * 32), []),  # as long, but another
        (Kept(5, chain(LEAVES)), []),  # shorter than before
        (Kept(2, chain(LEAVES[:2])), LEAVES[2:3]),  # a record left out
    ],
)
def test_a_head_that_does_not_is_refused(kept, leaves):
    with pytest.raises(HeadRefused):
        check_extends("server", kept, read(head_document(4, chain(LEAVES))), BLIND, leaves)


HEAD = {
    "holder": HOLDER.holder_id,
    "key_epoch": 1,
    "nonce": b"\2" * 32,
    "valid_after": 1,
    "valid_before": 2,
    "seen_head": HOLDER.holder_id,
}
ORDER = LedgerTransfer(
    **HEAD,
    payee=b"\3" * 32,
    shown=b"\4" * 32,
    currency="EUR",
    exponent=2,
    amount_minor=4000,
    total_max_minor=4000,
)
SIGNED = SignedOrder(ORDER, ROOT.sign_digest(ORDER.digest(LEDGER_ID)))


def receipt_document(order=SIGNED, key=OPERATOR, **changes):
    fields = {
        "sequence": 7,
        "timestamp": 9,
        "id": 1,
        "debit_account_id": account_id(HOLDER.holder_id, EUR),
        "credit_account_id": account_id(ORDER.payee, EUR),
        "amount": 4000,
        "ledger": EUR.ledger,
        "code": int(TransferCode.TRANSFER),
        "debit_holder": HOLDER.holder_id,
        "credit_holder": ORDER.payee,
        "order": order,
    }
    return sealed(TransferRecord(**(fields | changes)), key)


def sealed(record, key=OPERATOR):
    """A receipt of that record, as a server answers it."""
    record = record.encode()
    leaves = [leaf_hash(b"before"), leaf_hash(record), leaf_hash(b"after")]
    tree = MerkleTree(leaves)
    seal = seal_batch(key, LEDGER_ID, number=3, previous=b"\1" * 32, first_sequence=6, tree=tree, timestamp=9)
    return {
        "record": "0x" + record.hex(),
        "path": ["0x" + node.hex() for node in tree.path(1)],
        "seal": {
            "number": "3",
            "previous": "0x" + seal.previous.hex(),
            "firstSequence": "6",
            "size": "3",
            "root": "0x" + seal.root.hex(),
            "counters": "0x" + seal.counters.hex(),
            "timestamp": "9",
            "signature": "0x" + seal.signature.hex(),
        },
    }


def receive(document):
    return read_receipt("server", document, LEDGER, ORDER, SIGNED.signature)


def test_a_receipt_for_this_order_is_read():
    assert receive(receipt_document()).order.order == ORDER


USD, MALLORY = Currency("USD", 2), b"\x0d" * 32


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 4001},
        {"leg": 1},
        {"debit_holder": bytes(32)},
        {"flags": 2},
        {"credit_holder": MALLORY},
        {"credit_account_id": account_id(MALLORY, EUR)},
        {"credit_holder": MALLORY, "credit_account_id": account_id(MALLORY, EUR)},
        {"debit_account_id": account_id(HOLDER.holder_id, USD), "credit_account_id": account_id(ORDER.payee, USD)},
    ],
)
def test_a_receipt_of_a_record_that_does_something_else_is_refused(changes):
    with pytest.raises(ProofMissing):
        receive(receipt_document(**changes))


HELD = LedgerHold(
    **HEAD,
    captor=b"\3" * 32,
    shown=b"\4" * 32,
    currency="EUR",
    exponent=2,
    amount_minor=4000,
    total_max_minor=4000,
    until=9,
)
CAPTURE = Use("capture", HELD, b"\3" * 32, b"\5" * 32, 1500)


def use_document(**changes):
    fields = {
        "sequence": 7,
        "timestamp": 9,
        "id": 1,
        "debit_account_id": account_id(HELD.holder, EUR),
        "credit_account_id": account_id(HELD.captor, EUR),
        "amount": 1500,
        "pending_id": 4,
        "ledger": EUR.ledger,
        "code": int(TransferCode.HOLD),
        "flags": int(TransferFlags.POST_PENDING_TRANSFER | TransferFlags.LINKED),
        "debit_holder": HELD.holder,
        "credit_holder": HELD.captor,
        "user_data_128": int.from_bytes(HELD.digest(LEDGER_ID)[:16], "big"),
        "leg": 1,
        "source_kind": int(SourceKind.USE),
        "source_id": use_source(HELD.holder, HELD.nonce, CAPTURE.id),
    }
    return sealed(TransferRecord(**(fields | changes)))


def test_a_receipt_for_a_use_is_read():
    assert read_use_receipt("server", use_document(), LEDGER, CAPTURE).amount == 1500
    freed = use_document(flags=int(TransferFlags.VOID_PENDING_TRANSFER), amount=4000)
    assert read_use_receipt("server", freed, LEDGER, replace(CAPTURE, action="release", amount_minor=0)).amount == 4000


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 1499},
        {"source_id": use_source(HELD.holder, HELD.nonce, b"\6" * 32)},
        {"source_kind": int(SourceKind.QUOTE)},
        {"user_data_128": 1},
        {"debit_holder": HELD.captor},
        {"credit_holder": HELD.holder},
        {"credit_account_id": account_id(MALLORY, EUR)},
        {"debit_account_id": account_id(HELD.holder, USD), "credit_account_id": account_id(HELD.captor, USD)},
        {"flags": int(TransferFlags.PENDING)},
        {"flags": int(TransferFlags.VOID_PENDING_TRANSFER)},
        {"code": int(TransferCode.COLLECTION)},
    ],
)
def test_a_receipt_for_another_use_is_refused(changes):
    with pytest.raises(ProofMissing):
        read_use_receipt("server", use_document(**changes), LEDGER, CAPTURE)


def test_a_receipt_for_a_control_is_read():
    order = LedgerControl(**HEAD, action="key-add", subject=b"\1" * 32)
    signed = SignedOrder(order, ROOT.sign_digest(order.digest(LEDGER_ID)))
    fields = {"sequence": 7, "timestamp": 9, "holder": HOLDER.holder_id, "link": bytes(32), "epoch": 1}
    fields |= {"action": int(KeyAction.KEY_ADD), "key": b"\1" * 20, "order": signed}
    good = KeyRecord(**fields, subject=b"\1" * 32, effective_at=9 + 48 * 3600 * 10**9)
    assert read_receipt("server", sealed(good), LEDGER, order, signed.signature).epoch == 1
    others = [{"subject": bytes(32)}, {"value": 1}, {"holder": bytes(32)}, {"effective_at": 9}]
    for other in (replace(good, **changes) for changes in [*others, {"action": int(KeyAction.KEY_REVOKE)}]):
        with pytest.raises(ProofMissing):
            read_receipt("server", sealed(other), LEDGER, order, signed.signature)


def test_a_receipt_for_another_order_or_by_another_operator_is_refused():
    other = replace(ORDER, amount_minor=4001)
    dishonest = SignedOrder(other, ROOT.sign_digest(other.digest(LEDGER_ID)))
    for document in (receipt_document(dishonest), receipt_document(key=STRANGER), receipt_document(order=None)):
        with pytest.raises(ProofMissing):
            receive(document)
    moved = receipt_document()
    moved["path"] = moved["path"][::-1]
    with pytest.raises(ProofMissing):
        receive(moved)


def card_document(**changes):
    document = {"handle": "bob", "holder": "0x" + HOLDER.holder_id.hex(), "genesis": "0x" + HOLDER.document.hex()}
    return {**document, **changes}


def test_a_card_follows_from_its_genesis_document():
    card = read_card("server", card_document(), "bob")
    assert card.holder == HOLDER.holder_id and card.root == ROOT.address
    swapped = HolderGenesis(STRANGER.address, b"\6" * 32)
    for changes in ({"genesis": "0x" + swapped.document.hex()}, {"handle": "mallory"}, {"genesis": "0x00"}):
        with pytest.raises(ProofMissing):
            read_card("server", card_document(**changes), "bob")


def address_document(key=ROOT, chain_id=31337, valid_before=100, account=b"\x11" * 20):
    digest = address_digest(
        LEDGER_ID, holder=HOLDER.holder_id, chain_id=31337, account=b"\x11" * 20, valid_before=valid_before
    )
    attestation = {"valid_before": str(valid_before), "signature": "0x" + key.sign_digest(digest).hex()}
    return {"address": "0x" + account.hex(), "chain_id": chain_id, "attestation": attestation}


def test_an_address_is_the_payees_only_by_their_root_key():
    card = read_card("server", card_document(), "bob")
    assert read_address("server", address_document(), LEDGER, card, 31337, 99) == b"\x11" * 20
    for document in (
        address_document(key=STRANGER),
        address_document(account=b"\x22" * 20),
        address_document(chain_id=1),
        address_document(valid_before=99),
    ):
        with pytest.raises(ProofMissing):
            read_address("server", document, LEDGER, card, 31337, 99)


def test_answers_that_are_no_answers():
    assert judge("server", 200, {"a": 1}, "/x") == {"a": 1}
    with pytest.raises(ServerRefused) as refused:
        judge(
            "server", 409, {"type": "/problems/handle_taken", "title": "no", "status": 409, "handle": "bob"}, "/users"
        )
    assert (refused.value.slug, refused.value.facts) == ("handle_taken", {"handle": "bob"})
    with pytest.raises(ServerUnreachable):
        judge("server", 502, None, "/x")
    with pytest.raises(AnswerUnfit):
        judge("server", 200, None, "/x?y=1")
