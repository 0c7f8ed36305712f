"""ERC-20 (EIP-20): moving, allowing and reading tokens, and recognising others' calls and logs.

`transfer` also moves the chain's own coin, so that callers need not care which one an amount is of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.block import Log, TokenTransfer
from chain.calldata import decode, decode_call, encode_call
from chain.errors import AnswerMalformed, CalldataMalformed, ReceiverFault, ReceiverRefused
from chain.keccak import keccak256
from chain.token import UNITS_MAX, TokenAmount
from chain.transaction import TransactionRequest

TRANSFER_TOPIC = keccak256(b"Transfer(address,address,uint256)")
_TRANSFER = "transfer(address,uint256)"
_APPROVE = "approve(address,uint256)"
_TRANSFER_FROM = "transferFrom(address,address,uint256)"
_BALANCE_OF = "balanceOf(address)"


class Erc20Method(StrEnum):
    TRANSFER = "transfer"
    APPROVE = "approve"
    TRANSFER_FROM = "transferFrom"


@dataclass(frozen=True, slots=True)
class Erc20Call:
    """A decoded call. `party` receives, or may spend; `owner` is set for transferFrom alone."""

    method: Erc20Method
    party: Address
    units: int
    owner: Address | None = None

    @property
    def is_unlimited(self) -> bool:
        return self.units == UNITS_MAX


def transfer(amount: TokenAmount, to: Address, sender: Address | None = None) -> TransactionRequest:
    """Raises ReceiverRefused for the zero address and the token's own contract: what goes there is lost."""
    token = amount.token
    if to.is_zero:
        raise ReceiverRefused(to, ReceiverFault.ZERO_ADDRESS)
    if token.address is None:
        return TransactionRequest(token.chain_id, to, value=amount.units, sender=sender)
    if to == token.address:
        raise ReceiverRefused(to, ReceiverFault.TOKEN_CONTRACT)
    call = encode_call(_TRANSFER, to, amount.units)
    return TransactionRequest(token.chain_id, token.address, data=call, sender=sender)


def approve(amount: TokenAmount, spender: Address, sender: Address | None = None) -> TransactionRequest:
    """Of a token with an address; the chain's own coin knows no allowance (ReceiverRefused)."""
    token = amount.token
    if token.address is None or spender.is_zero:
        raise ReceiverRefused(spender, ReceiverFault.ZERO_ADDRESS)
    call = encode_call(_APPROVE, spender, amount.units)
    return TransactionRequest(token.chain_id, token.address, data=call, sender=sender)


def balance_of(owner: Address) -> bytes:
    """The calldata that asks for a balance."""
    return encode_call(_BALANCE_OF, owner)


def decode_balance(result: bytes) -> int:
    """What `balance_of` answers. Raises AnswerMalformed, also for the empty answer of an address without code."""
    return decode_uint(result)


def decode_uint(result: bytes) -> int:
    """A single uint256. Raises AnswerMalformed."""
    if len(result) != 32:
        raise AnswerMalformed("one word expected")
    return int.from_bytes(result, "big")


def decode_erc20(calldata: bytes) -> Erc20Call | None:
    """None for any other call, and for one of these whose bytes are not exactly canonical."""
    try:
        return _decode_party(calldata) or _decode_transfer_from(calldata)
    except CalldataMalformed:
        return None


def decode_transfer_log(log: Log) -> TokenTransfer | None:
    """None for other events, and for ERC-721's Transfer, whose third topic is an id."""
    if len(log.topics) != 3 or log.topics[0] != TRANSFER_TOPIC or len(log.data) != 32:
        return None
    try:
        (sender,) = decode("(address)", log.topics[1])
        (receiver,) = decode("(address)", log.topics[2])
    except CalldataMalformed:
        return None
    assert isinstance(sender, Address) and isinstance(receiver, Address)
    units = int.from_bytes(log.data, "big")
    return TokenTransfer(log.address, sender, receiver, units, log.transaction_hash, log.index)


def _decode_party(calldata: bytes) -> Erc20Call | None:
    for signature, method in ((_TRANSFER, Erc20Method.TRANSFER), (_APPROVE, Erc20Method.APPROVE)):
        arguments = decode_call(signature, calldata)
        if arguments is not None:
            party, units = arguments
            assert isinstance(party, Address) and isinstance(units, int)
            return Erc20Call(method, party, units)
    return None


def _decode_transfer_from(calldata: bytes) -> Erc20Call | None:
    arguments = decode_call(_TRANSFER_FROM, calldata)
    if arguments is None:
        return None
    owner, party, units = arguments
    assert isinstance(owner, Address) and isinstance(party, Address) and isinstance(units, int)
    return Erc20Call(Erc20Method.TRANSFER_FROM, party, units, owner)
