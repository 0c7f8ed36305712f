"""Deposits: what becomes of tokens that come to the treasury. Pure.

A deposit is one transfer of a listed asset to the treasury's address; its id names chain, transaction, token and the
transfer's place among that transaction's, so that the same transaction in another block is the same deposit. `advance`
says the next thing to do of where a deposit stands and what the chain shows; everything that it asks for has an id that
follows from the deposit, so whatever is interrupted is done again and moves nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from chain.address import Address
from chain.keccak import keccak256
from chain.recorded import Kind, RecordedTransfer
from fiat.conversion import less_spread, rounded_down
from fiat.currency import Currency
from fiat.fee import FeeSchedule, fee_minor
from fiat.money import AMOUNT_MINOR_MAX

_MOVES = (Kind.NATIVE, Kind.INNER, Kind.ERC20)


class Stage(StrEnum):
    """Where a deposit stands. Stored."""

    SEEN = "seen"  # in a block; nothing in the ledger yet
    PENDING = "pending"  # its credit is a pending transfer
    CREDITING = "crediting"  # final; what is credited is written down, and is being posted
    CREDITED = "credited"
    KEEPING = "keeping"  # final, too little for a minor unit: being received
    KEPT = "kept"  # dust, kept for its holder until it makes a minor unit with what comes later
    HELD = "held"  # for people to look at
    RETURNING = "returning"  # waits for the treasury to send it back
    RETURNED = "returned"
    NOTHING = "nothing"  # its log told of what never arrived
    OWN = "own"  # the operator's own money in
    GONE = "gone"  # its block is no longer part of the chain
    LOST = "lost"  # credited, and then its block vanished though it was final: the operator's loss


class Reason(StrEnum):
    """Why a deposit is held or given back. Stored."""

    UNKNOWN_SENDER = "unknown_sender"  # nobody has proved the address that it came from
    NO_INTENT = "no_intent"  # its owner has opened no intent that it would pay
    SCREENED = "screened"  # the address is on the operator's list
    TOO_MUCH = "too_much"  # more than the intent says
    LATE = "late"  # after the quote's end, and the person chose to have it back
    UNCLEAR = "unclear"  # the node does not tell what arrived


class Waiting(StrEnum):
    """Why a deposit takes longer. Stored."""

    PRICE = "price"
    LIQUIDITY = "liquidity"
    NODE = "node"
    CASE = "case"  # something final vanished of this asset: nothing of it is credited before people have looked


@dataclass(frozen=True, slots=True)
class Arrival:
    """A transfer to the treasury as the index tells it. `units` is what its log says, never more than that arrives."""

    id: bytes
    transaction: bytes
    token: Address | None
    sender: Address
    units: int
    block: int
    timestamp: int


def arrivals(chain_id: int, treasury: Address, transfers: Iterable[RecordedTransfer]) -> list[Arrival]:
    """Of the index's transfers, in any order; what the treasury sends, what is made for it and pieces are none."""
    found = []
    ordinals: dict[tuple[bytes, Address | None], int] = {}
    for moved in sorted(transfers, key=_place):
        is_one = moved.kind in _MOVES and moved.succeeded and moved.units > 0 and not moved.archived
        if not is_one or moved.receiver != treasury or moved.sender in (treasury, Address.ZERO):
            continue
        among = (moved.transaction_hash, moved.token)
        ordinal = ordinals[among] = ordinals.get(among, -1) + 1
        found.append(
            Arrival(
                id=deposit_id(chain_id, moved.transaction_hash, moved.token, ordinal),
                transaction=moved.transaction_hash,
                token=moved.token,
                sender=moved.sender,
                units=moved.units,
                block=moved.position.block_number,
                timestamp=moved.timestamp,
            )
        )
    return found


def _place(moved: RecordedTransfer) -> tuple[int, int, int, int]:
    at = moved.position
    return at.block_number, at.transaction_index, at.log_index, at.part


def deposit_id(chain_id: int, transaction: bytes, token: Address | None, ordinal: int) -> bytes:
    """32 bytes; the source of what the deposit posts. A log's number in its block changes when it comes again."""
    return keccak256(f"tandem-deposit:{chain_id}:{transaction.hex()}:{token or 'native'}:{ordinal}".encode())


def arrived(before: int, after: int, paid_out: int) -> int:
    """What came to the treasury in one block, by its balances around it and what it paid out in it, fees included."""
    return max(0, after - before + paid_out)


