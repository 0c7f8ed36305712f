"""Plain payments, which most orders are, decided in one pass.

One person pays another in one leg: no fee, no hold, nothing that stands at its limit. Of the machine's rules such a
payment meets few, so `pay` asks those and writes the record and its rows straight down. Whatever it does not find plain
(a refusal above all) it leaves untouched to the way that all orders can go; `Submit` asks here first. A test sends
random orders both ways and holds every byte of both together.
"""

from __future__ import annotations

from fiat.authority import DEAD_AFTER_SECONDS
from fiat.book import Posting
from fiat.head import chain_head, chain_link
from fiat.holder import OPERATOR, Holder
from fiat.journal_batch import Batch
from fiat.journal_rows import order_row, payment_row
from fiat.journal_values import AccountRow, KnownOrder, OrderResult
from fiat.machine import AMOUNT_MAX
from fiat.order import LedgerTransfer, SignedOrder
from fiat.record import Kind, encode_payment
from fiat.signature import SIGNATURE_LENGTH
from fiat.transfer import NANOSECONDS, Account, AccountFlags, Transfer, TransferStatus

_CLOSED = int(AccountFlags.CLOSED)
_CREDITS_BOUND = int(AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_TRANSFER = int(Kind.TRANSFER)
_made = tuple.__new__  # what `_make` does, without a call of its own
_CREATED = TransferStatus.CREATED


def pay(batch: Batch, signed: SignedOrder, digest: bytes, leg: Transfer, signer: bytes | None) -> OrderResult | None:
    """Carry out a plain payment; None, and nothing changed, for any other. Raises LimitExceeded as every order does."""
    order = signed.order
    if type(order) is not LedgerTransfer or len(signed.signature) != SIGNATURE_LENGTH:
        return None
    if not _moves_at_once(batch, order, leg):
        return None
    payer, debit, credit = batch.holder(order.holder), batch.row(leg.debit_account_id), batch.row(leg.credit_account_id)
    if payer is None or debit is None or credit is None or not _may_order(batch, payer, order, signer):
        return None
    payee = batch.holder(credit.holder)
    moved = _moved(batch, leg, debit, credit)
    if moved is None or payee is None or payee.id == payer.id or debit.holder != payer.id:
        return None
    spent = batch.spend(payer, order.CODE, debit.currency, (leg,))
    _write(batch, signed, leg, payer, payee, moved, spent)
    known = KnownOrder(digest, batch.sequence, _CREATED)
    key = (order.holder, order.nonce)
    batch.orders[key] = known
    batch.order_rows.append(order_row(key, known, order.CODE, 0))
    return OrderResult(_CREATED, batch.sequence, None, True, True)


def _moves_at_once(batch: Batch, order: LedgerTransfer, leg: Transfer) -> bool:
    """A single movement that was never asked for before."""
    if leg.flags or leg.timeout or leg.pending_id or leg.timestamp or leg.user_data_32 or not leg.code:
        return False
    changes, cache, key = batch.changes, batch.cache, (order.holder, order.nonce)
    return not (
        key in batch.orders
        or key in cache.orders
        or leg.id in changes.transfers
        or leg.id in cache.transfers
        or leg.id in changes.burnt_ids
        or leg.id in cache.burnt_ids
    )


def _may_order(batch: Batch, payer: Holder, order: LedgerTransfer, signer: bytes | None) -> bool:
    """The root's order, or one whose signer was found before, of this epoch, in time."""
    return (
        payer.epoch == order.key_epoch
        and not payer.frozen
        and (signer is None or signer == payer.root)
        and (order.valid_before + DEAD_AFTER_SECONDS) * NANOSECONDS > batch.now
    )


def _moved(batch: Batch, leg: Transfer, payer: AccountRow, payee: AccountRow) -> tuple[Account, Account] | None:
    """Both accounts after the movement; None where one of the machine's rules might say no."""
    accounts, amount = batch.changes.accounts, leg.amount
    debit = accounts.get(payer.account.id) or payer.account
    credit = accounts.get(payee.account.id) or payee.account
    if payer.holder == OPERATOR or payee.holder == OPERATOR or debit.code != credit.code:
        return None
    debit_id, ledger, code, flags, dp, d, cp, c, *data, opened_at = debit
    if leg.ledger != ledger or flags & (_CLOSED | _CREDITS_BOUND) or dp + d + amount > min(c, AMOUNT_MAX):
        return None
    debited = _made(Account, (debit_id, ledger, code, flags, dp, d + amount, cp, c, *data, opened_at))
    credit_id, ledger, code, flags, dp, d, cp, c, *data, opened_at = credit
    if leg.ledger != ledger or flags & (_CLOSED | _CREDITS_BOUND) or cp + c + amount > AMOUNT_MAX:
        return None
    return debited, _made(Account, (credit_id, ledger, code, flags, dp, d, cp, c + amount, *data, opened_at))


def _write(
    batch: Batch,
    signed: SignedOrder,
    leg: Transfer,
    payer: Holder,
    payee: Holder,
    moved: tuple[Account, Account],
    spent: bytes,
) -> None:
    """The record, its place in both chains, and its rows."""
    at = batch.cursor = batch.cursor + 1
    transfer = _made(Transfer, (*leg[:-1], at))
    wide = (
        _wide(leg.id),
        _wide(leg.debit_account_id),
        _wide(leg.credit_account_id),
        _wide(leg.amount),
        _wide(leg.user_data_128),
    )
    payer_link = chain_link(payer.blind, payer.count + 1, payer.head)
    payee_link = chain_link(payee.blind, payee.count + 1, payee.head)
    sequence = batch.sequence + 1
    narrow = leg.user_data_64, leg.ledger, leg.code
    body = encode_payment(sequence, at, wide, narrow, (payer.id, payee.id, payer_link, payee_link), signed)
    leaf = batch.record(_TRANSFER, at, body)
    payer_head, payee_head = chain_head(payer.id, payer_link, leaf), chain_head(payee.id, payee_link, leaf)
    batch.holders[payer.id] = _made(Holder, (*payer[:6], payer.count + 1, payer_head, *payer[8:11], spent))
    batch.holders[payee.id] = _made(Holder, (*payee[:6], payee.count + 1, payee_head, *payee[8:]))
    batch.heads.append((payer.id, payer.count + 1, payer_head, sequence))
    batch.heads.append((payee.id, payee.count + 1, payee_head, sequence))
    versions = batch.next_version(leg.debit_account_id), batch.next_version(leg.credit_account_id)
    batch.changes.post(Posting(transfer, *moved))
    order = payer.id, payee.id, signed.order.nonce
    batch.transfers.append(payment_row(sequence, at, wide, leg, order, versions, moved))


def _wide(number: int) -> bytes:
    return number.to_bytes(16, "big")
