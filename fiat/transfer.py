"""The machine's values: accounts, transfers, their flags, and every status that an event can end with.

Names, bits and field widths are TigerBeetle's. Ids, amounts and `user_data_128` have 128 bits, timestamps are
nanoseconds below 2^63, `ledger` and `timeout` (seconds) have 32 bits, `code` and `flags` 16.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import NamedTuple

U128_MAX = (1 << 128) - 1
TIMESTAMP_MAX = (1 << 63) - 1
NANOSECONDS = 1_000_000_000


class AccountFlags(IntFlag):
    """Account flags. `history` is stored only: the journal keeps the balances at each transfer for every account."""

    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8
    IMPORTED = 16
    CLOSED = 32


class TransferFlags(IntFlag):
    """Transfer flags."""

    LINKED = 1
    PENDING = 2
    POST_PENDING_TRANSFER = 4
    VOID_PENDING_TRANSFER = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    CLOSING_DEBIT = 64
    CLOSING_CREDIT = 128
    IMPORTED = 256


class _AccountFields(NamedTuple):
    id: int
    ledger: int
    code: int
    flags: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    timestamp: int


class Account(_AccountFields):
    """One currency (`ledger`), one purpose; balances are sums that only grow, except the pending ones.

    Raises ValueError for a field that does not fit its width. What the machine itself makes of accounts (`_make`) fits.
    """

    __slots__ = ()

    def __new__(
        cls,
        id: int,  # noqa: A002  # the ledger's own name
        ledger: int,
        code: int,
        flags: int = 0,
        debits_pending: int = 0,
        debits_posted: int = 0,
        credits_pending: int = 0,
        credits_posted: int = 0,
        user_data_128: int = 0,
        user_data_64: int = 0,
        user_data_32: int = 0,
        timestamp: int = 0,
    ) -> Account:
        wide = id | debits_pending | debits_posted | credits_pending | credits_posted
        if (
            (wide | user_data_128) >> 128
            or (user_data_64 | timestamp) >> 64
            or (user_data_32 | ledger) >> 32
            or (code | flags) >> 16
        ):
            raise ValueError("a field of the account does not fit its width")
        return super().__new__(
            cls,
            id,
            ledger,
            code,
            flags,
            debits_pending,
            debits_posted,
            credits_pending,
            credits_posted,
            user_data_128,
            user_data_64,
            user_data_32,
            timestamp,
        )

    @property
    def booked(self) -> int:
        """What a person calls the balance: credits_posted - debits_posted, in minor units."""
        return self.credits_posted - self.debits_posted

    @property
    def available(self) -> int:
        """Booked, less what is reserved."""
        return self.credits_posted - self.debits_posted - self.debits_pending


class _TransferFields(NamedTuple):
    id: int
    debit_account_id: int
    credit_account_id: int
    amount: int
    pending_id: int
    user_data_128: int
    user_data_64: int
    user_data_32: int
    timeout: int
    ledger: int
    code: int
    flags: int
    timestamp: int


class Transfer(_TransferFields):
    """`amount` from the debit to the credit account; what was asked before the machine, what moved after it.

    Raises ValueError for a field that does not fit its width.
    """

    __slots__ = ()

    def __new__(
        cls,
        id: int,  # noqa: A002  # the ledger's own name
        debit_account_id: int = 0,
        credit_account_id: int = 0,
        amount: int = 0,
        pending_id: int = 0,
        user_data_128: int = 0,
        user_data_64: int = 0,
        user_data_32: int = 0,
        timeout: int = 0,
        ledger: int = 0,
        code: int = 0,
        flags: int = 0,
        timestamp: int = 0,
    ) -> Transfer:
        wide = id | debit_account_id | credit_account_id | amount | pending_id
        if (
            (wide | user_data_128) >> 128
            or (user_data_64 | timestamp) >> 64
            or (user_data_32 | timeout | ledger) >> 32
            or (code | flags) >> 16
        ):
            raise ValueError("a field of the transfer does not fit its width")
        return super().__new__(
            cls,
            id,
            debit_account_id,
            credit_account_id,
            amount,
            pending_id,
            user_data_128,
            user_data_64,
            user_data_32,
            timeout,
            ledger,
            code,
            flags,
            timestamp,
        )

    @property
    def expires_at(self) -> int:
        """The instant (ns) from which a pending transfer is expired; 0 when it never is."""
        return self.timestamp + self.timeout * NANOSECONDS if self.timeout else 0


class Resolution(IntEnum):
    """What became of a pending transfer."""

    PENDING = 1
    POSTED = 2
    VOIDED = 3
    EXPIRED = 4


class AccountStatus(IntEnum):
    """Outcome of create_accounts, in order of precedence: the first that applies is the answer."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    IMPORTED_EVENT_EXPECTED = 3
    IMPORTED_EVENT_NOT_EXPECTED = 4
    TIMESTAMP_MUST_BE_ZERO = 5
    IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE = 6
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE = 7
    RESERVED_FIELD = 8
    RESERVED_FLAG = 9
    ID_MUST_NOT_BE_ZERO = 10
    ID_MUST_NOT_BE_INT_MAX = 11
    EXISTS_WITH_DIFFERENT_FLAGS = 12
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = 13
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = 14
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = 15
    EXISTS_WITH_DIFFERENT_LEDGER = 16
    EXISTS_WITH_DIFFERENT_CODE = 17
    EXISTS = 18
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 19
    DEBITS_PENDING_MUST_BE_ZERO = 20
    DEBITS_POSTED_MUST_BE_ZERO = 21
    CREDITS_PENDING_MUST_BE_ZERO = 22
    CREDITS_POSTED_MUST_BE_ZERO = 23
    LEDGER_MUST_NOT_BE_ZERO = 24
    CODE_MUST_NOT_BE_ZERO = 25
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS = 26


