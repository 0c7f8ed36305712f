"""The chart of codes: why a transfer stands in the journal, and what an account is for (the machine's `code`)."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class TransferCode(IntEnum):
    """Reasons of transfers. Numbers are stored for ever: add, never renumber."""

    TRANSFER = 1
    WITHDRAWAL = 2
    WITHDRAWAL_PAID = 3
    WITHDRAWAL_RETURNED = 4
    TOPUP = 5
    FEE = 6
    CONVERSION = 7
    HOLD = 8
    CAPTURE = 9
    RELEASE = 10
    MANDATE = 11
    COLLECTION = 12
    ROUNDING = 13
    OPERATOR = 14
    SETTLEMENT = 15
    REVERSAL = 16


class AccountCode(IntEnum):
    """Kinds of accounts."""

    HOLDER = 1
    CLEARING = 2
    PAYOUT = 3
    BANK = 4
    INCOME = 5
    ROUNDING = 6
    LIQUIDITY = 7
    RECEIVABLE = 8
    SUSPENSE = 9
    LOSS = 10


_CODES = {
    "clearing": AccountCode.CLEARING,
    "payout": AccountCode.PAYOUT,
    "bank": AccountCode.BANK,
    "fees": AccountCode.INCOME,
    "rounding": AccountCode.ROUNDING,
    "liquidity": AccountCode.LIQUIDITY,
    "receivable": AccountCode.RECEIVABLE,
    # Tokens that the operator owns: what its chain account holds, what of that may be given, and what a reorganisation
    # took (token_scale.py).
    "treasury": AccountCode.BANK,
    "inventory": AccountCode.LIQUIDITY,
    "reorg_loss": AccountCode.LOSS,
}


def account_code(is_operators: bool, purpose: str) -> AccountCode:
    """The code that an account has by its owner and the first part of its purpose (`clearing:sandbox`)."""
    if not is_operators:
        return AccountCode.HOLDER
    return _CODES.get(purpose.split(":")[0], AccountCode.SUSPENSE)


class SourceKind(IntEnum):
    """Where a credit from outside comes from; (kind, source id) is unique in the journal."""

    NONE = 0
    SANDBOX_TOPUP = 1
    SANDBOX_RETURN = 2
    SANDBOX_PAID = 3
    BANK_STATEMENT = 4
    CHAIN_LOG = 5
    GATEWAY_EVENT = 6
    USE = 7  # what a captor or payee asked for under a hold or mandate: a capture, a release, a collection
    QUOTE = 8  # the quote that a conversion accepts
