"""What a transaction would do to an account, read from a node's simulation, and what it did, from its receipt. Pure.

All of it is claimed: by the node that answers, and by the contracts, whose logs may say anything. Balances that the
node read before and after are worth more than logs, and stand beside them. Every parse raises AnswerMalformed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from chain.address import Address
from chain.block import Log, Receipt, address, listed, members
from chain.calldata import decode, revert_reason
from chain.errors import AnswerMalformed, CalldataMalformed
from chain.keccak import keccak256
from chain.quantity import data, quantity

NATIVE = Address("0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE")
"""Where eth_simulateV1 has the chain's own coin move, as if it were a token."""
LOGS_MAX = 10_000
FRAMES_MAX = 10_000
_DEPTH_MAX = 64


class Method(StrEnum):
    """How it was found out."""

    SIMULATE = "eth_simulateV1"
    TRACE = "debug_traceCall"
    NONE = "not simulated"


@dataclass(frozen=True, slots=True)
class Movement:
    """`token` None is the chain's own coin; `number` a piece's id, `units` how much or how many (None: the piece)."""

    token: Address | None
    sender: Address
    receiver: Address
    units: int | None
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """`spender` may take `units` of the owner's, or the piece `number`; both None: everything. 0 units: revoked.

    `via` is the contract that keeps the allowance, where the token itself does not (Permit2).
    """

    token: Address
    owner: Address
    spender: Address
    units: int | None
    number: int | None = None
    via: Address | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """The same number before and after."""

    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Events that touch one account. `succeeded` and `gas_used` are None where nothing was simulated.

    `balances` by token and `allowances` by token and spender are what the node read, where it could.
    """

    method: Method
    succeeded: bool | None = None
    gas_used: int | None = None
    reason: str | None = None
    movements: tuple[Movement, ...] = ()
    grants: tuple[Grant, ...] = ()
    balances: Mapping[Address, Span] = field(default_factory=dict)
    allowances: Mapping[tuple[Address, Address], Span] = field(default_factory=dict)

    def changes(self, account: Address) -> dict[Address | None, int]:
        """By token, what the account has more (or less) afterwards, fees aside; as read where it was, else by logs."""
        found: Counter[Address | None] = Counter()
        for movement in self.movements:
            if movement.units is not None and movement.number is None:
                found[movement.token] += movement.units * (movement.receiver == account)
                found[movement.token] -= movement.units * (movement.sender == account)
        for token, span in self.balances.items():
            found[token] = span.after - span.before
        return {token: units for token, units in found.items() if units}


@dataclass(frozen=True, slots=True)
class Difference:
    """An event that was foreseen and did not come, or came unforeseen. None: the status itself is another."""

    event: Movement | Grant | None
    was_foreseen: bool


NOT_SIMULATED = Outcome(Method.NONE)
_Raw: TypeAlias = "tuple[Address, tuple[bytes, ...], bytes]"


def drift(outcome: Outcome, receipt: Receipt, account: Address) -> tuple[Difference, ...]:
    """How the receipt differs from what was simulated: status, token movements and grants of the account.

    Coins are left out: a receipt has no log of them. Nothing was foreseen where nothing was simulated.
    """
    if outcome.method is Method.NONE:
        return ()
    found: list[Difference] = []
    if outcome.succeeded is not receipt.succeeded:
        found.append(Difference(None, bool(outcome.succeeded)))
    movements, grants = events_of(raw_logs(receipt.logs), account)
    tokens = [movement for movement in outcome.movements if movement.token is not None]
    foreseen: Counter[Movement | Grant] = Counter([*tokens, *outcome.grants])
    happened: Counter[Movement | Grant] = Counter([*movements, *grants])
    found += [Difference(event, True) for event in (foreseen - happened).elements()]
    found += [Difference(event, False) for event in (happened - foreseen).elements()]
    return tuple(found)


def parse_simulations(answer: object, account: Address, count: int) -> list[Outcome]:
    """Of eth_simulateV1's answer, the `count` calls of its first block."""
    calls = _calls(answer)
    if len(calls) != count:
        raise AnswerMalformed("as many answers as calls expected")
    return [_simulated(members(call), account) for call in calls]