class TransferStatus(IntEnum):
    """Outcome of create_transfers, in order of precedence. The numbers stand in the database: never renumber."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    IMPORTED_EVENT_EXPECTED = 3
    IMPORTED_EVENT_NOT_EXPECTED = 4
    TIMESTAMP_MUST_BE_ZERO = 5
    IMPORTED_EVENT_TIMESTAMP_OUT_OF_RANGE = 6
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_ADVANCE = 7
    RESERVED_FLAG = 8
    ID_MUST_NOT_BE_ZERO = 9
    ID_MUST_NOT_BE_INT_MAX = 10
    EXISTS_WITH_DIFFERENT_FLAGS = 11
    EXISTS_WITH_DIFFERENT_PENDING_ID = 12
    EXISTS_WITH_DIFFERENT_TIMEOUT = 13
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = 14
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = 15
    EXISTS_WITH_DIFFERENT_AMOUNT = 16
    EXISTS_WITH_DIFFERENT_USER_DATA_128 = 17
    EXISTS_WITH_DIFFERENT_USER_DATA_64 = 18
    EXISTS_WITH_DIFFERENT_USER_DATA_32 = 19
    EXISTS_WITH_DIFFERENT_LEDGER = 20
    EXISTS_WITH_DIFFERENT_CODE = 21
    EXISTS = 22
    ID_ALREADY_FAILED = 23
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 24
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 25
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 26
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 27
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 28
    ACCOUNTS_MUST_BE_DIFFERENT = 29
    PENDING_ID_MUST_BE_ZERO = 30
    PENDING_ID_MUST_NOT_BE_ZERO = 31
    PENDING_ID_MUST_NOT_BE_INT_MAX = 32
    PENDING_ID_MUST_BE_DIFFERENT = 33
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = 34
    CLOSING_TRANSFER_MUST_BE_PENDING = 35
    LEDGER_MUST_NOT_BE_ZERO = 36
    CODE_MUST_NOT_BE_ZERO = 37
    DEBIT_ACCOUNT_NOT_FOUND = 38
    CREDIT_ACCOUNT_NOT_FOUND = 39
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 40
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = 41
    PENDING_TRANSFER_NOT_FOUND = 42
    PENDING_TRANSFER_NOT_PENDING = 43
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = 44
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = 45
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = 46
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = 47
    EXCEEDS_PENDING_TRANSFER_AMOUNT = 48
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = 49
    PENDING_TRANSFER_ALREADY_POSTED = 50
    PENDING_TRANSFER_ALREADY_VOIDED = 51
    PENDING_TRANSFER_EXPIRED = 52
    IMPORTED_EVENT_TIMESTAMP_MUST_NOT_REGRESS = 53
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_DEBIT_ACCOUNT = 54
    IMPORTED_EVENT_TIMESTAMP_MUST_POSTDATE_CREDIT_ACCOUNT = 55
    IMPORTED_EVENT_TIMEOUT_MUST_BE_ZERO = 56
    DEBIT_ACCOUNT_ALREADY_CLOSED = 57
    CREDIT_ACCOUNT_ALREADY_CLOSED = 58
    OVERFLOWS_DEBITS_PENDING = 59
    OVERFLOWS_CREDITS_PENDING = 60
    OVERFLOWS_DEBITS_POSTED = 61
    OVERFLOWS_CREDITS_POSTED = 62
    OVERFLOWS_DEBITS = 63
    OVERFLOWS_CREDITS = 64
    OVERFLOWS_TIMEOUT = 65
    EXCEEDS_CREDITS = 66
    EXCEEDS_DEBITS = 67


TRANSIENT = frozenset(
    {
        TransferStatus.DEBIT_ACCOUNT_NOT_FOUND,
        TransferStatus.CREDIT_ACCOUNT_NOT_FOUND,
        TransferStatus.PENDING_TRANSFER_NOT_FOUND,
        TransferStatus.DEBIT_ACCOUNT_ALREADY_CLOSED,
        TransferStatus.CREDIT_ACCOUNT_ALREADY_CLOSED,
        TransferStatus.EXCEEDS_CREDITS,
        TransferStatus.EXCEEDS_DEBITS,
    }
)
"""Refusals that burn the id, so that a retry can never turn them into a success. EXCEEDS_PENDING_TRANSFER_AMOUNT
does not: it would refuse the same content at any other time too."""


class AccountOutcome(NamedTuple):
    """Status and timestamp (ns): its own when created, the original's when it exists, else that of checking."""

    status: AccountStatus
    timestamp: int


class Outcome(NamedTuple):
    """Status and timestamp (ns): its own when created, the original's when it exists, else that of checking."""

    status: TransferStatus
    timestamp: int