def allot(claims: Mapping[bytes, int], units: int) -> dict[bytes, int]:
    """What arrived in a block, to the transfers that say they brought it: each its own where all of it came, else in
    proportion, rounded down (a fee on transfer). Never more than a transfer says, never more than arrived in all.
    """
    claimed = sum(claims.values())
    if claimed <= units:
        return dict(claims)
    return {each: claim * units // claimed for each, claim in claims.items()}


@dataclass(frozen=True, slots=True)
class Intent:
    """What a person said they would pay, in units of the token; `quote_ends` None: at the rate of the moment."""

    holder: bytes
    id: bytes
    token: Address | None
    sender: Address
    units: int
    currency: str
    quote_ends: int | None
    returns_late: bool
    created_at: int
    ends: int


def paid_intent(arrival: Arrival, intents: Sequence[Intent]) -> Intent | None:
    """Which of the unpaid intents a transfer pays: of its token and sender, the one of just that amount before others,
    one that is open before one that is over, the oldest first.
    """
    fitting = [each for each in intents if (each.token, each.sender) == (arrival.token, arrival.sender)]
    order = [(each.ends < arrival.timestamp, each.units != arrival.units, each.created_at, each.id) for each in fitting]
    return min(zip(order, fitting, strict=True), key=lambda pair: pair[0])[1] if fitting else None


@dataclass(frozen=True, slots=True)
class Rate:
    """How a deposit is exchanged: `market` units of the currency received for one token, less the spread; what that
    comes to, less the fee, is credited (as bridge_quote.py has it).
    """

    decimals: int
    receive: Currency
    market: Fraction
    spread_ppm: int
    schedule: FeeSchedule
    quoted: tuple[int, int, int] | None = None
    """A quote's own figures (units given, fee, received), which hold where just that came."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Minor units: of the token's ledger currency that are exchanged; of the currency, the fee and what is received."""

    exchanged_minor: int
    fee_minor: int
    receive_minor: int


def credit(rate: Rate, units: int, minor: int) -> Credit | None:
    """What so many units come to, which are `minor` in the books; None where that is not one minor unit of the
    currency above the fee, or more than one posting can be.
    """
    if rate.quoted is not None and rate.quoted[0] == units:
        return Credit(minor, *rate.quoted[1:])
    scale = Fraction(10) ** (rate.decimals - rate.receive.exponent)
    gross = rounded_down(less_spread(units * rate.market / scale, rate.spread_ppm))
    if not 0 < gross <= AMOUNT_MINOR_MAX or not 0 < minor <= AMOUNT_MINOR_MAX:
        return None
    fee = fee_minor(rate.schedule, gross)
    return Credit(minor, fee, gross - fee) if fee < gross else None


def held_for(arrival: Arrival, intent: Intent | None, *, is_known: bool, is_screened: bool) -> Reason | None:
    """Why a transfer is not simply credited. `is_known`: somebody has proved its sender."""
    if is_screened:
        return Reason.SCREENED
    if not is_known:
        return Reason.UNKNOWN_SENDER
    if intent is None:
        return Reason.NO_INTENT
    if arrival.units > intent.units:
        return Reason.TOO_MUCH
    return Reason.LATE if is_late(arrival, intent) and intent.returns_late else None


def is_late(arrival: Arrival, intent: Intent) -> bool:
    """By the block's time: after the end of the quote, or of an intent without one."""
    return arrival.timestamp > (intent.ends if intent.quote_ends is None else intent.quote_ends)


class Sight(StrEnum):
    """What the chain shows of a deposit. UNSURE: it is not there, and the index is still behind."""

    UNSURE = "unsure"
    ABSENT = "absent"
    SHALLOW = "shallow"
    FINAL = "final"


class Step(StrEnum):
    """The next thing to do for a deposit."""

    WAIT = "wait"
    JUDGE = "judge"  # decide whose it is, and at what rate
    RESERVE = "reserve"  # post the pending credit
    UNDO = "undo"  # its block is gone: the pending credit is taken back, and what it has in the books
    RECEIVE = "receive"  # final: what arrived enters the books, for people to look at
    MEASURE = "measure"  # final: find out what arrived, and write down what is credited
    CREDIT = "credit"  # post what was written down
    KEEP = "keep"  # receive dust
    REFUND = "refund"  # look for what the treasury sent back
    LOSE = "lose"  # the loss is the operator's; open a case
    REGAIN = "regain"  # it is on the chain again


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a deposit stands: `judged`, whose it is and at what rate is known; `received`, it is in the books;
    `spent`, as dust it is part of another's credit.
    """

    stage: Stage
    judged: bool = False
    received: bool = False
    spent: bool = False


_BEGUN = {Stage.CREDITING: Step.CREDIT, Stage.KEEPING: Step.KEEP}
_ENDED = (Stage.RETURNED, Stage.NOTHING, Stage.OWN)


def advance(standing: Standing, sight: Sight) -> Step:
    """What was begun is ended before the chain is looked at again; what is gone comes again as new."""
    stage = standing.stage
    if stage in _BEGUN:
        return _BEGUN[stage]
    if stage in _ENDED or sight is Sight.UNSURE:
        return Step.WAIT
    if sight is Sight.ABSENT:
        return _undone(standing)
    if stage is Stage.LOST:
        return Step.REGAIN if sight is Sight.FINAL else Step.WAIT
    if stage in (Stage.SEEN, Stage.GONE):
        return Step.RESERVE if standing.judged and stage is Stage.SEEN else Step.JUDGE
    if stage is Stage.PENDING:
        return Step.MEASURE if sight is Sight.FINAL else Step.WAIT
    if stage in (Stage.HELD, Stage.RETURNING):
        return _looked_at(standing, sight)
    return Step.WAIT


def _looked_at(standing: Standing, sight: Sight) -> Step:
    if sight is not Sight.FINAL:
        return Step.WAIT
    if not standing.received:
        return Step.RECEIVE
    return Step.REFUND if standing.stage is Stage.RETURNING else Step.WAIT


def _undone(standing: Standing) -> Step:
    """Its block is gone: what it has done in the ledger is taken back, but never from a person."""
    if standing.stage in (Stage.GONE, Stage.LOST):
        return Step.WAIT
    return Step.LOSE if standing.stage is Stage.CREDITED or standing.spent else Step.UNDO