def _simulated(called: Mapping[str, object], account: Address) -> Outcome:
    succeeded = quantity(called.get("status"), 1) == 1
    returned = data(called.get("returnData"))
    movements, grants = events_of(map(_raw_log, listed(called.get("logs") or [], LOGS_MAX)), account)
    return Outcome(
        Method.SIMULATE,
        succeeded,
        quantity(called.get("gasUsed"), 63),
        None if succeeded else revert_reason(returned),
        movements if succeeded else (),
        grants if succeeded else (),
    )


def parse_words(answer: object, count: int) -> list[int | None]:
    """What the first block's calls answered that should each be a number; None where one is not."""
    calls = _calls(answer)
    if len(calls) != count:
        raise AnswerMalformed("as many answers as calls expected")
    return [_word(members(call)) for call in calls]


def parse_trace(answer: object, account: Address) -> Outcome:
    """Of debug_traceCall's callTracer with logs. What a frame that failed did is undone, and so is all below it."""
    top = members(answer)
    succeeded = "error" not in top
    budget = [FRAMES_MAX]
    frames = list(_frames(top, 0, budget)) if succeeded else []
    logs = (_raw_log(log) for frame in frames for log in listed(frame.get("logs") or [], LOGS_MAX))
    movements, grants = events_of(logs, account)
    coins = tuple(
        Movement(None, sender, receiver, units)
        for sender, receiver, units in map(_paid, frames)
        if units and account in (sender, receiver)
    )
    output = data(top.get("output") or "0x")
    return Outcome(
        Method.TRACE,
        succeeded,
        quantity(top.get("gasUsed"), 63),
        None if succeeded else revert_reason(output),
        coins + movements,
        grants,
    )


def events_of(logs: Iterable[_Raw], account: Address) -> tuple[tuple[Movement, ...], tuple[Grant, ...]]:
    """Movements to or from the account, and grants of its tokens, in order. Other logs say nothing here."""
    movements: list[Movement] = []
    grants: list[Grant] = []
    for emitter, topics, body in logs:
        reader = _EVENTS.get((topics[0], len(topics))) if topics else None
        if reader is None:
            continue
        try:
            for event in reader(emitter, topics, body):
                if isinstance(event, Movement) and account in (event.sender, event.receiver):
                    movements.append(event)
                elif isinstance(event, Grant) and event.owner == account:
                    grants.append(event)
        except CalldataMalformed:
            continue  # another contract's event of the same name
    return tuple(movements), tuple(grants)


def raw_logs(logs: Sequence[Log]) -> list[_Raw]:
    """Of a receipt, as `events_of` takes them."""
    return [(log.address, log.topics, log.data) for log in logs]


# Events


def _transfer(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Movement]:
    sender, receiver = _party(topics[1]), _party(topics[2])
    token = None if emitter == NATIVE else emitter
    if len(topics) == 4:
        yield Movement(token, sender, receiver, None, int.from_bytes(topics[3], "big"))
    else:
        yield Movement(token, sender, receiver, _numbers("(uint256)", body)[0])


def _approval(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Grant]:
    owner, spender = _party(topics[1]), _party(topics[2])
    if len(topics) == 4:
        number = int.from_bytes(topics[3], "big")
        yield Grant(emitter, owner, spender, 0 if spender.is_zero else None, number)
    else:
        yield Grant(emitter, owner, spender, _numbers("(uint256)", body)[0])


def _approval_for_all(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Grant]:
    allowed = decode("(bool)", body)[0]
    yield Grant(emitter, _party(topics[1]), _party(topics[2]), None if allowed else 0)


def _single(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Movement]:
    number, units = _numbers("(uint256,uint256)", body)
    yield Movement(emitter, _party(topics[2]), _party(topics[3]), units, number)


