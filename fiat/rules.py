"""The rules for one event: what the machine says to an account or a transfer, and what it then does. Pure.

The functions keep TigerBeetle's order of checks, so read them top to bottom: the first that applies is the answer.
"""

from __future__ import annotations

from fiat.book import Changes, Posting
from fiat.transfer import (
    NANOSECONDS,
    TIMESTAMP_MAX,
    U128_MAX,
    Account,
    AccountFlags,
    AccountStatus,
    Resolution,
    Transfer,
    TransferFlags,
    TransferStatus,
)

# Plain integers: an IntFlag's `&` costs as much as the whole rest of a check.
_PENDING = int(TransferFlags.PENDING)
_POST = int(TransferFlags.POST_PENDING_TRANSFER)
_VOID = int(TransferFlags.VOID_PENDING_TRANSFER)
_RESOLVING = _POST | _VOID
_BALANCING_DEBIT = int(TransferFlags.BALANCING_DEBIT)
_BALANCING_CREDIT = int(TransferFlags.BALANCING_CREDIT)
_BALANCING = _BALANCING_DEBIT | _BALANCING_CREDIT
_CLOSING_DEBIT = int(TransferFlags.CLOSING_DEBIT)
_CLOSING_CREDIT = int(TransferFlags.CLOSING_CREDIT)
_CLOSING = _CLOSING_DEBIT | _CLOSING_CREDIT
_IMPORTED = int(TransferFlags.IMPORTED)
_TRANSFER_FLAGS = 0x1FF
_ACCOUNT_IMPORTED = int(AccountFlags.IMPORTED)
_DEBITS_BOUND = int(AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS)
_CREDITS_BOUND = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_CLOSED = int(AccountFlags.CLOSED)
_ACCOUNT_FLAGS = 0x3F


def create_account(scope: Changes, account: Account, at: int) -> AccountStatus:
    flags = account.flags
    if flags & ~_ACCOUNT_FLAGS:
        return AccountStatus.RESERVED_FLAG
    if account.id == 0:
        return AccountStatus.ID_MUST_NOT_BE_ZERO
    if account.id == U128_MAX:
        return AccountStatus.ID_MUST_NOT_BE_INT_MAX
    existing = scope.account(account.id)
    if existing is not None:
        return _account_exists(account, existing)
    if flags & _DEBITS_BOUND and flags & _CREDITS_BOUND:
        return AccountStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if account.debits_pending:
        return AccountStatus.DEBITS_PENDING_MUST_BE_ZERO
    if account.debits_posted:
        return AccountStatus.DEBITS_POSTED_MUST_BE_ZERO
    if account.credits_pending:
        return AccountStatus.CREDITS_PENDING_MUST_BE_ZERO
    if account.credits_posted:
        return AccountStatus.CREDITS_POSTED_MUST_BE_ZERO
    if account.ledger == 0:
        return AccountStatus.LEDGER_MUST_NOT_BE_ZERO
    if account.code == 0:
        return AccountStatus.CODE_MUST_NOT_BE_ZERO
    if flags & _ACCOUNT_IMPORTED and (at <= scope.account_last or scope.taken(at)):
        return AccountStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
    scope.open(_account(account, int(flags), at, 0, 0, 0, 0))
    return AccountStatus.CREATED


def _account_exists(account: Account, existing: Account) -> AccountStatus:
    # `closed` comes and goes with closing transfers; TigerBeetle compares the flags as they are now.
    if account.flags != existing.flags:
        return AccountStatus.EXISTS_WITH_DIFFERENT_FLAGS
    if account.user_data_128 != existing.user_data_128:
        return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if account.user_data_64 != existing.user_data_64:
        return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if account.user_data_32 != existing.user_data_32:
        return AccountStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if account.ledger != existing.ledger:
        return AccountStatus.EXISTS_WITH_DIFFERENT_LEDGER
    if account.code != existing.code:
        return AccountStatus.EXISTS_WITH_DIFFERENT_CODE
    return AccountStatus.EXISTS


def create_transfer(scope: Changes, transfer: Transfer, at: int, amount_max: int) -> TransferStatus:
    flags = int(transfer.flags)
    if flags & ~_TRANSFER_FLAGS:
        return TransferStatus.RESERVED_FLAG
    if transfer.id == 0:
        return TransferStatus.ID_MUST_NOT_BE_ZERO
    if transfer.id == U128_MAX:
        return TransferStatus.ID_MUST_NOT_BE_INT_MAX
    existing = scope.transfer(transfer.id)
    if existing is not None:
        return _transfer_exists(scope, transfer, existing, flags)
    if scope.burnt(transfer.id):
        return TransferStatus.ID_ALREADY_FAILED
    if flags & _RESOLVING:
        return _resolve(scope, transfer, flags, at)
    return _misshapen(transfer, flags) or _move(scope, transfer, flags, at, amount_max)


