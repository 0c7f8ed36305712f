"""The JSON-RPC relay: a node for wallets that have none of their own. It sees addresses; it can sign nothing.

Only listed methods pass, so that a node's own unlocked accounts, its administration and its test helpers stay out of
reach. What the node answers is passed on untouched: wallets read its error data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from api.errors import ChainUnavailable

BATCH_MAX = 100
LOG_BLOCKS_MAX = 2000
SIMULATED_CALLS_MAX = 64
ANSWER_BYTES_MAX = 8 * 1024 * 1024
TIMEOUT_SECONDS = 20
METHODS = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_chainId",
        "eth_estimateGas",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getLogs",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
        "eth_simulateV1",
        "eth_syncing",
        "net_version",
        "web3_clientVersion",
    }
)
_QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]{0,15})", re.ASCII)
_INVALID_REQUEST, _METHOD_NOT_FOUND, _INVALID_PARAMS, _INTERNAL = -32600, -32601, -32602, -32603


class Relay:
    """Forwards calls to the node at `url()`, which may be another one later. Owns no session."""

    def __init__(self, session: ClientSession, url: Callable[[], str], chain_id: int) -> None:
        self._session = session
        self._url = url
        self._chain_id = chain_id

    async def answer(self, document: object) -> object:
        """The JSON-RPC 2.0 answer to one call or a batch. Raises ChainUnavailable."""
        if isinstance(document, list):
            if not 0 < len(document) <= BATCH_MAX:
                return _error(None, _INVALID_REQUEST, f"a batch has 1 to {BATCH_MAX} calls")
            return await self._answers(document)
        return (await self._answers([document]))[0]

    async def _answers(self, calls: list[object]) -> list[dict[str, Any]]:
        refusals = [_refusal(call) for call in calls]
        passed = [
            {"jsonrpc": "2.0", "id": place, "method": call["method"], "params": call.get("params", [])}
            for place, call in enumerate(calls)
            if refusals[place] is None and isinstance(call, dict)
        ]
        results = await self._ask(passed) if passed else {}
        return [
            refusal or _renamed(results.get(place), call["id"] if isinstance(call, dict) else None)
            for place, (call, refusal) in enumerate(zip(calls, refusals, strict=True))
        ]

    async def _ask(self, calls: list[dict[str, Any]]) -> dict[int, dict[str, Any]]:
        """One round trip; the node's answers by the id that was given here."""
        body = calls if len(calls) > 1 else calls[0]
        try:
            async with self._session.post(
                self._url(), json=body, timeout=ClientTimeout(total=TIMEOUT_SECONDS), allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise ChainUnavailable(self._chain_id)
                document = json.loads(await _bounded(response.content))
        except (ClientError, TimeoutError, OSError, ValueError):
            raise ChainUnavailable(self._chain_id) from None
        answers = document if isinstance(document, list) else [document]
        return {a["id"]: a for a in answers if isinstance(a, dict) and type(a.get("id")) is int}


async def _bounded(content: Any) -> bytes:
    """The whole answer, or ValueError when it is larger than may be passed on."""
    chunks, size = [], 0
    async for chunk in content.iter_chunked(65536):
        size += len(chunk)
        if size > ANSWER_BYTES_MAX:
            raise ValueError("answer too large")
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(call: object) -> dict[str, Any] | None:
    """The error for a call that does not pass, or None."""
    if not isinstance(call, dict):
        return _error(None, _INVALID_REQUEST, "a call is an object")
    name = call.get("id")
    if "id" not in call or not (name is None or type(name) in (int, str)):
        return _error(None, _INVALID_REQUEST, "a call has an id: text, a whole number or null")
    method = call.get("method")
    if call.get("jsonrpc") != "2.0" or not isinstance(method, str):
        return _error(name, _INVALID_REQUEST, "a call says jsonrpc 2.0 and names its method")
    if method not in METHODS:
        return _error(name, _METHOD_NOT_FOUND, "this relay does not pass that method")
    if not isinstance(call.get("params", []), list):
        return _error(name, _INVALID_PARAMS, "params are an array")
    if method == "eth_getLogs" and not _bounded_logs(call.get("params", [])):
        return _error(name, _INVALID_PARAMS, f"name a blockHash, or a range of at most {LOG_BLOCKS_MAX} blocks in hex")
    if method == "eth_simulateV1" and not _bounded_simulation(call.get("params", [])):
        return _error(name, _INVALID_PARAMS, f"simulate one block of at most {SIMULATED_CALLS_MAX} calls, as it is now")
    return None


def _bounded_simulation(params: list[object]) -> bool:
    """A simulation is of one block on top of the latest, without overrides: what a wallet asks before it signs."""
    if len(params) != 2 or params[1] != "latest" or not isinstance(params[0], dict):
        return False
    blocks = params[0].get("blockStateCalls")
    block = blocks[0] if isinstance(blocks, list) and len(blocks) == 1 else None
    if not isinstance(block, dict) or set(block) != {"calls"}:
        return False
    calls = block["calls"]
    return isinstance(calls, list) and 0 < len(calls) <= SIMULATED_CALLS_MAX


def _bounded_logs(params: list[object]) -> bool:
    """A query for logs names one block or a short range of blocks by number."""
    query = params[0] if len(params) == 1 else None
    if not isinstance(query, dict):
        return False
    if isinstance(query.get("blockHash"), str):
        return True
    first, last = (query.get(side) for side in ("fromBlock", "toBlock"))
    if not all(isinstance(side, str) and _QUANTITY.fullmatch(side) for side in (first, last)):
        return False
    return 0 <= int(str(last), 16) - int(str(first), 16) < LOG_BLOCKS_MAX


def _renamed(answer: Mapping[str, Any] | None, name: object) -> dict[str, Any]:
    """The node's answer under the caller's id."""
    if answer is not None:
        for member in ("error", "result"):
            if member in answer and (member == "result" or answer[member] is not None):
                return {"jsonrpc": "2.0", "id": name, member: answer[member]}
    return _error(name, _INTERNAL, "the node gave no answer to this call")


def _error(name: object, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": name, "error": {"code": code, "message": message}}
