"""What a decoded call or a signed message does to somebody's tokens: moves them, or lets another move them. Pure.

Only what the bytes themselves say. An effect's contract may be anything; whether it is a token that is known is for the
review to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.calldata import Value
from chain.calls import Call
from chain.methods import Standard

_UNLIMITED, _UNLIMITED_96 = 2**128 - 1, 2**96 - 1


class Act(StrEnum):
    """`TRANSFER` moves to `party`; `ALLOW` lets it take up to `units`, `ALLOW_ALL` everything of that contract."""

    TRANSFER = "transfer"
    ALLOW = "allow"
    ALLOW_MORE = "allow-more"
    ALLOW_LESS = "allow-less"
    ALLOW_ALL = "allow-all"
    REVOKE = "revoke"
    WRAP = "wrap"
    UNWRAP = "unwrap"


@dataclass(frozen=True, slots=True)
class Effect:
    """`owner` is whose tokens they are. `units` are of the token's smallest unit; None where only `number`, the id of a
    single piece, or nothing at all counts. `ends`: Unix seconds at which an allowance ends by itself, None for never.
    `standard` says how `units` may be meant: TOKEN where an amount and a piece's number have the same bytes.
    """

    act: Act
    standard: Standard
    contract: Address
    owner: Address
    party: Address
    units: int | None = None
    number: int | None = None
    ends: int | None = None

    @property
    def is_allowance(self) -> bool:
        return self.act in (Act.ALLOW, Act.ALLOW_MORE, Act.ALLOW_ALL)

    @property
    def is_unlimited(self) -> bool:
        """More than there is of any token, or everything."""
        return self.act is Act.ALLOW_ALL or (self.is_allowance and self.units is not None and is_boundless(self.units))


def is_boundless(units: int) -> bool:
    """More than there is of any token; 2^96-1 is what tokens that count in 96 bits call unlimited."""
    return units >= _UNLIMITED or units == _UNLIMITED_96


def effects_of(call: Call) -> tuple[Effect, ...]:
    """Of this call alone, not of those within it. Empty where it is not understood, or does nothing of the kind."""
    found = _EFFECTS.get(call.signature)
    if found is None or call.named is None or call.to is None:
        return ()
    return tuple(found(call, call.to, _Named(call.named)))


class _Named:
    """Arguments by name, as the type that the fragment gives them."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        self._values = values

    def address(self, name: str) -> Address:
        value = self._values[name]
        assert isinstance(value, Address)
        return value

    def number(self, name: str) -> int:
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def items(self, name: str) -> tuple[Value, ...]:
        value = self._values[name]
        assert isinstance(value, (tuple, list))
        return tuple(value)