def _transfer_exists(scope: Changes, transfer: Transfer, existing: Transfer, flags: int) -> TransferStatus:
    """The same id again: is it the same content? Flags come first, for they say how the rest is compared."""
    if flags != existing.flags:
        return TransferStatus.EXISTS_WITH_DIFFERENT_FLAGS
    if transfer.pending_id != existing.pending_id:
        return TransferStatus.EXISTS_WITH_DIFFERENT_PENDING_ID
    if transfer.timeout != existing.timeout:
        return TransferStatus.EXISTS_WITH_DIFFERENT_TIMEOUT
    pending = scope.transfer(existing.pending_id) if flags & _RESOLVING else None
    asked = _inheriting(transfer, pending, transfer.amount, flags, 0) if pending else transfer
    if asked.debit_account_id != existing.debit_account_id:
        return TransferStatus.EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID
    if asked.credit_account_id != existing.credit_account_id:
        return TransferStatus.EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID
    if _amount_differs(asked, existing, pending, flags):
        return TransferStatus.EXISTS_WITH_DIFFERENT_AMOUNT
    if asked.user_data_128 != existing.user_data_128:
        return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_128
    if asked.user_data_64 != existing.user_data_64:
        return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_64
    if asked.user_data_32 != existing.user_data_32:
        return TransferStatus.EXISTS_WITH_DIFFERENT_USER_DATA_32
    if asked.ledger != existing.ledger:
        return TransferStatus.EXISTS_WITH_DIFFERENT_LEDGER
    if asked.code != existing.code:
        return TransferStatus.EXISTS_WITH_DIFFERENT_CODE
    return TransferStatus.EXISTS


def _amount_differs(asked: Transfer, existing: Transfer, pending: Transfer | None, flags: int) -> bool:
    """What moved is stored, what was asked is not: so the comparison depends on the kind."""
    if flags & _BALANCING:
        return asked.amount < existing.amount
    if pending is not None and flags & _POST and existing.amount == pending.amount:
        return asked.amount < pending.amount
    if pending is not None and flags & _VOID and asked.amount == 0:
        return False
    return asked.amount != existing.amount


def _misshapen(transfer: Transfer, flags: int) -> TransferStatus:
    """What is wrong with a plain or pending transfer whatever the state: CREATED for nothing."""
    if transfer.debit_account_id == 0:
        return TransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if transfer.debit_account_id == U128_MAX:
        return TransferStatus.DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if transfer.credit_account_id == 0:
        return TransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO
    if transfer.credit_account_id == U128_MAX:
        return TransferStatus.CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX
    if transfer.credit_account_id == transfer.debit_account_id:
        return TransferStatus.ACCOUNTS_MUST_BE_DIFFERENT
    if transfer.pending_id:
        return TransferStatus.PENDING_ID_MUST_BE_ZERO
    if not flags & _PENDING:
        if transfer.timeout:
            return TransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
        if flags & _CLOSING:
            return TransferStatus.CLOSING_TRANSFER_MUST_BE_PENDING
    if transfer.ledger == 0:
        return TransferStatus.LEDGER_MUST_NOT_BE_ZERO
    if transfer.code == 0:
        return TransferStatus.CODE_MUST_NOT_BE_ZERO
    return TransferStatus.CREATED


