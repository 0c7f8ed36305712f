"""What a person holds of the operator's word, held against itself, the account's chain and a journal's export. Pure.

Receipts and heads are signed by the operator's key, which the ledger's id pins; two of them that cannot both be true
prove that the operator changed its story, and to whom it told which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from fiat.audit_state import Report
from fiat.errors import FiatError
from fiat.head import Head, follow
from fiat.record import Record, leaf_hash
from fiat.seal import Receipt, Seal
from wallet.errors import AnswerUnfit, ProofMissing
from wallet.heads import Reader, read_head, reason_of
from wallet.proofs import read_seal


class Finding(NamedTuple):
    """What does not hold: a code that the command words, what it is about, and why in the proof's own words."""

    code: str
    what: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pinned:
    """The ledger and the account as this client knows them: 32-byte ids, the operator's 20-byte address."""

    ledger_id: bytes
    operator: bytes
    holder: bytes
    blind: bytes


@dataclass(frozen=True, slots=True)
class OwnReceipt:
    """A receipt that is kept, under the name of its order or use."""

    name: str
    record: Record
    leaf: bytes
    seal: Seal

    def concerns(self, holder: bytes) -> bool:
        sides = ("holder", "debit_holder", "credit_holder")
        return any(getattr(self.record, side, b"") == holder for side in sides)


def read_receipts(pinned: Pinned, kept: Mapping[str, Any]) -> tuple[list[OwnReceipt], list[Finding]]:
    """The kept answers' receipts, by sequence, that the operator's signature holds up; and those that it does not."""
    receipts, findings = [], []
    for name, document in kept.items():
        try:
            answer = Reader("", "receipt", document)
            receipt = Receipt(answer.raw("record"), answer.hashes("path"), read_seal(answer.inner("seal")))
            record = receipt.check(pinned.ledger_id, pinned.operator)
            own = OwnReceipt(name, record, leaf_hash(receipt.record), receipt.seal)
            receipts.append(own)
        except (FiatError, AnswerUnfit, OverflowError) as error:
            findings.append(Finding("receipt_refused", name, reason_of(error)))
    return sorted(receipts, key=lambda one: one.record.sequence), findings


def read_heads(pinned: Pinned, kept: Iterable[object]) -> tuple[list[Head], list[Finding]]:
    """The kept heads, by count, that the operator's signature holds up; and those that it does not."""
    heads, findings = [], []
    for document in kept:
        try:
            heads.append(read_head("", document, pinned.ledger_id, pinned.operator, pinned.holder))
        except (AnswerUnfit, ProofMissing) as error:
            count = document.get("count", "?") if isinstance(document, dict) else "?"
            findings.append(Finding("head_refused", str(count), reason_of(error)))
    return sorted(heads, key=lambda head: (head.count, head.sequence)), findings


def contradictions(pinned: Pinned, receipts: Sequence[OwnReceipt], heads: Sequence[Head]) -> list[Finding]:
    """Pairs of what the operator signed that no single journal can hold."""
    findings = []
    for one, other in pairwise(receipts):
        if one.record.sequence == other.record.sequence and one.leaf != other.leaf:
            findings.append(Finding("receipts_contradict", str(one.record.sequence)))
    seals = {receipt.seal.digest(pinned.ledger_id): receipt.seal for receipt in receipts}
    for (digest, before), (_, after) in pairwise(sorted(seals.items(), key=lambda item: item[1].number)):
        if not _may_follow(before, digest, after):
            findings.append(Finding("seals_contradict", f"{before.number}, {after.number}"))
    for earlier, later in pairwise(heads):
        if not _may_precede(earlier, later):
            findings.append(Finding("heads_contradict", f"{earlier.count}, {later.count}"))
    return findings


def _may_follow(before: Seal, digest: bytes, after: Seal) -> bool:
    ends = before.first_sequence + before.size
    if after.number == before.number + 1 and (after.previous, after.first_sequence) != (digest, ends):
        return False
    return after.number > before.number and after.timestamp > before.timestamp and after.first_sequence >= ends


def _may_precede(earlier: Head, later: Head) -> bool:
    if earlier.count == later.count:
        return (earlier.head, earlier.balances) == (later.head, later.balances)
    return earlier.sequence < later.sequence


def against_chain(
    pinned: Pinned, leaves: Sequence[bytes], receipts: Sequence[OwnReceipt], heads: Sequence[Head]
) -> list[Finding]:
    """The account's whole chain of records, from the first on, leads through every head and holds every receipt."""
    findings, count, head = [], 0, pinned.holder
    for kept in heads:
        if kept.count >= count:
            count, head = follow(pinned.holder, pinned.blind, count, head, leaves[count : kept.count])
        if (count, head) != (kept.count, kept.head):
            findings.append(Finding("chain_broken", str(kept.count)))
            break
    known = set(leaves)
    findings += [
        Finding("receipt_missing", receipt.name)
        for receipt in receipts
        if receipt.concerns(pinned.holder) and receipt.leaf not in known
    ]
    return findings


def against_export(
    pinned: Pinned, report: Report, receipts: Sequence[OwnReceipt], heads: Sequence[Head]
) -> tuple[list[Finding], int]:
    """What is kept against an audited journal, which may end before it. Returns also how many of them it holds."""
    findings, held = [], 0
    if report.contract_key:  # this wallet's roots are plain keys: nobody else's takes their place
        findings.append(Finding("contract_key_forged", "0x" + report.contract_key.hex()))
    own = {record.sequence: record for record in report.own}
    for receipt in receipts:
        number, sequence = receipt.seal.number, receipt.record.sequence
        if number >= len(report.seals):
            continue
        held += 1
        if report.seals[number] != receipt.seal.digest(pinned.ledger_id):
            findings.append(Finding("seal_of_another_journal", receipt.name))
        elif receipt.concerns(pinned.holder) and (sequence not in own or own[sequence].leaf != receipt.leaf):
            findings.append(Finding("receipt_missing", receipt.name))
    for head in heads:
        if head.count > len(report.own):
            if head.sequence <= report.sequence:
                findings.append(Finding("chain_broken", str(head.count)))
            continue
        held += 1
        there = report.own[head.count - 1] if head.count else None
        if there is not None and there.head != head.head:
            findings.append(Finding("chain_broken", str(head.count)))
        elif there is not None and _balances(head) != there.balances:
            findings.append(Finding("balances_differ", str(head.count)))
    return findings, held


def _balances(head: Head) -> dict[int, tuple[int, int, int, int]]:
    return {b.account: (b.debits_pending, b.debits_posted, b.credits_pending, b.credits_posted) for b in head.balances}
