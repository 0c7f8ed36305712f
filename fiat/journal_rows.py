"""Records and wide rows: how what the machine moved is written down. Pure; `Batch` puts them in their order."""

from __future__ import annotations

from typing import Any, NamedTuple

from fiat.book import Posting
from fiat.journal_values import AccountRow, Source, null_if_operator
from fiat.officer import SignedEntry
from fiat.order import ZERO_32, SignedOrder
from fiat.record import ExpiryRecord, Kind, OperatorRecord, Record, TransferRecord
from fiat.transfer import Account


class Cause(NamedTuple):
    """Why transfers stand in the journal: an order, or an outside event, or neither."""

    signed: SignedOrder | None = None
    source: Source | None = None
    use_of: tuple[bytes, bytes] | None = None
    """The order (holder, nonce) under which its captor or payee asks; the source says by which use."""
    entry: SignedEntry | None = None

    @property
    def order(self) -> tuple[bytes, bytes] | None:
        """Holder and nonce of the order that these transfers are legs of."""
        return self.use_of if self.signed is None else (self.signed.order.holder, self.signed.order.nonce)


NO_CAUSE = Cause()


def account_row(account: Account, row: AccountRow, sequence: int) -> dict[str, Any]:
    return {
        "id": account.id,
        "holder": null_if_operator(row.holder),
        "currency": row.currency,
        "exponent": row.exponent,
        "purpose": row.purpose,
        "ledger": account.ledger,
        "code": account.code,
        "user_data_128": account.user_data_128,
        "user_data_64": account.user_data_64,
        "user_data_32": account.user_data_32,
        "timestamp": account.timestamp,
        "sequence": sequence,
    }


def expiry_record(posting: Posting, sequence: int, parties: dict[str, bytes]) -> ExpiryRecord:
    pending = posting.transfer
    return ExpiryRecord(
        sequence=sequence,
        timestamp=posting.expired_at,
        pending_id=pending.id,
        debit_account_id=pending.debit_account_id,
        credit_account_id=pending.credit_account_id,
        amount=pending.amount,
        ledger=pending.ledger,
        **parties,
    )


def transfer_record(posting: Posting, sequence: int, parties: dict[str, bytes], cause: Cause) -> TransferRecord:
    transfer = posting.transfer
    leg = transfer.user_data_32 if cause.order is not None else 0
    source = cause.source
    return TransferRecord(
        sequence=sequence,
        timestamp=transfer.timestamp,
        id=transfer.id,
        debit_account_id=transfer.debit_account_id,
        credit_account_id=transfer.credit_account_id,
        amount=transfer.amount,
        pending_id=transfer.pending_id,
        user_data_128=transfer.user_data_128,
        user_data_64=transfer.user_data_64,
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout,
        ledger=transfer.ledger,
        code=transfer.code,
        flags=transfer.flags,
        source_kind=int(source.kind) if source is not None else 0,
        source_id=source.id if source is not None else ZERO_32,
        leg=leg,
        order=cause.signed if leg == 0 else None,
        **parties,
    )


def transfer_row(
    posting: Posting, record: Record, debit_holder: bytes, credit_holder: bytes, cause: Cause
) -> dict[str, Any]:
    transfer, expiry = posting.transfer, record.KIND is Kind.EXPIRY
    order, source = cause.order, cause.source
    return {
        "sequence": record.sequence,
        "kind": int(record.KIND),
        "id": None if expiry else transfer.id,
        "debit_account_id": transfer.debit_account_id,
        "credit_account_id": transfer.credit_account_id,
        "amount": transfer.amount,
        "pending_id": transfer.id if expiry else transfer.pending_id or None,
        "user_data_128": transfer.user_data_128,
        "user_data_64": transfer.user_data_64,
        "user_data_32": transfer.user_data_32,
        "timeout": transfer.timeout,
        "ledger": transfer.ledger,
        "code": transfer.code,
        "flags": 0 if expiry else transfer.flags,
        "timestamp": record.timestamp,
        "debit_holder": null_if_operator(debit_holder),
        "credit_holder": null_if_operator(credit_holder),
        "order_holder": order[0] if order is not None else None,
        "order_nonce": order[1] if order is not None else None,
        "leg": transfer.user_data_32 if order is not None else 0,
        "source_kind": int(source.kind) if source is not None else None,
        "source_id": source.id if source is not None else None,
    }


def operator_record(posting: Posting, sequence: int, parties: dict[str, Any], signed: SignedEntry) -> OperatorRecord:
    """The record of one movement of an entry."""
    transfer, entry = posting.transfer, signed.entry
    return OperatorRecord(
        sequence=sequence,
        timestamp=transfer.timestamp,
        id=transfer.id,
        debit_account_id=transfer.debit_account_id,
        credit_account_id=transfer.credit_account_id,
        amount=transfer.amount,
        pending_id=transfer.pending_id,
        user_data_128=transfer.user_data_128,
        user_data_64=transfer.user_data_64,
        user_data_32=transfer.user_data_32,
        timeout=transfer.timeout,
        ledger=transfer.ledger,
        code=transfer.code,
        flags=int(transfer.flags),
        reason=entry.reason,
        reason_code=entry.reason_code,
        undoes=entry.undoes,
        document=entry.document,
        cap=entry.cap,
        until=entry.until,
        successor=entry.successor,
        nonce=entry.nonce,
        officer_1=signed.first.officer,
        signature_1=signed.first.signature,
        officer_2=signed.second.officer,
        signature_2=signed.second.signature,
        **parties,
    )


def entry_row(record: OperatorRecord) -> dict[str, Any]:
    """The row that goes with an operator record."""
    return {
        "sequence": record.sequence,
        "leg": record.user_data_32,
        "id": record.id,
        "nonce": record.nonce,
        "reason": record.reason,
        "undoes": record.undoes,
        "document": record.document,
        "debit_holder": null_if_operator(record.debit_holder),
        "credit_holder": null_if_operator(record.credit_holder),
    }