def _transfer(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    yield Effect(Act.TRANSFER, Standard.ERC20, to, call.sender, given.address("to"), given.number("amount"))


def _transfer_from(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("from"), given.address("to")
    yield Effect(Act.TRANSFER, Standard.TOKEN, to, owner, party, given.number("amount"))


def _approve(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    """Of nothing is a revocation; as an ERC-721's, it would give piece number 0 away, and is said to be both."""
    units = given.number("amount")
    act = Act.ALLOW if units else Act.REVOKE
    yield Effect(act, Standard.TOKEN, to, call.sender, given.address("spender"), units)


def _increase(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    party, units = given.address("spender"), given.number("addedValue")
    yield Effect(Act.ALLOW_MORE, Standard.ERC20, to, call.sender, party, units)


def _decrease(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    party, units = given.address("spender"), given.number("subtractedValue")
    yield Effect(Act.ALLOW_LESS, Standard.ERC20, to, call.sender, party, units)


def _permit(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    """Its deadline is for handing it in: the allowance itself stays."""
    owner, party, units = given.address("owner"), given.address("spender"), given.number("value")
    yield Effect(Act.ALLOW if units else Act.REVOKE, Standard.ERC2612, to, owner, party, units)


def _permit_of_dai(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("holder"), given.address("spender")
    act, units = (Act.ALLOW, 2**256 - 1) if given.number("allowed") else (Act.REVOKE, 0)
    yield Effect(act, Standard.ERC2612, to, owner, party, units)


def _authorized(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("from"), given.address("to")
    yield Effect(Act.TRANSFER, Standard.ERC3009, to, owner, party, given.number("value"))


def _piece(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("from"), given.address("to")
    yield Effect(Act.TRANSFER, Standard.ERC721, to, owner, party, number=given.number("tokenId"))


def _pieces(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("from"), given.address("to")
    units = given.number("value")
    yield Effect(Act.TRANSFER, Standard.ERC1155, to, owner, party, units, given.number("id"))


def _batch(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party = given.address("from"), given.address("to")
    for number, units in zip(given.items("ids"), given.items("values"), strict=False):
        assert isinstance(number, int) and isinstance(units, int)
        yield Effect(Act.TRANSFER, Standard.ERC1155, to, owner, party, units, number)


def _operator(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    act = Act.ALLOW_ALL if given.number("approved") else Act.REVOKE
    yield Effect(act, Standard.NFT, to, call.sender, given.address("operator"))


def _wrap(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    yield Effect(Act.WRAP, Standard.WETH, to, call.sender, to, call.value)


def _unwrap(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    yield Effect(Act.UNWRAP, Standard.WETH, to, call.sender, call.sender, given.number("amount"))


def _permit2_approve(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    units, ends = given.number("amount"), given.number("expiration")
    yield permit2_allowance(given.address("token"), call.sender, given.address("spender"), units, ends)


def _permit2_permit(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    details, spender, _deadline = _items(given.items("permitSingle"))
    yield _permit2_detail(details, given.address("owner"), spender)


def _permit2_permits(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    details, spender, _deadline = _items(given.items("permitBatch"))
    for detail in _items(details):
        yield _permit2_detail(detail, given.address("owner"), spender)


def _permit2_detail(detail: Value, owner: Address, spender: Value) -> Effect:
    token, units, ends, _nonce = _items(detail)
    assert isinstance(token, Address) and isinstance(spender, Address)
    assert isinstance(units, int) and isinstance(ends, int)
    return permit2_allowance(token, owner, spender, units, ends)


def permit2_allowance(token: Address, owner: Address, spender: Address, units: int, ends: int) -> Effect:
    """What Permit2 keeps: an allowance with an end (0: for the block alone) and, at 2^160-1, without a limit."""
    return Effect(Act.ALLOW if units else Act.REVOKE, Standard.PERMIT2, token, owner, spender, units, ends=ends)


def _permit2_transfer(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    owner, party, units = given.address("from"), given.address("to"), given.number("amount")
    yield Effect(Act.TRANSFER, Standard.PERMIT2, given.address("token"), owner, party, units)


def _permit2_transfers(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    for entry in given.items("transferDetails"):
        owner, party, units, token = _items(entry)
        assert isinstance(owner, Address) and isinstance(party, Address)
        assert isinstance(units, int) and isinstance(token, Address)
        yield Effect(Act.TRANSFER, Standard.PERMIT2, token, owner, party, units)


def _lockdown(call: Call, to: Address, given: _Named) -> Iterator[Effect]:
    for entry in given.items("approvals"):
        token, spender = _items(entry)
        assert isinstance(token, Address) and isinstance(spender, Address)
        yield Effect(Act.REVOKE, Standard.PERMIT2, token, call.sender, spender, 0)


def _items(value: Value) -> tuple[Value, ...]:
    assert isinstance(value, (tuple, list))
    return tuple(value)


_AUTHORIZATION = "(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)"
_DETAILS = "(address,uint160,uint48,uint48)"
_EFFECTS: dict[str, Callable[[Call, Address, _Named], Iterator[Effect]]] = {
    "transfer(address,uint256)": _transfer,
    "transferFrom(address,address,uint256)": _transfer_from,
    "approve(address,uint256)": _approve,
    "increaseAllowance(address,uint256)": _increase,
    "decreaseAllowance(address,uint256)": _decrease,
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)": _permit,
    "permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)": _permit_of_dai,
    f"transferWithAuthorization{_AUTHORIZATION}": _authorized,
    f"receiveWithAuthorization{_AUTHORIZATION}": _authorized,
    "safeTransferFrom(address,address,uint256)": _piece,
    "safeTransferFrom(address,address,uint256,bytes)": _piece,
    "safeTransferFrom(address,address,uint256,uint256,bytes)": _pieces,
    "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)": _batch,
    "setApprovalForAll(address,bool)": _operator,
    "deposit()": _wrap,
    "withdraw(uint256)": _unwrap,
    "approve(address,address,uint160,uint48)": _permit2_approve,
    f"permit(address,({_DETAILS},address,uint256),bytes)": _permit2_permit,
    f"permit(address,({_DETAILS}[],address,uint256),bytes)": _permit2_permits,
    "transferFrom(address,address,uint160,address)": _permit2_transfer,
    "transferFrom((address,address,uint160,address)[])": _permit2_transfers,
    "lockdown((address,address)[])": _lockdown,
}
