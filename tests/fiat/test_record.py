"""Records, chains, seals, receipts and heads: canonical bytes, and nothing else accepted."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from coincurve import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from fiat.errors import ProofRefused, RecordMalformed
from fiat.head import Balance, Head, chain_head, chain_link, follow
from fiat.layout import HEADER, LEG, MOVEMENT, ORDER_TYPE, order_layout
from fiat.order import ORDER_TYPES, LedgerControl, LedgerHold, LedgerTransfer, SignedOrder
from fiat.record import (
    RECORD_TYPES,
    AccountRecord,
    ExpiryRecord,
    GenesisRecord,
    KeyRecord,
    OperatorRecord,
    Record,
    TransferRecord,
    decode,
    encode_transfer,
    leaf_hash,
)
from fiat.seal import MerkleTree, Receipt, merkle_root, root_of_path, seal_batch
from fiat.signature import address_of

B32 = bytes(range(32))
COMMON = {"holder": B32, "key_epoch": 1, "nonce": b"\x11" * 32, "valid_after": 1, "valid_before": 2, "seen_head": B32}
TRANSFER = LedgerTransfer(
    **COMMON, payee=b"\x22" * 32, shown=B32, currency="EUR", exponent=2, amount_minor=4000, total_max_minor=4000
)
ORDERS = [
    TRANSFER,
    LedgerHold(
        **COMMON,
        captor=B32,
        shown=B32,
        currency="USD",
        exponent=2,
        amount_minor=1,
        total_max_minor=2,
        until=3,
        reference=b"\x01" * 32,
    ),
    LedgerControl(**COMMON, action="freeze"),
]
MOVES = {"id": 1, "debit_account_id": 2**127, "credit_account_id": 3, "amount": 2**63 - 1, "ledger": 978, "code": 1}
RECORDS: list[Record] = [
    GenesisRecord(sequence=0, timestamp=1, operator=b"\x33" * 20, random=B32),
    AccountRecord(
        sequence=1,
        timestamp=2,
        id=7,
        holder=B32,
        link=B32,
        currency="EUR",
        exponent=2,
        purpose="main",
        ledger=1,
        code=1,
        flags=2,
    ),
    KeyRecord(sequence=2, timestamp=3, holder=B32, link=B32, action=1, epoch=1, key=b"\x44" * 20, blind=b"\x55" * 32),
    KeyRecord(
        sequence=2,
        timestamp=3,
        holder=B32,
        link=B32,
        action=4,
        epoch=1,
        key=bytes(20),
        order=SignedOrder(LedgerControl(**COMMON, action="freeze"), b"\x66" * 65),
    ),
    TransferRecord(sequence=3, timestamp=4, **MOVES),
    TransferRecord(sequence=3, timestamp=4, **MOVES, order=SignedOrder(TRANSFER, b"\x77" * 65)),
    ExpiryRecord(sequence=4, timestamp=5, pending_id=1, debit_account_id=2, credit_account_id=3, amount=4, ledger=5),
    OperatorRecord(
        sequence=5,
        timestamp=6,
        **MOVES,
        reason=1,
        nonce=B32,
        officer_1=b"\x01" * 20,
        signature_1=b"\x02" * 65,
        officer_2=b"\x03" * 20,
        signature_2=b"\x04" * 65,
    ),
]
# The format is final: these digests change only if a record that was written once could no longer be read.
GOLDEN = Path(__file__).parent / "golden_records.txt"
READ_AS = {"u": "unsigned", "b": "bytes", "t": "ASCII, NUL-padded"}
KEY = PrivateKey(b"\x09" * 32)
OPERATOR = address_of(KEY.public_key)


class Operator:
    address = OPERATOR

    def sign_digest(self, digest: bytes) -> bytes:
        signature = KEY.sign_recoverable(digest, hasher=None)
        return signature[:64] + bytes([signature[64] + 27])


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_a_record_reads_back(record: Record) -> None:
    assert decode(record.encode()) == record


def test_the_bytes_are_those_of_the_first_version() -> None:
    lines = [f"{type(r).__name__} {len(r.encode())} {sha256(r.encode()).hexdigest()}" for r in RECORDS]
    assert lines == GOLDEN.read_text().splitlines()


@pytest.mark.parametrize("signed", [None, *(SignedOrder(order, b"\x77" * 65) for order in ORDERS)])
def test_a_transfer_packed_in_one_pass_has_the_same_bytes(signed: SignedOrder | None) -> None:
    record = TransferRecord(sequence=3, timestamp=4, **MOVES, leg=2, debit_link=b"\x12" * 32, order=signed)
    names = [name for name, _, _ in MOVEMENT + LEG]
    assert encode_transfer(3, 4, [getattr(record, name) for name in names], signed) == record.encode()
    names[0] = "sequence"  # another id
    assert encode_transfer(3, 4, [getattr(record, name) for name in names], signed) != record.encode()


def test_a_transfer_that_does_not_fit_is_refused_in_one_pass_too() -> None:
    values = [getattr(RECORDS[4], name) for name, _, _ in MOVEMENT + LEG]
    for at, wrong in ((0, 2**128), (10, 2**16), (12, b"1")):
        with pytest.raises(RecordMalformed):
            encode_transfer(3, 4, [*values[:at], wrong, *values[at + 1 :]], None)


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_only_canonical_bytes_are_records(record: Record) -> None:
    body = record.encode()
    for wrong in (body[:-1], body + b"\0", b"\x02" + body[1:], body[:1] + b"\x09" + body[2:], b""):
        with pytest.raises(RecordMalformed):
            decode(wrong)


def test_padding_hides_nothing() -> None:
    body = RECORDS[1].encode()
    at = body.index(b"main") + 10
    with pytest.raises(RecordMalformed):
        decode(body[:at] + b"x" + body[at + 1 :])


def test_values_that_do_not_fit_are_refused() -> None:
    for record in (
        replace(RECORDS[4], amount=2**128),
        replace(RECORDS[4], code=2**16),
        replace(RECORDS[1], holder=b"1"),
    ):
        with pytest.raises(RecordMalformed):
            record.encode()


@given(st.integers(1, 70), st.data())
def test_merkle_paths_prove_their_place_only(size: int, data: st.DataObject) -> None:
    leaves = [sha256(bytes([i])).digest() for i in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path = MerkleTree(leaves).path(index)
    root = merkle_root(leaves)
    assert root_of_path(leaves[index], index, size, path) == root
    for wrong_path in ([*path, B32], path[:-1]):
        if wrong_path != path:
            with pytest.raises(ProofRefused):
                root_of_path(leaves[index], index, size, wrong_path)
    other = (index + 1) % size
    if other != index:
        with contextlib.suppress(ProofRefused):
            assert root_of_path(leaves[index], other, size, path) != root
    with pytest.raises(ProofRefused):
        root_of_path(leaves[index], size, size, path)


def test_merkle_root_of_rfc_9162() -> None:
    # RFC 6962/9162 test inputs of the Certificate Transparency reference implementation (certificate-transparency-go).
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [leaf_hash(bytes.fromhex(text)) for text in inputs]
    assert merkle_root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle_root(leaves[:2]).hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert merkle_root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


def test_a_chain_binds_every_leaf_and_its_place() -> None:
    holder, blind, leaves = B32, b"\x05" * 32, [bytes([i]) * 32 for i in range(5)]
    count, head = follow(holder, blind, 0, holder, leaves)
    assert (count, head) == (
        5,
        follow(holder, blind, 2, follow(holder, blind, 0, holder, leaves[:2])[1], leaves[2:])[1],
    )
    for forged in (leaves[::-1], leaves[:4], [*leaves[:4], bytes(32)]):
        assert follow(holder, blind, 0, holder, forged)[1] != head
    # A counterparty knows the leaf and the link of a shared record, not what the link was made of.
    assert (
        chain_head(holder, chain_link(blind, 1, holder), leaves[0]) == follow(holder, blind, 0, holder, leaves[:1])[1]
    )
    assert chain_link(blind, 1, holder) != chain_link(bytes(32), 1, holder)


def receipt(index: int = 1) -> Receipt:
    bodies = [replace(r, sequence=10 + i).encode() for i, r in enumerate(RECORDS[:3])]
    leaves = [leaf_hash(body) for body in bodies]
    seal = seal_batch(Operator(), B32, number=3, previous=B32, first_sequence=10, tree=MerkleTree(leaves), timestamp=9)
    return Receipt(bodies[index], tuple(MerkleTree(leaves).path(index)), seal)


def test_a_receipt_holds_the_operator_to_a_record() -> None:
    for index in range(3):
        assert receipt(index).check(B32, OPERATOR).sequence == 10 + index


@pytest.mark.parametrize(
    "change",
    [
        {"record": replace(RECORDS[1], sequence=11, flags=1).encode()},
        {"record": replace(RECORDS[1], sequence=12).encode()},
        {"path": ()},
        {"seal": replace(receipt().seal, root=bytes(32))},
        {"seal": replace(receipt().seal, previous=bytes(32))},
        {"seal": replace(receipt().seal, timestamp=8)},
        {"seal": replace(receipt().seal, signature=bytes(65))},
    ],
)
def test_a_receipt_that_was_touched_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ProofRefused):
        receipt()._replace(**change).check(B32, OPERATOR)  # type: ignore[arg-type]
    with pytest.raises(ProofRefused):
        receipt().check(bytes(32), OPERATOR)
    with pytest.raises(ProofRefused):
        receipt().check(B32, bytes(20))


def test_a_head_signs_the_balances_in_it() -> None:
    balance = Balance(7, "EUR", 2, 100, 2000, 0, 25000)
    head = Head(holder=B32, count=4, head=B32, balances=(balance,), sequence=12, timestamp=1)
    signed = replace(head, signature=Operator().sign_digest(head.digest(B32)))
    signed.check(B32, OPERATOR)
    assert (balance.booked, balance.available) == (23000, 22900)
    for forged in (
        replace(signed, count=5),
        replace(signed, balances=()),
        replace(signed, balances=(replace(balance, credits_posted=24000),)),
    ):
        with pytest.raises(ProofRefused):
            forged.check(B32, OPERATOR)


def test_the_docs_table_is_the_layout() -> None:
    assert Path("docs/records.md").read_text() == records_table()


def records_table() -> str:
    """docs/records.md, printed from the layouts."""
    parts = [("every record", HEADER)]
    parts += [(f"{kind.name.lower()} (kind {kind.value})", t.LAYOUT) for kind, t in RECORD_TYPES.items()]  # type: ignore[attr-defined]
    parts += [("key and transfer records end with", ORDER_TYPE)]
    parts += [(f"order type {t.CODE}: {name}", order_layout(t)) for name, t in ORDER_TYPES.items()]
    lines = [Path("docs/records.head.md").read_text().rstrip(), ""]
    for title, layout in parts:
        lines += [
            f"## {title}: {sum(width for _, width, _ in layout)} bytes",
            "",
            "| offset | field | bytes | as |",
            "|---|---|---|---|",
        ]
        offset = 0
        for name, width, kind in layout:
            lines.append(f"| {offset} | `{name}` | {width} | {READ_AS[kind]} |")
            offset += width
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
