"""Several URLs of one chain behind one provider: the first that does well is asked, the next where it does not.

A URL is used only after it has told the right chain id and the same first block as the others; one that was away, that
answered nonsense or that was distrusted rests for a while and is looked at anew. A URL that was right before and tells
another first block now is a test chain that began anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from web3.types import RPCEndpoint, RPCResponse

from chain.block import Block
from chain.errors import AnswerMalformed, NodeBehind, NodeError, NodeRefused, NodeUnreachable, WrongChain, WrongGenesis
from chain.node_provider import ANSWER_BYTES_MAX, BoundedProvider, Call, MemberState
from chain.quantity import quantity, to_hex

REST_SECONDS = 15.0
COMPARE_SECONDS = 5.0
"""So often the URLs' heads are compared. One that is behind and stands still, or is far behind, rests."""
BEHIND_BLOCKS_MAX = 3
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Member:
    """`genesis` and `head` are what it told last; `trouble` is why it rests until `rests_until`."""

    provider: BoundedProvider
    genesis: bytes | None = None
    head: int = -1
    is_checked: bool = False
    trouble: NodeError | None = None
    rests_until: float = 0.0


class FailoverProvider(BoundedProvider):
    """`url` is always the one that was asked last."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 20,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        super().__init__(urls[0], headers, timeout_seconds, answer_bytes_max)
        self._members = [_Member(BoundedProvider(url, headers, timeout_seconds, answer_bytes_max)) for url in urls]
        self._chain_id = chain_id
        self._genesis: bytes | None = None
        self._last = self._members[0]
        self._compared_at = 0.0
        self._comparing: asyncio.Task[None] | None = None

    async def disconnect(self) -> None:
        if self._comparing is not None:
            self._comparing.cancel()
            await asyncio.wait([self._comparing])
        for member in self._members:
            await member.provider.disconnect()

    def distrust(self, error: NodeError) -> None:
        self._rest(self._last, error)

    def members(self) -> list[MemberState]:
        now = time.monotonic()
        return [MemberState(m.provider.origin, m.trouble if m.rests_until > now else None) for m in self._members]

    async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        return await self._ask(lambda provider: provider.outcomes(calls))

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        return await self._ask(lambda provider: provider.make_request(method, params))

    async def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        return await self._ask(lambda provider: provider.make_batch_request(requests))

    async def _ask(self, ask: Callable[[BoundedProvider], Awaitable[Answer]]) -> Answer:
        """Of one after the other, those that rest last. Raises what the last one came to."""
        now = time.monotonic()
        if now - self._compared_at > COMPARE_SECONDS and (self._comparing is None or self._comparing.done()):
            self._compared_at, self._comparing = now, asyncio.create_task(self._compare())
        error: NodeError | None = None
        for member in sorted(self._members, key=lambda member: max(0.0, member.rests_until - now)):
            self._last, self.url = member, member.provider.url
            try:
                if not member.is_checked:
                    await self._check(member)
                answer = await ask(member.provider)
            except (NodeUnreachable, AnswerMalformed, WrongChain, WrongGenesis) as trouble:
                self._rest(member, trouble)
                error = trouble
            else:
                member.trouble, member.rests_until = None, 0.0
                return answer
        assert error is not None, "there is at least one URL"
        raise error

    async def _check(self, member: _Member) -> None:
        """Raises WrongChain, WrongGenesis and what asking raises."""
        answers = await member.provider.outcomes([("eth_chainId", ()), ("eth_getBlockByNumber", ("0x0", False))])
        for answer in answers:
            if isinstance(answer, NodeRefused):
                raise AnswerMalformed("no chain id or no first block")
        if (actual := quantity(answers[0], 63)) != self._chain_id:
            raise WrongChain(self._chain_id, actual)
        genesis = Block.parse(answers[1]).hash
        if self._genesis is None or (member.genesis == self._genesis != genesis):
            self._genesis = genesis  # the first to be asked, or a chain of ours that began anew
        if genesis != self._genesis:
            raise WrongGenesis(to_hex(self._genesis), to_hex(genesis))
        member.genesis, member.is_checked = genesis, True

    async def _compare(self) -> None:
        """Beside what is asked. Who is ahead has to show the block."""
        now = time.monotonic()
        awake = [member for member in self._members if member.rests_until <= now]
        heads = await asyncio.gather(*(self._head(member) for member in awake))
        highest = max(heads, default=-1)
        for member, head in zip(awake, heads, strict=True):
            is_still, member.head = head == member.head, head
            if 0 <= head < highest and (is_still or head < highest - BEHIND_BLOCKS_MAX):
                self._rest(member, NodeBehind(highest, head))

    async def _head(self, member: _Member) -> int:
        """-1 where it does not tell."""
        try:
            if not member.is_checked:
                await self._check(member)
            (latest,) = await member.provider.outcomes([("eth_getBlockByNumber", ("latest", False))])
            return Block.parse(latest).number
        except NodeError as trouble:
            self._rest(member, trouble)
            return -1

    def _rest(self, member: _Member, error: NodeError) -> None:
        member.trouble, member.is_checked = error, False
        member.rests_until = time.monotonic() + REST_SECONDS
