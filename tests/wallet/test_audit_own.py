"""A person's receipts and heads against each other, their chain and an export: honest ones agree, lies are told."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from fiat.audit import audit
from fiat.head import Balance, Head
from fiat.order import ZERO_32
from fiat.record import leaf_hash
from fiat.seal import MerkleTree, Seal, merkle_root
from tests.fiat.conftest import OPERATOR_KEY
from tests.fiat.forgery import Forger
from tests.fiat.journal_maker import ALICE, number, one_of_everything
from wallet.audit_own import Pinned, against_chain, against_export, contradictions, read_heads, read_receipts

MADE = one_of_everything()
DATA = Forger(MADE.batches, MADE.seal_times).data
REPORT = audit(io.BytesIO(DATA), ALICE.id)
PINNED = Pinned(MADE.ledger_id, OPERATOR_KEY.address, ALICE.id, number(f"blind {ALICE.id}"))
BATCHES = Forger.of(DATA).batches


def hexed(value):
    return "0x" + value.hex()


def sealed(batch, **changes):
    """The seal of a batch of the export, read from its bytes; signed again where something is another."""
    at = 16
    for number_, records in enumerate(BATCHES):
        wire = DATA[at : at + 193]
        at += 193 + sum(4 + len(record.encode()) for record in records)
        if number_ == batch:
            break
    integers = {"number": wire[:8], "first_sequence": wire[40:48], "size": wire[48:56], "timestamp": wire[120:128]}
    fields = {name: int.from_bytes(raw, "big") for name, raw in integers.items()}
    seal = Seal(previous=wire[8:40], root=wire[56:88], counters=wire[88:120], signature=wire[128:], **fields)
    return signed(replace(seal, **changes)) if changes else seal


def signed(thing):
    return replace(thing, signature=OPERATOR_KEY.sign_digest(thing.digest(MADE.ledger_id)))


def receipt(batch, place, seal=None, body=None):
    """The JSON of a receipt, as the client keeps it."""
    seal = seal or sealed(batch)
    bodies = [record.encode() for record in BATCHES[batch]]
    path = MerkleTree([leaf_hash(one) for one in bodies]).path(place)
    names = {"number": "number", "first_sequence": "firstSequence", "size": "size", "timestamp": "timestamp"}
    document = {json: str(getattr(seal, name)) for name, json in names.items()}
    document |= {name: hexed(getattr(seal, name)) for name in ("previous", "root", "counters", "signature")}
    return {"record": hexed(body or bodies[place]), "path": [hexed(node) for node in path], "seal": document}


def head(count, **changes):
    own = REPORT.own[count - 1]
    balances = tuple(
        Balance(account, "EUR" if account == ALICE.account else "USD", 2, *four)
        for account, four in own.balances.items()
    )
    fields = {"holder": ALICE.id, "count": count, "head": own.head, "balances": balances, "sequence": own.sequence}
    return signed(Head(**(fields | {"timestamp": MADE.now} | changes)))


def spelled(made):
    """The JSON of a head, as the client keeps it."""
    rows = [
        {
            "account": hexed(b.account.to_bytes(32, "big")),
            "currency": b.currency,
            "exponent": str(b.exponent),
            "debitsPending": str(b.debits_pending),
            "debitsPosted": str(b.debits_posted),
            "creditsPending": str(b.credits_pending),
            "creditsPosted": str(b.credits_posted),
        }
        for b in made.balances
    ]
    numbers = {name: str(getattr(made, name)) for name in ("count", "sequence", "timestamp")}
    return {"holder": hexed(made.holder), "head": hexed(made.head), "balances": rows, **numbers} | {
        "signature": hexed(made.signature)
    }


def places():
    """Batch and place of each transfer that carries an order of Alice's."""
    for batch, records in enumerate(BATCHES):
        for place, record in enumerate(records):
            if getattr(record, "order", None) is not None and record.order.order.holder == ALICE.id:
                yield batch, place


RECEIPTS = {f"{batch}.{place}": receipt(batch, place) for batch, place in places()}
HEADS = [spelled(head(count)) for count in (2, 5, 9, len(REPORT.own))]
LEAVES = [own.leaf for own in REPORT.own]


def found(receipts=RECEIPTS, heads=HEADS, leaves=LEAVES, report=REPORT):
    """The codes of all that does not hold."""
    read, findings = read_receipts(PINNED, receipts)
    seen, refused = read_heads(PINNED, heads)
    all_ = findings + refused + contradictions(PINNED, read, seen)
    all_ += against_chain(PINNED, leaves, read, seen) + against_export(PINNED, report, read, seen)[0]
    return {finding.code for finding in all_}