def _move(scope: Changes, transfer: Transfer, flags: int, at: int, amount_max: int) -> TransferStatus:
    """A plain or pending transfer."""
    debit = scope.account(transfer.debit_account_id)
    if debit is None:
        return TransferStatus.DEBIT_ACCOUNT_NOT_FOUND
    credit = scope.account(transfer.credit_account_id)
    if credit is None:
        return TransferStatus.CREDIT_ACCOUNT_NOT_FOUND
    if debit.ledger != credit.ledger:
        return TransferStatus.ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER
    if transfer.ledger != debit.ledger:
        return TransferStatus.TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS
    if flags & _IMPORTED:
        status = _untimely(scope, transfer, debit, credit, at)
        if status:
            return status
    if debit.flags & _CLOSED:
        return TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
    if credit.flags & _CLOSED:
        return TransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
    amount = _balanced(transfer.amount, debit, credit, flags) if flags & _BALANCING else transfer.amount
    status = _overflows(transfer, debit, credit, amount, flags, at, amount_max)
    if status:
        return status
    if debit.flags & _DEBITS_BOUND and debit.debits_pending + debit.debits_posted + amount > debit.credits_posted:
        return TransferStatus.EXCEEDS_CREDITS
    if credit.flags & _CREDITS_BOUND and credit.credits_pending + credit.credits_posted + amount > credit.debits_posted:
        return TransferStatus.EXCEEDS_DEBITS
    pending, posted = (amount, 0) if flags & _PENDING else (0, amount)
    debit_flags = int(debit.flags) | (_CLOSED if flags & _CLOSING_DEBIT else 0)
    credit_flags = int(credit.flags) | (_CLOSED if flags & _CLOSING_CREDIT else 0)
    debited = _account(debit, debit_flags, debit.timestamp, pending, posted, 0, 0)
    credited = _account(credit, credit_flags, credit.timestamp, 0, 0, pending, posted)
    if flags & _PENDING:
        scope.resolutions[transfer.id] = Resolution.PENDING
    scope.post(Posting(_inheriting(transfer, transfer, amount, flags, at), debited, credited))
    return TransferStatus.CREATED


def _untimely(scope: Changes, transfer: Transfer, debit: Account, credit: Account, at: int) -> TransferStatus:
    """The checks of an imported transfer's time that need the state."""
    if at <= scope.transfer_last or scope.taken(at):
        return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS
    if at <= debit.timestamp:
        return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT
    if at <= credit.timestamp:
        return TransferStatus.IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT
    if transfer.timeout:
        return TransferStatus.IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO
    return TransferStatus.CREATED


def _balanced(amount: int, debit: Account, credit: Account, flags: int) -> int:
    """At most `amount`, less as the balance demands, never below zero."""
    if flags & _BALANCING_DEBIT:
        amount = min(amount, max(0, debit.credits_posted - debit.debits_posted - debit.debits_pending))
    if flags & _BALANCING_CREDIT:
        amount = min(amount, max(0, credit.debits_posted - credit.credits_posted - credit.credits_pending))
    return amount


def _overflows(
    transfer: Transfer, debit: Account, credit: Account, amount: int, flags: int, at: int, amount_max: int
) -> TransferStatus:
    if flags & _PENDING:
        if amount + debit.debits_pending > amount_max:
            return TransferStatus.OVERFLOWS_DEBITS_PENDING
        if amount + credit.credits_pending > amount_max:
            return TransferStatus.OVERFLOWS_CREDITS_PENDING
    if amount + debit.debits_posted > amount_max:
        return TransferStatus.OVERFLOWS_DEBITS_POSTED
    if amount + credit.credits_posted > amount_max:
        return TransferStatus.OVERFLOWS_CREDITS_POSTED
    if amount + debit.debits_pending + debit.debits_posted > amount_max:
        return TransferStatus.OVERFLOWS_DEBITS
    if amount + credit.credits_pending + credit.credits_posted > amount_max:
        return TransferStatus.OVERFLOWS_CREDITS
    if at + transfer.timeout * NANOSECONDS > TIMESTAMP_MAX:
        return TransferStatus.OVERFLOWS_TIMEOUT
    return TransferStatus.CREATED


