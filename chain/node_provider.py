"""JSON-RPC over HTTP as a web3 provider that bounds what a node can do to us.

Answers are bounded in bytes, depth and time; ids are matched; redirects are not followed; off-chain look-ups (CCIP
read, where a contract names URLs to fetch) are off. Failures are this package's errors.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, cast

import aiohttp
from web3.providers.async_base import AsyncJSONBaseProvider
from web3.types import RPCEndpoint, RPCResponse
from yarl import URL

from chain import strict_json
from chain.calldata import revert_reason
from chain.errors import (
    AnswerMalformed,
    AnswerTooLarge,
    CalldataMalformed,
    ExecutionReverted,
    JsonMalformed,
    NodeError,
    NodeRefused,
    NodeUnreachable,
)
from chain.quantity import data

# py_ecc, which web3 imports, raises the limit to 100,000: deep recursion would then end the process, not raise.
sys.setrecursionlimit(1000)

Call = tuple[str, Sequence[object]]

ANSWER_BYTES_MAX = 16 * 1024 * 1024
READ_BYTES = 1024 * 1024
"""So much of an answer may wait unread: with less, whoever computes meanwhile makes the node wait."""
BATCH_CALLS_MAX = 100
MESSAGE_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class MemberState:
    """A URL without what may be a key, and why it is not asked at the moment; None where it is."""

    origin: str
    trouble: NodeError | None


class BoundedProvider(AsyncJSONBaseProvider):
    """One connection pool to one URL. Bound to the event loop of its first request; close it there."""

    global_ccip_read_enabled = False

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float = 20,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        super().__init__()
        self.url = url
        self._headers = dict(headers or {})
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds, sock_connect=min(5, timeout_seconds))
        self._answer_bytes_max = answer_bytes_max
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.disconnect()

    async def disconnect(self) -> None:
        """May be called again; a later request opens a new pool."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def distrust(self, error: NodeError) -> None:
        """There is only one node here: it is asked again."""

    def members(self) -> list[MemberState]:
        """The URLs behind this provider, in the order in which they are preferred."""
        return [MemberState(self.origin, None)]

    @property
    def origin(self) -> str:
        """The URL without its path and query, where providers put their keys."""
        url = URL(self.url)
        return str(url.origin()) if url.absolute and url.host else "?"

    async def outcomes(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        """Results in the order of `calls`, in one round trip for each 100; what the node refused stands in its place.

        Raises NodeUnreachable, AnswerTooLarge, AnswerMalformed.
        """
        found: list[object | NodeRefused] = []
        for start in range(0, len(calls), BATCH_CALLS_MAX):
            found += await self._batch(calls[start : start + BATCH_CALLS_MAX])
        return found

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """For web3, which raises by itself for what the node refused."""
        answer = await self._post(self.encode_rpc_request(method, params))
        if not isinstance(answer, dict) or not ("result" in answer or "error" in answer):
            raise AnswerMalformed("no JSON-RPC answer")
        return cast(RPCResponse, answer)

    async def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        answer = await self._post(self.encode_batch_rpc_request(requests))
        if not isinstance(answer, list) or len(answer) != len(requests):
            raise AnswerMalformed("as many answers as calls expected")
        if not all(isinstance(one, dict) and type(one.get("id")) is int for one in answer):
            raise AnswerMalformed("no JSON-RPC answer")
        return sorted(cast(list[RPCResponse], answer), key=lambda one: one["id"] or 0)

    async def _batch(self, calls: Sequence[Call]) -> list[object | NodeRefused]:
        requests = {next(self.request_counter): call for call in calls}
        body = [
            {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}
            for number, (method, params) in requests.items()
        ]
        answer = await self._post(json.dumps(body if len(body) > 1 else body[0]).encode())
        if len(body) == 1:
            answer = [answer]
        elif isinstance(answer, dict) and isinstance(answer.get("error"), dict):
            raise refusal(answer["error"])
        return _matched(answer, list(requests))

    async def _post(self, body: bytes) -> object:
        session = self._open()
        try:
            async with session.post(self.url, data=body, allow_redirects=False) as response:
                raw = await self._read(response)
                status = response.status
        except TimeoutError as error:
            raise NodeUnreachable(self.origin, "timeout") from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NodeUnreachable(self.origin, "connection") from error
        try:
            answer = strict_json.parse(raw, self._answer_bytes_max, floats=True)
        except JsonMalformed as error:
            if status != 200:
                raise NodeUnreachable(self.origin, f"http-{status}") from error
            raise AnswerMalformed(error.reason) from error
        if status != 200 and not (isinstance(answer, dict) and "jsonrpc" in answer):
            raise NodeUnreachable(self.origin, f"http-{status}")
        return answer

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Counted after decompression."""
        parts, size = [], 0
        async for part in response.content.iter_any():
            size += len(part)
            if size > self._answer_bytes_max:
                raise AnswerTooLarge(self._answer_bytes_max)
            parts.append(part)
        return b"".join(parts)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json", "User-Agent": "tandem", **self._headers}
            self._session = aiohttp.ClientSession(headers=headers, timeout=self._timeout, read_bufsize=READ_BYTES)
        return self._session


def _matched(answer: object, ids: list[int]) -> list[object | NodeRefused]:
    if not isinstance(answer, list) or len(answer) != len(ids):
        raise AnswerMalformed("as many answers as calls expected")
    by_id: dict[int, object | NodeRefused] = {}
    for one in answer:
        if not isinstance(one, dict) or type(one.get("id")) is not int or one["id"] in by_id:
            raise AnswerMalformed("an answer without its id")
        if isinstance(one.get("error"), dict):
            by_id[one["id"]] = refusal(one["error"])
        elif "result" in one:
            by_id[one["id"]] = one["result"]
        else:
            raise AnswerMalformed("neither result nor error")
    if set(by_id) != set(ids):
        raise AnswerMalformed("an answer to something else")
    return [by_id[number] for number in ids]


def refusal(error: Mapping[str, object]) -> NodeRefused:
    """The typed form of a JSON-RPC error object; reverts are recognised as geth, Anvil and Hardhat tell them."""
    code = error.get("code")
    number = code if type(code) is int else 0
    message = str(error.get("message", ""))[:MESSAGE_CHARACTERS_MAX]
    told = error.get("data")
    if number != 3 and "revert" not in message.lower():
        return NodeRefused(number, message, told)
    raw = told.get("data") if isinstance(told, dict) else told  # Hardhat wraps it
    return ExecutionReverted(number, message, told, _reason(raw))


def _reason(raw: object) -> str | None:
    try:
        return revert_reason(data(raw))
    except (AnswerMalformed, CalldataMalformed):
        return None
