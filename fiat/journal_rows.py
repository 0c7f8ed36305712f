"""Records and wide rows: how what the machine moved is written down. Pure; `Batch` puts them in their order."""

from __future__ import annotations

from typing import Any, NamedTuple

from fiat.book import Posting
from fiat.journal_values import AccountRow, KnownOrder, Source, null_if_operator
from fiat.officer import SignedEntry
from fiat.order import ZERO_32, SignedOrder
from fiat.record import ExpiryRecord, Kind, OperatorRecord, encode_transfer
from fiat.transfer import Account, Transfer


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
_TRANSFER = int(Kind.TRANSFER)


class Parties(NamedTuple):
    """Whose accounts a movement is between, and the links of their chains (32 zero bytes: the operator has none)."""

    debit_holder: bytes
    credit_holder: bytes
    debit_link: bytes
    credit_link: bytes


# The columns of what most batches write: such rows are tuples of what the driver takes.
_BALANCES = ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
RECORD_COLUMNS = ("sequence", "kind", "timestamp", "seal_number", "body")
HEAD_COLUMNS = ("holder", "count", "head", "sequence")
ORDER_COLUMNS = ("holder", "nonce", "digest", "type", "sequence", "status", "dead_at")
HOLDER_COLUMNS = ("count", "head", "spent", "id")
ACCOUNT_COLUMNS = (*_BALANCES, "flags", "version", "id")
POSTED_COLUMNS = ("debits_posted", "credits_posted", "version", "id")
"""Of an account where nothing was reserved or freed: reservations alone change the other balances and the flags."""
TRANSFER_COLUMNS = (
    *("sequence", "kind", "id", "debit_account_id", "credit_account_id", "amount", "pending_id", "user_data_128"),
    *("user_data_64", "user_data_32", "timeout", "ledger", "code", "flags", "timestamp", "debit_holder"),
    *("credit_holder", "order_holder", "order_nonce", "leg", "source_kind", "source_id"),
    *("debit_version", "credit_version"),
    *(f"{side}_{balance}" for side in ("debit", "credit") for balance in _BALANCES),
)
Row = tuple[Any, ...]


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


def expiry_record(posting: Posting, sequence: int, parties: Parties) -> ExpiryRecord:
    pending = posting.transfer
    return ExpiryRecord(
        sequence=sequence,
        timestamp=posting.expired_at,
        pending_id=pending.id,
        debit_account_id=pending.debit_account_id,
        credit_account_id=pending.credit_account_id,
        amount=pending.amount,
        ledger=pending.ledger,
        **parties._asdict(),
    )


def transfer_body(transfer: Transfer, sequence: int, parties: Parties, cause: Cause) -> bytes:
    """The canonical bytes of a movement's TransferRecord."""
    source, leg = cause.source, transfer.user_data_32 if cause.order is not None else 0
    fields = (
        transfer.id,
        transfer.debit_account_id,
        transfer.credit_account_id,
        transfer.amount,
        transfer.pending_id,
        transfer.user_data_128,
        transfer.user_data_64,
        transfer.user_data_32,
        transfer.timeout,
        transfer.ledger,
        transfer.code,
        transfer.flags,
        *parties,
        0 if source is None else int(source.kind),
        ZERO_32 if source is None else source.id,
        leg,
    )
    return encode_transfer(sequence, transfer.timestamp, fields, cause.signed if leg == 0 else None)


def transfer_row(
    posting: Posting, sequence: int, kind: int, parties: Parties, cause: Cause, versions: tuple[int, int]
) -> Row:
    """The wide row of a movement (TRANSFER_COLUMNS). `versions` are the debit and the credit account's after it."""
    transfer, debit, credit, expired_at = posting
    holder, nonce = cause.order or (None, None)
    source, pending_id = cause.source, transfer.id if expired_at else transfer.pending_id
    return (
        sequence,
        kind,
        None if expired_at else _wide(transfer.id),
        _wide(transfer.debit_account_id),
        _wide(transfer.credit_account_id),
        transfer.amount,
        _wide(pending_id) if pending_id else None,
        _wide(transfer.user_data_128),
        transfer.user_data_64,
        transfer.user_data_32,
        transfer.timeout,
        transfer.ledger,
        transfer.code,
        0 if expired_at else transfer.flags,
        expired_at or transfer.timestamp,
        null_if_operator(parties.debit_holder),
        null_if_operator(parties.credit_holder),
        holder,
        nonce,
        0 if holder is None else transfer.user_data_32,
        None if source is None else int(source.kind),
        None if source is None else source.id,
        *versions,
        *_balances(debit),
        *_balances(credit),
    )


def payment_row(
    sequence: int,
    timestamp: int,
    wide: tuple[bytes, bytes, bytes, bytes, bytes],
    leg: Transfer,
    order: tuple[bytes, bytes, bytes],
    versions: tuple[int, int],
    moved: tuple[Account, Account],
) -> Row:
    """The wide row of an order's only leg. `order`: its holder, their payee's id and its nonce; see encode_payment."""
    id_, debit_id, credit_id, _, reference = wide
    payer, payee, nonce = order
    return (
        *(sequence, _TRANSFER, id_, debit_id, credit_id, leg.amount, None, reference, leg.user_data_64, 0, 0),
        *(leg.ledger, leg.code, 0, timestamp, payer, payee, payer, nonce, 0, None, None),
        *versions,
        *moved[0][4:8],
        *moved[1][4:8],
    )


def order_row(key: tuple[bytes, bytes], known: KnownOrder, code: int, dead_at: int) -> Row:
    """An order (holder, nonce) of that type and its answer (ORDER_COLUMNS). `dead_at` (Unix s) is a refusal's."""
    accepted = known.sequence is not None
    status, until = (None, None) if accepted else (int(known.status), dead_at)
    return (*key, known.digest, code, known.sequence, status, until)


def account_state(account: Account, version: int) -> Row:
    """What movements change of an account (ACCOUNT_COLUMNS)."""
    return (*_balances(account), int(account.flags), version, _wide(account.id))


def posted_state(account: Account, version: int) -> Row:
    """The same where nothing was reserved or freed (POSTED_COLUMNS)."""
    return account.debits_posted, account.credits_posted, version, _wide(account.id)


def _balances(account: Account) -> tuple[int, int, int, int]:
    return account.debits_pending, account.debits_posted, account.credits_pending, account.credits_posted


def _wide(number: int) -> bytes:
    return number.to_bytes(16, "big")


def operator_record(posting: Posting, sequence: int, parties: Parties, signed: SignedEntry) -> OperatorRecord:
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
        **parties._asdict(),
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