def _resolve(scope: Changes, transfer: Transfer, flags: int, at: int) -> TransferStatus:
    """Post or void a pending transfer, once."""
    if flags & _RESOLVING == _RESOLVING or flags & (_PENDING | _BALANCING | _CLOSING):
        return TransferStatus.FLAGS_ARE_MUTUALLY_EXCLUSIVE
    if transfer.pending_id == 0:
        return TransferStatus.PENDING_ID_MUST_NOT_BE_ZERO
    if transfer.pending_id == U128_MAX:
        return TransferStatus.PENDING_ID_MUST_NOT_BE_INT_MAX
    if transfer.pending_id == transfer.id:
        return TransferStatus.PENDING_ID_MUST_BE_DIFFERENT
    if transfer.timeout:
        return TransferStatus.TIMEOUT_RESERVED_FOR_PENDING_TRANSFER
    pending = scope.transfer(transfer.pending_id)
    if pending is None:
        return TransferStatus.PENDING_TRANSFER_NOT_FOUND
    whole = transfer.amount == (0 if flags & _VOID else U128_MAX)
    amount = pending.amount if whole else transfer.amount
    status = _unlike(scope, transfer, pending, amount, flags, at)
    if status:
        return status
    debit, credit = scope.account(pending.debit_account_id), scope.account(pending.credit_account_id)
    assert debit is not None and credit is not None, "a stored transfer's accounts exist"
    if flags & _IMPORTED:
        status = _untimely(scope, transfer, debit, credit, at)
        if status:
            return status
    if not flags & _VOID:
        if debit.flags & _CLOSED:
            return TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED
        if credit.flags & _CLOSED:
            return TransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED
    debit, credit = released(scope, pending, 0 if flags & _VOID else amount, reopen=bool(flags & _VOID))
    scope.resolutions[pending.id] = Resolution.VOIDED if flags & _VOID else Resolution.POSTED
    scope.post(Posting(_inheriting(transfer, pending, amount, flags, at), debit, credit))
    return TransferStatus.CREATED


def _unlike(scope: Changes, transfer: Transfer, pending: Transfer, amount: int, flags: int, at: int) -> TransferStatus:
    """Does the post or void fit its pending transfer, and is that still pending? CREATED when it does."""
    if not pending.flags & _PENDING:
        return TransferStatus.PENDING_TRANSFER_NOT_PENDING
    if transfer.debit_account_id and transfer.debit_account_id != pending.debit_account_id:
        return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID
    if transfer.credit_account_id and transfer.credit_account_id != pending.credit_account_id:
        return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID
    if transfer.ledger and transfer.ledger != pending.ledger:
        return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_LEDGER
    if transfer.code and transfer.code != pending.code:
        return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_CODE
    if amount > pending.amount:
        return TransferStatus.EXCEEDS_PENDING_TRANSFER_AMOUNT
    if flags & _VOID and amount < pending.amount:
        return TransferStatus.PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT
    resolution = scope.resolution(pending.id)
    if resolution is Resolution.POSTED:
        return TransferStatus.PENDING_TRANSFER_ALREADY_POSTED
    if resolution is Resolution.VOIDED:
        return TransferStatus.PENDING_TRANSFER_ALREADY_VOIDED
    if resolution is Resolution.EXPIRED or 0 < pending.expires_at <= at:
        return TransferStatus.PENDING_TRANSFER_EXPIRED
    return TransferStatus.CREATED


def released(scope: Changes, pending: Transfer, posted: int, *, reopen: bool) -> tuple[Account, Account]:
    """Both accounts once `pending` is off their pending balances and `posted` of it on the posted ones."""
    debit, credit = scope.account(pending.debit_account_id), scope.account(pending.credit_account_id)
    assert debit is not None and credit is not None, "a stored transfer's accounts exist"
    debit_flags, credit_flags = int(debit.flags), int(credit.flags)
    if reopen and pending.flags & _CLOSING_DEBIT:
        debit_flags &= ~_CLOSED
    if reopen and pending.flags & _CLOSING_CREDIT:
        credit_flags &= ~_CLOSED
    return (
        _account(debit, debit_flags, debit.timestamp, -pending.amount, posted, 0, 0),
        _account(credit, credit_flags, credit.timestamp, 0, 0, -pending.amount, posted),
    )


def _account(account: Account, flags: int, at: int, dp: int, d: int, cp: int, c: int) -> Account:
    """The account with its balances moved by so much: debits pending and posted, credits pending and posted."""
    id_, ledger, code, _, dp_, d_, cp_, c_, data_128, data_64, data_32, _ = account
    return Account._make((id_, ledger, code, flags, dp_ + dp, d_ + d, cp_ + cp, c_ + c, data_128, data_64, data_32, at))


def _inheriting(transfer: Transfer, pending: Transfer, amount: int, flags: int, at: int) -> Transfer:
    """The transfer as it is stored: zero fields of a post or void take the pending transfer's."""
    return Transfer._make(
        (
            transfer.id,
            transfer.debit_account_id or pending.debit_account_id,
            transfer.credit_account_id or pending.credit_account_id,
            amount,
            transfer.pending_id,
            transfer.user_data_128 or pending.user_data_128,
            transfer.user_data_64 or pending.user_data_64,
            transfer.user_data_32 or pending.user_data_32,
            transfer.timeout,
            transfer.ledger or pending.ledger,
            transfer.code or pending.code,
            flags,
            at,
        )
    )