def test_an_honest_operator_contradicts_nothing():
    assert len(RECEIPTS) > 10 and found() == set()
    read, seen = read_receipts(PINNED, RECEIPTS)[0], read_heads(PINNED, HEADS)[0]
    assert against_export(PINNED, REPORT, read, seen) == ([], len(RECEIPTS) + len(HEADS))


def test_an_export_that_ends_before_is_no_contradiction():
    shorter = Forger(MADE.batches[:6], MADE.seal_times[:6])
    report = audit(io.BytesIO(shorter.data), ALICE.id)
    assert report.honest and found(report=report) == set()


def another_journal():
    """Alice's second payment never happened."""
    forger = Forger(MADE.batches, MADE.seal_times)
    forger.drop(kind="TransferRecord", amount=2_000)
    return audit(io.BytesIO(forger.data), ALICE.id)


def tampered():
    name, document = next(iter(RECEIPTS.items()))
    record = bytearray.fromhex(document["record"][2:])
    record[80] ^= 1
    return RECEIPTS | {name: {**document, "record": hexed(record)}}


def sealed_twice():
    """Two receipts under seals of one number."""
    (batch, place), *_ = places()
    other = sealed(batch, timestamp=sealed(batch).timestamp + 1)
    return RECEIPTS | {"again": receipt(batch, place, other)}


def two_records_of_one_number():
    (batch, place), *_ = places()
    body = replace(BATCHES[batch][place], user_data_64=7).encode()
    bodies = [record.encode() for record in BATCHES[batch]]
    bodies[place] = body
    other = sealed(batch, root=merkle_root([leaf_hash(one) for one in bodies]))
    document = receipt(batch, place, other, body)
    document["path"] = [hexed(node) for node in MerkleTree([leaf_hash(one) for one in bodies]).path(place)]
    return RECEIPTS | {"other": document}


def root_taken_over():
    """The operator claims that Alice's root is a contract which named a key of the operator's."""
    forger = Forger(MADE.batches, MADE.seal_times)
    opening = {"kind": "KeyRecord", "action": 1, "holder": ALICE.id}
    named = {"action": 9, "key": OPERATOR_KEY.address, "subject": number("block"), "value": 1, "salt": ZERO_32}
    before = forger.get(**opening)
    now = before.timestamp + 1
    record = replace(before, **named, recovery=0, blind=ZERO_32, timestamp=now, effective_at=now)
    forger.put(record, behind=opening)
    return audit(io.BytesIO(forger.data), ALICE.id)


def other_balances():
    made = head(9)
    return [replace(made.balances[0], credits_posted=made.balances[0].credits_posted + 1), *made.balances[1:]]


LIES = {
    "receipt_refused": lambda: found(receipts=tampered()),
    "head_refused": lambda: found(heads=[*HEADS, {**HEADS[0], "count": "3"}]),
    "receipts_contradict": lambda: found(receipts=two_records_of_one_number()),
    "seals_contradict": lambda: found(receipts=sealed_twice()),
    "heads_contradict": lambda: found(heads=[*HEADS, spelled(head(9, balances=tuple(other_balances())))]),
    "chain_broken": lambda: found(heads=[*HEADS, spelled(head(7, head=ZERO_32))]),
    "receipt_missing": lambda: found(leaves=[*LEAVES[:6], *LEAVES[7:]]),
    "seal_of_another_journal": lambda: found(report=another_journal()),
    "contract_key_forged": lambda: found(report=root_taken_over()),
    "balances_differ": lambda: found(heads=[spelled(head(9, balances=tuple(other_balances())))]),
}


@pytest.mark.parametrize("code", LIES)
def test_a_lie_is_told_by_its_own_code(code):
    assert code in LIES[code]()


def test_a_chain_that_was_cut_does_not_lead_to_the_kept_head():
    assert "chain_broken" in found(leaves=LEAVES[:-1])


def test_neighbouring_seals_name_each_other():
    (batch, place), *_ = [p for p in places() if p[0] == 5]
    other = sealed(batch, previous=bytes(32))
    assert "seals_contradict" in found(receipts=RECEIPTS | {f"{batch}.{place}": receipt(batch, place, other)})


def test_a_stranger_s_signature_is_no_word_of_the_operator():
    forged = replace(head(2), signature=ALICE.key.sign_digest(head(2).digest(MADE.ledger_id)))
    assert found(heads=[spelled(forged)]) == {"head_refused"}
