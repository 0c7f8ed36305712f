"""What calldata asks for, unfolded to the bottom: batches, contract wallets, and what they carry. Pure.

Only canonical bytes of a known function are understood; everything else is a `fault` of that call and of nothing beside
it. Work is bounded: nested calls are at most DEPTH_MAX deep, together no longer than OUTPUT_TIMES the input and
OUTPUT_BYTES_MAX, however the bytes point at each other, and what is not unfolded by the deadline is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from chain.address import Address
from chain.calldata import Value
from chain.deadline import NEVER, Deadline
from chain.errors import CalldataMalformed
from chain.fragment import Argument
from chain.methods import METHODS, Standard

DEPTH_MAX = 16
OUTPUT_TIMES = 4
OUTPUT_BYTES_MAX = 1024 * 1024
MULTISENDS = frozenset(
    map(
        Address,
        (
            "0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761",  # MultiSend 1.3.0
            "0x998739BFdAAdde7C933B942a68053933098f9EDa",  # MultiSend 1.3.0, eip155
            "0x40A2aCCbd92BCA938b02010E17A5b8929b49130D",  # MultiSendCallOnly 1.3.0
            "0xA1dabEF33b3B82c7814B6D82A79e50F4AC44102B",  # MultiSendCallOnly 1.3.0, eip155
            "0x38869bf66a61cF6bDB996A6aE40D5853Fd43B526",  # MultiSend 1.4.1
            "0x9641d764fc13c8B624c04430C7356C1C7C8102e2",  # MultiSendCallOnly 1.4.1
        ),
    )
)
"""Whose code only passes calls on, wherever they are deployed (their addresses are made from their code)."""
_OPERATIONS = (0, 1)
_PACKED = 1 + 20 + 32 + 32


class Fault(StrEnum):
    """Why a call is not understood."""

    CREATION = "creation"
    SELECTOR_UNKNOWN = "selector-unknown"
    MALFORMED = "malformed"
    FOREIGN_CODE = "foreign-code"
    TOO_DEEP = "too-deep"
    TOO_MUCH = "too-much"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `place` counts from the top (`2.1`: the first call in the second); "" is the transaction's own.

    `to` None creates a contract. `sender` is who calls; a delegatecall runs `to`'s code as the sender itself. `value`
    is wei. Without data nothing but value moves: no method, no fault.
    """

    place: str
    sender: Address
    to: Address | None
    value: int
    data: bytes
    is_delegate: bool = False
    standard: Standard | None = None
    signature: str = ""
    named: Mapping[str, Value] | None = None
    arguments: tuple[Argument, ...] = ()
    inner: tuple[Call, ...] = ()
    fault: Fault | None = None

    @property
    def acts_as(self) -> Address | None:
        """The account in whose name the code runs."""
        return self.sender if self.is_delegate else self.to

    def walk(self) -> Iterator[Call]:
        """This call and those within it, in the order in which they are made."""
        yield self
        for call in self.inner:
            yield from call.walk()


@dataclass(frozen=True, slots=True)
class _Raw:
    to: Address | None
    value: int
    data: bytes
    sender: Address
    is_delegate: bool = False


class _Budget:
    def __init__(self, input_bytes: int, deadline: Deadline) -> None:
        self._left = min(OUTPUT_TIMES * input_bytes, OUTPUT_BYTES_MAX)
        self.deadline = deadline

    def spend(self, count: int) -> bool:
        """Is that much left? What is too much spends nothing."""
        if count > self._left:
            return False
        self._left -= count
        return True


def unfold(
    sender: Address, to: Address | None, value: int, data: bytes, place: str = "", deadline: Deadline = NEVER
) -> Call:
    """What a transaction's call does, and every call within it. Never raises for what the bytes are.

    `place` is where the call stands if it was itself found within another.
    """
    return _unfold(_Raw(to, value, data, sender), place, 0, _Budget(len(data), deadline))


