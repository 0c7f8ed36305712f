"""What the journal is asked and what it answers: plain values, no database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fiat.chart import AccountCode, SourceKind, account_code
from fiat.currency import Currency
from fiat.holder import OPERATOR, account_id
from fiat.seal import Receipt
from fiat.transfer import Account, AccountFlags, TransferStatus

_BOUNDED_CODES = {AccountCode.HOLDER, AccountCode.PAYOUT, AccountCode.LIQUIDITY}


@dataclass(frozen=True, slots=True)
class Source:
    """The outside event that a posting answers to; (kind, 32-byte id) is posted once."""

    kind: SourceKind
    id: bytes

    def __post_init__(self) -> None:
        if len(self.id) != 32 or self.kind is SourceKind.NONE:
            raise ValueError("a source has a kind and an id of 32 bytes")


class OrderResult(NamedTuple):
    """The answer to an order: CREATED with its leg 0's sequence and receipt, or the machine's refusal.

    `first` is true for the call that caused it. A refusal with `recorded` is answered the same until the order is
    dead; the others (an overflow, say) left the nonce free.
    """

    status: TransferStatus
    sequence: int | None
    receipt: Receipt | None
    first: bool
    recorded: bool

    @property
    def accepted(self) -> bool:
        return self.status is TransferStatus.CREATED


class KnownOrder(NamedTuple):
    """An order that was answered: its EIP-712 digest, and its sequence or the recorded refusal."""

    digest: bytes
    sequence: int | None
    status: TransferStatus


class AccountRow(NamedTuple):
    """A machine account with what the journal keeps beside it. `version` counts the movements it was part of."""

    account: Account
    version: int
    holder: bytes
    currency: str
    exponent: int
    purpose: str

    @property
    def is_operators(self) -> bool:
        return self.holder == OPERATOR


class JournalHead(NamedTuple):
    """Where the journal stands: what a writer compares and swaps."""

    version: int
    sequence: int
    timestamp: int
    seal_number: int
    seal_digest: bytes
    token: bytes


def new_account(holder_id: bytes, currency: Currency, purpose: str) -> AccountRow:
    """A new account as the chart has it: people's, payout and liquidity accounts may not be overdrawn; the rest may."""
    code = account_code(holder_id == OPERATOR, purpose)
    flags = AccountFlags.HISTORY
    if code in _BOUNDED_CODES:
        flags |= AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS
    account = Account(account_id(holder_id, currency, purpose), currency.ledger, int(code), int(flags))
    return AccountRow(account, 0, holder_id, currency.code, currency.exponent, purpose)


def null_if_operator(holder_id: bytes) -> bytes | None:
    """How the tables spell a holder: the operator's own accounts have none."""
    return None if holder_id == OPERATOR else holder_id
