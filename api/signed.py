"""What the operator signs, as JSON: seals, receipts, heads. EIP-712 names, digit strings, bytes as 0x hex."""

from __future__ import annotations

from api.fields import Answer, Bytes32, Digits, LongDigits, Signature, spelled
from fiat.head import Head
from fiat.seal import Receipt, Seal


class SealAnswer(Answer):
    """A batch's seal (fiat.seal.Seal)."""

    number: LongDigits
    previous: Bytes32
    firstSequence: LongDigits
    size: LongDigits
    root: Bytes32
    counters: Bytes32
    timestamp: LongDigits
    signature: Signature


class ReceiptAnswer(Answer):
    """A record's canonical bytes, the path to its seal's root, and the seal (fiat.seal.Receipt)."""

    record: str
    path: list[Bytes32]
    seal: SealAnswer


class BalanceAnswer(Answer):
    """One account inside a signed head."""

    account: Bytes32
    currency: str
    exponent: Digits
    debitsPending: LongDigits
    debitsPosted: LongDigits
    creditsPending: LongDigits
    creditsPosted: LongDigits


class HeadAnswer(Answer):
    """A holder's whole state, signed (fiat.seal.Head)."""

    holder: Bytes32
    count: LongDigits
    head: Bytes32
    balances: list[BalanceAnswer]
    sequence: LongDigits
    timestamp: LongDigits
    signature: Signature


def seal_answer(seal: Seal) -> SealAnswer:
    return SealAnswer(
        number=str(seal.number),
        previous=spelled(seal.previous),
        firstSequence=str(seal.first_sequence),
        size=str(seal.size),
        root=spelled(seal.root),
        counters=spelled(seal.counters),
        timestamp=str(seal.timestamp),
        signature=spelled(seal.signature),
    )


def receipt_answer(receipt: Receipt) -> ReceiptAnswer:
    return ReceiptAnswer(
        record=spelled(receipt.record),
        path=[spelled(node) for node in receipt.path],
        seal=seal_answer(receipt.seal),
    )


def head_answer(head: Head) -> HeadAnswer:
    balances = [
        BalanceAnswer(
            account=spelled(balance.account.to_bytes(32, "big")),
            currency=balance.currency,
            exponent=str(balance.exponent),
            debitsPending=str(balance.debits_pending),
            debitsPosted=str(balance.debits_posted),
            creditsPending=str(balance.credits_pending),
            creditsPosted=str(balance.credits_posted),
        )
        for balance in head.balances
    ]
    return HeadAnswer(
        holder=spelled(head.holder),
        count=str(head.count),
        head=spelled(head.head),
        balances=balances,
        sequence=str(head.sequence),
        timestamp=str(head.timestamp),
        signature=spelled(head.signature),
    )
