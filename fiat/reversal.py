"""Reversal by reference: the transfer that undoes an earlier one, in whole or in part, and never more than its rest.

Pure, and for the operator's own postings: what lowers a person's balance is an operator record (two officers), for
which only the arithmetic of the rest is here. A reversal names the transfer it undoes in `user_data_128` and goes the
other way between the same accounts; its id follows from that transfer and from how much was reversed before, so that
two reversals decided at once over the same rest are one.
"""

from __future__ import annotations

from collections.abc import Iterable

from fiat.chart import TransferCode
from fiat.errors import ReversalExceedsRest
from fiat.signature import keccak256
from fiat.transfer import Transfer, TransferFlags

_NOT_REVERSED = TransferFlags.PENDING | TransferFlags.VOID_PENDING_TRANSFER


def rest_of(amount_minor: int, undone_minor: Iterable[int]) -> int:
    """What may still be undone of a record that moved `amount_minor`; never below zero."""
    return max(0, amount_minor - sum(undone_minor))


def check_rest(sequence: int, amount_minor: int, undone_minor: Iterable[int], wanted_minor: int) -> None:
    """Raises ReversalExceedsRest where record `sequence` has less than `wanted_minor` left to undo."""
    rest = rest_of(amount_minor, undone_minor)
    if wanted_minor > rest:
        raise ReversalExceedsRest(sequence, rest, wanted_minor)


def reversal(sequence: int, original: Transfer, reversed_minor: int, amount_minor: int | None = None) -> Transfer:
    """The transfer that reverses `amount_minor` of `original` (record `sequence`; None: all its rest).

    `reversed_minor` is what was reversed before. Raises ReversalExceedsRest; ValueError for what posted nothing.
    """
    if original.flags & _NOT_REVERSED or original.code == TransferCode.REVERSAL:
        raise ValueError("a reservation is voided, and a reversal is no transfer to reverse")
    wanted = rest_of(original.amount, [reversed_minor]) if amount_minor is None else amount_minor
    if wanted <= 0:
        raise ReversalExceedsRest(sequence, rest_of(original.amount, [reversed_minor]), wanted)
    check_rest(sequence, original.amount, [reversed_minor], wanted)
    return Transfer(
        id=reversal_id(original.id, reversed_minor),
        debit_account_id=original.credit_account_id,
        credit_account_id=original.debit_account_id,
        amount=wanted,
        user_data_128=original.id,
        ledger=original.ledger,
        code=TransferCode.REVERSAL,
    )


def reversal_id(original_id: int, reversed_minor: int) -> int:
    """First 16 bytes of keccak256("reversal", the reversed transfer's id, what was reversed before)."""
    named = b"reversal" + original_id.to_bytes(16, "big") + reversed_minor.to_bytes(8, "big")
    return int.from_bytes(keccak256(named)[:16], "big")
