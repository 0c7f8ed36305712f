"""What the treasury's key may sign: plain transfers of listed assets, each once, within a day's cap. Pure.

The process that holds the key decides by this, whatever the server asks: a payment has an id, an id has one number
(nonce) for ever and one content, and a number has one id. So a server that lost its memory, or was taken over, can have
the same payment signed again (for the same place in the account's order, where only one can stand), but never twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chain.address import Address
from chain.erc20 import Erc20Method, decode_erc20
from chain.errors import TreasuryRefused
from chain.transaction import TransactionRequest
from chain.transaction_layout import TransactionType

DAY_SECONDS = 86_400
_PLAIN = (TransactionType.LEGACY, TransactionType.DYNAMIC_FEE)


def asset_name(chain_id: int, contract: Address | None) -> str:
    """CAIP-19: the chain's own coin (slip44:60), or a contract of ERC-20."""
    return f"eip155:{chain_id}/" + ("slip44:60" if contract is None else f"erc20:0x{contract.raw.hex()}")


@dataclass(frozen=True, slots=True)
class Caps:
    """`assets`: units that may leave in a UTC day, by asset name; no other asset leaves. `fee_wei` bounds one fee."""

    chain_id: int
    assets: Mapping[str, int]
    fee_wei: int


@dataclass(frozen=True, slots=True)
class Payment:
    """What was signed: `id` is the caller's, 32 bytes of hex; `day` counts days since 1970."""

    id: str
    nonce: int
    asset: str
    to: str
    units: int
    day: int


@dataclass(slots=True)
class Signed:
    """Everything that was ever signed, as the file has it."""

    by_id: dict[str, Payment] = field(default_factory=dict)
    by_nonce: dict[int, Payment] = field(default_factory=dict)

    @classmethod
    def of(cls, payments: Iterable[Payment]) -> Signed:
        signed = cls()
        for payment in payments:
            signed.add(payment)
        return signed

    def add(self, payment: Payment) -> None:
        self.by_id[payment.id] = payment
        self.by_nonce[payment.nonce] = payment

    def used(self, asset: str, day: int) -> int:
        """Units of it that were signed away on that day."""
        return sum(p.units for p in self.by_id.values() if p.asset == asset and p.day == day)

    @property
    def next_nonce(self) -> int:
        """The first number that nothing was signed for, as far as this file knows."""
        return max(self.by_nonce, default=-1) + 1


def admit(payment_id: str, request: TransactionRequest, caps: Caps, signed: Signed, now: int) -> Payment | None:
    """The payment to be written down before it is signed; None where it was written before, at any fee.

    `now` in Unix seconds. Raises TreasuryRefused: its reason is a word, `nonce` where to go on.
    """
    asset, to, units = _plain(request, caps)
    assert request.nonce is not None, "it was decoded from bytes"
    if request.fee_max > caps.fee_wei:
        raise TreasuryRefused("fee", request.nonce)
    known = signed.by_id.get(payment_id)
    if known is not None:
        if (known.asset, known.to, known.units) != (asset, to, units):
            raise TreasuryRefused("differs", known.nonce)
        if known.nonce != request.nonce:
            raise TreasuryRefused("pinned", known.nonce)
        return None
    if request.nonce in signed.by_nonce:
        raise TreasuryRefused("nonce-taken", signed.next_nonce)
    day = now // DAY_SECONDS
    if asset not in caps.assets:
        raise TreasuryRefused("asset", request.nonce)
    if signed.used(asset, day) + units > caps.assets[asset]:
        raise TreasuryRefused("daily-cap", request.nonce)
    return Payment(payment_id, request.nonce, asset, to, units, day)


def _plain(request: TransactionRequest, caps: Caps) -> tuple[str, str, int]:
    """Asset, receiver and units of a transfer and nothing else."""
    if request.chain_id != caps.chain_id:
        raise TreasuryRefused("chain", request.nonce or 0)
    if request.to is not None and request.type in _PLAIN and not request.access_list:
        if not request.data and request.value > 0:
            return asset_name(request.chain_id, None), request.to, request.value
        call = decode_erc20(request.data)
        if call is not None and call.method is Erc20Method.TRANSFER and not request.value and call.units > 0:
            return asset_name(request.chain_id, request.to), call.party, call.units
    raise TreasuryRefused("not-a-transfer", request.nonce or 0)
