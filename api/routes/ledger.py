"""The ledger's public face: its identity, currencies and fees; and a holder's signed heads."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from api.auth import rfc3339
from api.currencies import CURRENCIES
from api.fields import Answer, Bytes32, ChainAddress, Count, Digits, LongDigits, Time, spelled
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from api.signed import HeadAnswer, SealAnswer, head_answer, seal_answer
from api.standing import (
    CounterAnswer,
    OfficerAnswer,
    ReservesAnswer,
    counter_answers,
    officer_answers,
    reserves_answers,
)
from chain.address import Address
from fiat import history, history_officers
from fiat.signature import DOMAIN_NAME, DOMAIN_VERSION

router = APIRouter(prefix="/v1", tags=["ledger"], responses=PROBLEM)
LEAVES_MAX = 1000


class DomainAnswer(Answer):
    """The EIP-712 domain under which people and the operator sign."""

    name: str = Field(examples=["Tandem Ledger"])
    version: str = Field(examples=["1"])
    salt: Bytes32


class CurrencyAnswer(Answer):
    code: str = Field(examples=["EUR"])
    exponent: int = Field(examples=[2])


class TierAnswer(Answer):
    """The rate of what lies above the tier before, up to this amount; null: of all that lies above."""

    up_to_minor: Digits | None = Field(examples=["10000"])
    rate_ppm: int = Field(examples=[0])


class FeeAnswer(Answer):
    """What an operation of this kind costs in a currency (null: in every one that has no row of its own).

    The fixed part, the rate or the marginal tiers are added and rounded up once; then minimum and maximum hold.
    """

    kind: str = Field(examples=["transfer"])
    currency: str | None = Field(examples=["EUR"])
    fixed_minor: Digits = Field(examples=["0"])
    rate_ppm: int = Field(examples=[0])
    tiers: list[TierAnswer]
    minimum_minor: Digits = Field(examples=["0"])
    maximum_minor: Digits | None = Field(examples=[None])
    paid_by: str = Field(examples=["payer"])


class LedgerAnswer(Answer):
    """keccak256(genesis_record) is the ledger id; the record pins the operator's key.

    `counters` is what the head's `counters` is the hash of: entries by (reason, ledger), 29 bytes each, under SHA-256.
    """

    ledger_id: Bytes32
    genesis_record: str
    domain: DomainAnswer
    operator: ChainAddress
    server_time: Time
    server_time_ns: LongDigits
    currencies: list[CurrencyAnswer]
    fees: list[FeeAnswer]
    head: SealAnswer
    counters: list[CounterAnswer]
    officers: list[OfficerAnswer]
    reserves: list[ReservesAnswer]


class HeadsAnswer(Answer):
    """`leaves` follow the first `since` records of the holder, oldest first; follow them with `blind` to `head`."""

    head: HeadAnswer
    blind: Bytes32
    since: int
    leaves: list[Bytes32]
    complete: bool


@router.get("/ledger")
async def ledger(server: ServerHere) -> LedgerAnswer:
    """Which ledger this is, whose key signs for it, what it costs, and how far it has come."""
    journal, now = server.journal, server.clock
    async with server.engine.connect() as conn:
        seal = await history.latest_seal(conn)
        counters, totals = await history_officers.counters(conn), await history_officers.totals(conn)
        officers = await history_officers.officers(conn)
    return LedgerAnswer(
        ledger_id=spelled(journal.ledger_id),
        genesis_record=spelled(journal.genesis),
        domain=DomainAnswer(name=DOMAIN_NAME, version=DOMAIN_VERSION, salt=spelled(journal.ledger_id)),
        operator=Address.from_bytes(journal.operator_address),
        server_time=rfc3339(now),
        server_time_ns=str(now),
        currencies=[CurrencyAnswer(code=c.code, exponent=c.exponent) for c in CURRENCIES.values()],
        fees=[FeeAnswer.model_validate(row) for row in server.tariff.rows()],
        head=seal_answer(seal),
        counters=counter_answers(counters),
        officers=officer_answers(officers),
        reserves=reserves_answers(totals, CURRENCIES),
    )


@router.get("/heads")
async def heads(session: SignedIn, server: ServerHere, since: Annotated[Count, Query(examples=[0])] = 0) -> HeadsAnswer:
    """The holder's signed head, and the leaves after an earlier count, so that the client can follow its own chain."""
    head = await server.journal.signed_head(session.holder)
    limit = max(0, min(LEAVES_MAX, head.count - since))
    async with server.engine.connect() as conn:
        leaves = await history.leaves(conn, session.holder, since, limit) if limit else []
        holder = await history.holder(conn, session.holder)
    assert holder is not None, "a session belongs to a holder"
    return HeadsAnswer(
        head=head_answer(head),
        blind=spelled(holder.blind),
        since=since,
        leaves=[spelled(leaf) for leaf in leaves],
        complete=since + len(leaves) >= head.count,
    )
