"""Reads what a person holds, on both sides, and keeps the answer while neither side has moved.

An answer is kept by block and journal sequence, and for a few seconds at most: prices grow stale, and another process
may register an address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from api.deposit_story import coming
from api.freshness import Latest, Recent
from api.head_reader import HeadReader, Told
from api.portfolio import ChainState, Holdings, Unlisted, Waiting, portfolio
from api.prices import PriceBook
from api.tables import addresses
from chain.address import Address
from chain.erc20 import balance_of
from chain.indexer_store import IndexerStore
from chain.token import UNITS_MAX, Token, TokenAmount
from chain.token_claim import Claim, claim_views, read_claim
from chain.views import Answer, View
from fiat import history
from fiat.control import added_keys
from fiat.currency import Currency
from fiat.history_notices import active
from fiat.journal import Journal
from fiat.limit import own_limits

KEPT_NS_MAX = 5_000_000_000
KEPT_MAX = 2_000
SEEN_TRANSFERS_MAX = 200
UNLISTED_MAX = 16
"""Tokens on no list are looked for among the newest transfers, and so many of them are shown."""
_CLAIM_VIEWS = 3


@dataclass(frozen=True, slots=True)
class _Asked:
    """Whose addresses, which strangers' tokens came to them, and so what to ask the chain."""

    owners: tuple[Address, ...]
    unlisted: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class _Kept:
    """An answer, and what it holds for."""

    sequence: int
    block: bytes
    body: bytes


class HoldingsReader:
    """Answers GET /portfolio, as the bytes to send. `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        engine: AsyncEngine,
        journal: Journal,
        head: HeadReader,
        chain_id: int,
        tokens: Sequence[Token],
        index: IndexerStore,
        clock: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._journal = journal
        self._head = head
        self._chain_id = chain_id
        self._tokens = tuple(tokens)
        self._index = index
        self._clock = clock
        self._sequence = Latest(self._read_sequence)
        self._kept: Recent[tuple[bytes, str], _Kept] = Recent(KEPT_NS_MAX, KEPT_MAX)

    def forget(self, holder: bytes) -> None:
        """Something else than block or journal has changed for this holder."""
        self._kept.forget(lambda key: key[0] == holder)

    async def portfolio(self, holder: bytes, currency: Currency) -> bytes:
        """The JSON of the holder's portfolio, valued in `currency`."""
        key, now = (holder, currency.code), self._clock()
        asked = None if self._head.fresh else await self._asked(holder)
        told = await self._head.tip([] if asked is None else self._views(asked))
        sequence, block = await self._sequence.get(), told.tip.hash
        kept = self._kept.get(key, now)
        if kept is not None and (kept.sequence, kept.block) == (sequence, block):
            return kept.body
        holdings = await self._read(holder, told, asked or await self._asked(holder))
        body = portfolio(holdings, currency, now).model_dump_json(by_alias=True).encode()
        if told.is_of_tip:
            self._kept.put(key, _Kept(sequence, block, body), now)
        return body

    async def prices(self) -> PriceBook:
        """The feeds as last read, a quarter of a second old at most."""
        return (await self._head.tip()).tip.prices

    async def _read_sequence(self) -> int:
        async with self._engine.connect() as conn:
            return await history.last_sequence(conn)

    async def _read(self, holder: bytes, told: Told, asked: _Asked) -> Holdings:
        """What was not read with the tip is read now."""
        tip, answers = told.tip, told.answers
        head = await self._journal.signed_head(holder)
        if answers is None and tip.block is not None:
            answers = await self._head.read(self._views(asked))
        indexed = await self._index.tip()
        state = ChainState(
            chain_id=self._chain_id,
            state="unreachable" if answers is None else "current",
            block=tip.block,
            lag_blocks=None if answers is None else 0,
            generation=None if indexed is None else indexed.lives,
            untraced_from=None if indexed is None else indexed.untraced_from,
        )
        waiting = await self._waiting(holder)
        async with self._engine.connect() as conn:
            expected = await coming(conn, holder)
        if answers is None:
            return Holdings(head, waiting, None, state, tip.prices, coming=expected)
        split = len(asked.owners) * len(self._tokens)
        tokens, unlisted = self._amounts(answers[:split]), self._strangers(asked, answers[split:])
        return Holdings(head, waiting, tokens, state, tip.prices, unlisted, expected)

    async def _waiting(self, holder_id: bytes) -> Waiting:
        async with self._engine.connect() as conn:
            holds = await active(conn, holder_id)
            holder = await history.holder(conn, holder_id)
        assert holder is not None, "its head was signed just now"
        now = self._clock()
        changes = sum(each.effective_at > now for each in added_keys(holder.keyring))
        changes += sum(own.pending(now) is not None for own in own_limits(holder.limits).values())
        return Waiting(operator_holds=holds, pending_changes=changes, frozen=holder.frozen)

    async def _asked(self, holder: bytes) -> _Asked:
        async with self._engine.connect() as conn:
            query = select(addresses.c.address).where(
                addresses.c.holder == holder, addresses.c.chain_id == self._chain_id
            )
            owners = [Address.from_bytes(raw) for raw in (await conn.execute(query)).scalars()]
        seen = await self._index.transfers(owners, SEEN_TRANSFERS_MAX) if owners else []
        listed = {token.address for token in self._tokens}
        strangers = [moved.token for moved in seen if moved.token is not None and moved.token not in listed]
        return _Asked(tuple(owners), tuple(dict.fromkeys(strangers))[:UNLISTED_MAX])

    def _views(self, asked: _Asked) -> list[View]:
        """Balances of every listed token for each address; then of each stranger's token its claim and balances."""
        views = [_balance(owner, token.address) for token in self._tokens for owner in asked.owners]
        for token in asked.unlisted:
            views += [*claim_views(token), *(_balance(owner, token) for owner in asked.owners)]
        return views

    def _amounts(self, answers: Sequence[Answer]) -> list[TokenAmount]:
        """The sums over the holder's addresses; a contract that does not answer has nothing to tell."""
        count = len(answers) // len(self._tokens)
        parts = [answers[count * place : count * (place + 1)] for place in range(len(self._tokens))]
        return [TokenAmount(_sum(part), token) for part, token in zip(parts, self._tokens, strict=True)]

    def _strangers(self, asked: _Asked, answers: Sequence[Answer]) -> list[Unlisted]:
        size = _CLAIM_VIEWS + len(asked.owners)
        found = []
        for place, token in enumerate(asked.unlisted):
            part = answers[size * place : size * (place + 1)]
            claim: Claim = read_claim(tuple(part[:_CLAIM_VIEWS]), self._tokens)
            found.append(Unlisted(token, _sum(part[_CLAIM_VIEWS:]), claim))
        return found


def _balance(owner: Address, token: Address | None) -> View:
    return View.coins(owner) if token is None else View(token, balance_of(owner))


def _sum(answers: Sequence[Answer]) -> int:
    """No more than there can be: two addresses of one holder that a contract says own 2^255 each."""
    return min(sum(answer.word() or 0 for answer in answers), UNITS_MAX)
