"""Every way in which this package fails.

Exceptions carry fields, not sentences; who meets a person puts them into words.

ChainError
 +- AddressMalformed            no 20-byte hex address
 |   +- AddressChecksumWrong    mixed case that EIP-55 does not give
 +- AmountMalformed             no plain decimal number
 |   +- AmountTooPrecise        more decimals than the asset has
 |   +- AmountTooLarge          2^256 or more of the smallest unit
 +- TokensDiffer                an amount of one token met another
 +- JsonMalformed               not JSON, or not within the bounds
 +- TokenListMalformed
 +- ReceiverRefused             zero address, or the token's own contract
 +- TransactionMalformed        no canonical bytes, or a field out of bounds
 +- CalldataMalformed           ABI bytes that do not decode within the budget
 +- TypedDataMalformed          EIP-712 input that is refused
 +- DescriptorMalformed         an ERC-7730 file that cannot be honoured in full
 +- InsufficientNative          coins for value and fee are missing
 |   +- GasMissing              coins for the fee alone: what is sent is something else
 +- InsufficientToken           tokens are missing
 +- TokenWithoutCode            no contract lives at the token's address
 +- FeeTooHigh                  the node asks for more than the cap
 +- NodeError
 |   +- NodeUnreachable         no answer (refused, timed out, not HTTP 2xx)
 |   +- NodeRefused             a JSON-RPC error
 |   |   +- ExecutionReverted   the call would revert, or did
 |   +- AnswerTooLarge
 |   +- AnswerMalformed         no JSON-RPC answer to what was asked
 |   +- WrongChain              another chain id than expected
 |   +- WrongGenesis            the same chain id, but another chain
 |   +- TransactionUnseen       no receipt within the time given
 |   +- NodeBehind              it knows fewer blocks than were recorded
 |   +- StretchTooLong          more blocks than the node answers for at once
 +- TreasuryError
 |   +- TreasuryRefused         the process that holds the treasury's key does not sign this
 |   +- TreasuryLost            it ended, or cannot be started
 |   +- TreasuryMissing         there is no treasury in that folder
 |   +- TreasuryExists          there is one already
 +- DevnetError
     +- DevnetMissing           the program is not installed
     +- DevnetDied              it ended by itself
     +- DevnetSlow              it did not answer within the time given
     +- DevnetCannot            this kind of chain does not do that
     +- DevAccountMissing       the node does not sign for the demo owner's account
     +- DevAccountUnfunded      it does, but the account cannot pay
     +- DemoContractMissing     the demo contracts are not on this chain
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChainError(Exception):
    """Base of this package's errors."""

    def __str__(self) -> str:
        return repr(self)


@dataclass(eq=False)
class AddressMalformed(ChainError):
    text: str


@dataclass(eq=False)
class AddressChecksumWrong(AddressMalformed):
    """`expected` is what EIP-55 gives for the same bytes; for display only, a typing error may be anywhere."""

    expected: str


@dataclass(eq=False)
class AmountMalformed(ChainError):
    text: str


@dataclass(eq=False)
class AmountTooPrecise(AmountMalformed):
    symbol: str
    decimals: int


@dataclass(eq=False)
class AmountTooLarge(AmountMalformed):
    symbol: str


@dataclass(eq=False)
class TokensDiffer(ChainError):
    left: str
    right: str


@dataclass(eq=False)
class JsonMalformed(ChainError):
    reason: str


@dataclass(eq=False)
class TokenListMalformed(ChainError):
    reason: str


class ReceiverFault(StrEnum):
    """Why an address is no place to send to."""

    ZERO_ADDRESS = "zero-address"
    TOKEN_CONTRACT = "token-contract"  # noqa: S105  # a reason, not a secret


@dataclass(eq=False)
class ReceiverRefused(ChainError):
    receiver: str
    fault: ReceiverFault


@dataclass(eq=False)
class TransactionMalformed(ChainError):
    reason: str


@dataclass(eq=False)
class CalldataMalformed(ChainError):
    reason: str


@dataclass(eq=False)
class TypedDataMalformed(ChainError):
    """`path` names the member (`message.to.wallet`) or the type that is at fault."""

    path: str
    reason: str