def _unfold(raw: _Raw, place: str, depth: int, budget: _Budget) -> Call:
    def faulty(fault: Fault) -> Call:
        return Call(place, raw.sender, raw.to, raw.value, raw.data, raw.is_delegate, fault=fault)

    if raw.to is None:
        return faulty(Fault.CREATION)
    if not raw.data and not raw.is_delegate:
        return Call(place, raw.sender, raw.to, raw.value, raw.data)
    if depth > DEPTH_MAX:
        return faulty(Fault.TOO_DEEP)
    if (depth and not budget.spend(len(raw.data))) or budget.deadline.is_over:
        return faulty(Fault.TOO_MUCH)
    if raw.is_delegate and raw.to not in MULTISENDS:
        return faulty(Fault.FOREIGN_CODE)
    known = METHODS.get(raw.data[:4])
    if known is None:
        return faulty(Fault.SELECTOR_UNKNOWN)
    standard, fragment = known
    try:
        named = fragment.decode(raw.data, budget.deadline)
        found = _INNER.get(fragment.signature, _nothing)(raw, named)
    except CalldataMalformed:
        return faulty(Fault.TOO_MUCH if budget.deadline.is_over else Fault.MALFORMED)
    prefix = f"{place}." if place else ""
    inner = tuple(_unfold(one, f"{prefix}{n}", depth + 1, budget) for n, one in enumerate(found, 1))
    arguments = tuple(fragment.flat(list(named.values())))
    told = (raw.is_delegate, standard, fragment.signature, named, arguments, inner)
    return Call(place, raw.sender, raw.to, raw.value, raw.data, *told)


def _nothing(raw: _Raw, named: Mapping[str, Value]) -> list[_Raw]:
    return []


def _aggregate(raw: _Raw, named: Mapping[str, Value]) -> list[_Raw]:
    """Multicall3: each call is made by the contract itself. Three members or four say value, or that one may fail."""
    found = []
    for entry in _items(named["calls"]):
        members = _items(entry)
        value = members[2] if len(members) == 4 else 0
        target, data = members[0], members[-1]
        assert isinstance(target, Address) and isinstance(data, bytes) and isinstance(value, int)
        found.append(_Raw(target, value, data, _own(raw)))
    return found


def _multicall(raw: _Raw, named: Mapping[str, Value]) -> list[_Raw]:
    """Uniswap's: the contract calls itself, in the name of who called it."""
    found = []
    for data in _items(named["data"]):
        assert isinstance(data, bytes)
        found.append(_Raw(_own(raw), 0, data, raw.sender))
    return found


def _safe(raw: _Raw, named: Mapping[str, Value]) -> list[_Raw]:
    to, value, data, operation = (named[name] for name in ("to", "value", "data", "operation"))
    assert isinstance(to, Address) and isinstance(value, int) and isinstance(data, bytes)
    if operation not in _OPERATIONS:
        raise CalldataMalformed("operation")
    return [_Raw(to, value, data, _own(raw), operation == 1)]


def _multisend(raw: _Raw, named: Mapping[str, Value]) -> list[_Raw]:
    """Packed: operation, address, value, length of the data, data; nothing between and nothing after."""
    packed = named["transactions"]
    assert isinstance(packed, bytes)
    found, at = [], 0
    while at < len(packed):
        head = packed[at : at + _PACKED]
        length = int.from_bytes(head[53:], "big")
        end = at + _PACKED + length
        if len(head) != _PACKED or end > len(packed) or head[0] not in _OPERATIONS:
            raise CalldataMalformed("packed transactions")
        to, value = Address.from_bytes(head[1:21]), int.from_bytes(head[21:53], "big")
        found.append(_Raw(to, value, packed[at + _PACKED : end], _own(raw), head[0] == 1))
        at = end
    return found


def _own(raw: _Raw) -> Address:
    """In whose name the contract makes its own calls."""
    address = raw.sender if raw.is_delegate else raw.to
    assert address is not None
    return address


def _items(value: Value) -> tuple[Value, ...]:
    assert isinstance(value, (tuple, list))
    return tuple(value)


_INNER: dict[str, Callable[[_Raw, Mapping[str, Value]], list[_Raw]]] = {
    "aggregate((address,bytes)[])": _aggregate,
    "tryAggregate(bool,(address,bytes)[])": _aggregate,
    "blockAndAggregate((address,bytes)[])": _aggregate,
    "tryBlockAndAggregate(bool,(address,bytes)[])": _aggregate,
    "aggregate3((address,bool,bytes)[])": _aggregate,
    "aggregate3Value((address,bool,uint256,bytes)[])": _aggregate,
    "multicall(bytes[])": _multicall,
    "multicall(uint256,bytes[])": _multicall,
    "multicall(bytes32,bytes[])": _multicall,
    "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)": _safe,
    "execTransactionFromModule(address,uint256,bytes,uint8)": _safe,
    "multiSend(bytes)": _multisend,
}