def _batch(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Movement]:
    numbers, amounts = decode("(uint256[],uint256[])", body)
    assert isinstance(numbers, (tuple, list)) and isinstance(amounts, (tuple, list))
    for number, units in zip(numbers, amounts, strict=False):
        assert isinstance(number, int) and isinstance(units, int)
        yield Movement(emitter, _party(topics[2]), _party(topics[3]), units, number)


def _deposit(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Movement]:
    yield Movement(emitter, Address.ZERO, _party(topics[1]), _numbers("(uint256)", body)[0])


def _withdrawal(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Movement]:
    yield Movement(emitter, _party(topics[1]), Address.ZERO, _numbers("(uint256)", body)[0])


def _permit2(emitter: Address, topics: tuple[bytes, ...], body: bytes) -> Iterator[Grant]:
    units = int.from_bytes(body[:32], "big")
    yield Grant(_party(topics[2]), _party(topics[1]), _party(topics[3]), units, via=emitter)


_EVENTS: dict[tuple[bytes, int], Callable[[Address, tuple[bytes, ...], bytes], Iterator[Movement | Grant]]] = {
    (keccak256(signature.encode()), count): reader
    for signature, count, reader in (
        ("Transfer(address,address,uint256)", 3, _transfer),
        ("Transfer(address,address,uint256)", 4, _transfer),
        ("Approval(address,address,uint256)", 3, _approval),
        ("Approval(address,address,uint256)", 4, _approval),
        ("ApprovalForAll(address,address,bool)", 3, _approval_for_all),
        ("TransferSingle(address,address,address,uint256,uint256)", 4, _single),
        ("TransferBatch(address,address,address,uint256[],uint256[])", 4, _batch),
        ("Deposit(address,uint256)", 2, _deposit),
        ("Withdrawal(address,uint256)", 2, _withdrawal),
        ("Approval(address,address,address,uint160,uint48)", 4, _permit2),
        ("Permit(address,address,address,uint160,uint48,uint48)", 4, _permit2),
    )
}


def _party(topic: bytes) -> Address:
    found = decode("(address)", topic)[0]
    assert isinstance(found, Address)
    return found


def _numbers(types: str, body: bytes) -> list[int]:
    return [number for number in decode(types, body) if isinstance(number, int)]


# The node's JSON


def _calls(answer: object) -> list[object]:
    blocks = listed(answer, 1)
    if not blocks:
        raise AnswerMalformed("a block expected")
    calls = listed(members(blocks[0]).get("calls"), 1000)
    if not calls:
        raise AnswerMalformed("calls expected")
    return calls


def _word(called: Mapping[str, object]) -> int | None:
    returned = data(called.get("returnData"))
    is_number = quantity(called.get("status"), 1) == 1 and len(returned) == 32
    return int.from_bytes(returned, "big") if is_number else None


def _raw_log(answer: object) -> _Raw:
    fields = members(answer)
    topics = tuple(data(topic, 32) for topic in listed(fields.get("topics") or [], 4))
    return address(fields.get("address")), topics, data(fields.get("data") or "0x")


def _frames(frame: Mapping[str, object], depth: int, budget: list[int]) -> Iterator[Mapping[str, object]]:
    """Frames that were not undone, in order."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _DEPTH_MAX:
        raise AnswerMalformed("too many frames")
    yield frame
    for inner in listed(frame.get("calls") or [], FRAMES_MAX):
        below = members(inner)
        if "error" not in below:
            yield from _frames(below, depth + 1, budget)


def _paid(frame: Mapping[str, object]) -> tuple[Address, Address, int]:
    """Who pays whom; a delegatecall shows its caller's value and moves none, a creation may have no address yet."""
    sender, to = address(frame.get("from")), frame.get("to")
    moves = frame.get("type") in ("CALL", "CREATE", "CREATE2", "SELFDESTRUCT")
    units = quantity(frame.get("value") or "0x0") if moves and to is not None else 0
    return sender, address(to) if to is not None else Address.ZERO, units