@dataclass(eq=False)
class DescriptorMalformed(ChainError):
    """`path` is of the file, or the file's own path into the data."""

    path: str
    reason: str


@dataclass(eq=False)
class InsufficientNative(ChainError):
    """All in wei; what is missing is value + fee - available. `fee_wei` is the most the fee can be."""

    available_wei: int
    value_wei: int
    fee_wei: int

    @property
    def missing_wei(self) -> int:
        return self.value_wei + self.fee_wei - self.available_wei


@dataclass(eq=False)
class GasMissing(InsufficientNative):
    """No coins are sent, and those that are there do not pay the fee."""


@dataclass(eq=False)
class InsufficientToken(ChainError):
    """In the token's smallest unit."""

    token: str
    available_units: int
    needed_units: int

    @property
    def missing_units(self) -> int:
        return self.needed_units - self.available_units


@dataclass(eq=False)
class TokenWithoutCode(ChainError):
    token: str


@dataclass(eq=False)
class FeeTooHigh(ChainError):
    """Wei per gas."""

    max_fee_per_gas: int
    cap: int


class NodeError(ChainError):
    """A JSON-RPC node did not do what was asked."""


@dataclass(eq=False)
class NodeUnreachable(NodeError):
    """`reason` is a word of ours (`timeout`, `connection`, `http-502`), never the node's text."""

    url: str
    reason: str


@dataclass(eq=False)
class NodeRefused(NodeError):
    """The node's own error, as it said it: `message` and `data` are its claims and may hold anything."""

    code: int
    message: str
    data: object = None


@dataclass(eq=False)
class ExecutionReverted(NodeRefused):
    """`reason` is decoded from the revert data; None where there is none or it is of an unknown kind."""

    reason: str | None = None


@dataclass(eq=False)
class AnswerTooLarge(NodeError):
    limit_bytes: int


@dataclass(eq=False)
class AnswerMalformed(NodeError):
    reason: str


@dataclass(eq=False)
class WrongChain(NodeError):
    expected: int
    actual: int


@dataclass(eq=False)
class WrongGenesis(NodeError):
    """Block 0's hashes, 0x hex: the chain was restarted, or it is another one with the same id."""

    expected: str
    actual: str


@dataclass(eq=False)
class TransactionUnseen(NodeError):
    """It may still be included later: absence is no refusal."""

    transaction_hash: str
    waited_seconds: float


@dataclass(eq=False)
class NodeBehind(NodeError):
    """Nothing stands in the place of the blocks that it lacks: it lags, or was set back."""

    known: int
    head: int


@dataclass(eq=False)
class StretchTooLong(NodeError):
    """Ask for fewer."""

    blocks: int


class DevnetError(ChainError):
    """A local test chain could not be used."""


@dataclass(eq=False)
class DevnetMissing(DevnetError):
    program: str
    path: str


@dataclass(eq=False)
class DevnetDied(DevnetError):
    program: str
    status: int
    output: str


@dataclass(eq=False)
class DevnetSlow(DevnetError):
    program: str
    waited_seconds: float


@dataclass(eq=False)
class DevnetCannot(DevnetError):
    """`reason` goes on after "it": `keeps no state file`."""

    reason: str


@dataclass(eq=False)
class DevAccountMissing(DevnetError):
    account: str


@dataclass(eq=False)
class DevAccountUnfunded(DevnetError):
    account: str
    available_wei: int
    needed_wei: int


@dataclass(eq=False)
class DemoContractMissing(DevnetError):
    name: str
    address: str


class TreasuryError(ChainError):
    """Of the operator's hot wallet; nobody else meets these."""


@dataclass(eq=False)
class TreasuryRefused(TreasuryError):
    """`reason` is a word (treasury_rules.py); `nonce` the number that it is about, or where to go on."""

    reason: str
    nonce: int


@dataclass(eq=False)
class TreasuryLost(TreasuryError):
    reason: str


@dataclass(eq=False)
class TreasuryMissing(TreasuryError):
    folder: str


@dataclass(eq=False)
class TreasuryExists(TreasuryError):
    folder: str
