"""The independent witness of the index: reads a whole chain from its first block on, with code of its own.

It knows neither the indexer nor the node library: plain HTTP, plain JSON, one look at every receipt and every trace.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

from Crypto.Hash import keccak
from eth_abi import decode
from eth_abi.exceptions import DecodingError

Row = tuple[Any, ...]
BATCH = 200


def _topic(signature: str) -> str:
    return "0x" + keccak.new(digest_bits=256, data=signature.encode()).hexdigest()


ADDRESS_TOPICS = {
    _topic("Transfer(address,address,uint256)"): "transfer",
    _topic("TransferSingle(address,address,address,uint256,uint256)"): "single",
    _topic("TransferBatch(address,address,address,uint256[],uint256[])"): "batch",
    _topic("Approval(address,address,uint256)"): "approval",
    _topic("ApprovalForAll(address,address,bool)"): "all",
}


def _pairs(body: bytes) -> list[tuple[int, int]]:
    try:
        ids, amounts = decode(["uint256[]", "uint256[]"], body)
        return list(zip(ids, amounts, strict=True))
    except (DecodingError, ValueError, OverflowError):
        return []


class Oracle:
    """What the chain says of these accounts now, from block `first` on."""

    def __init__(self, url: str, accounts: set[str], *, traces: bool = True, first: int = 0) -> None:
        self.first = first
        self.url, self.accounts, self.traces = url, {account.lower() for account in accounts}, traces
        self.head = 0
        self.hashes: dict[int, str] = {}

    def ask(self, calls: list[tuple[str, list[Any]]]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(calls), BATCH):
            part = calls[start : start + BATCH]
            body = [{"jsonrpc": "2.0", "id": n, "method": m, "params": p} for n, (m, p) in enumerate(part)]
            request = Request(self.url, json.dumps(body).encode(), {"Content-Type": "application/json"})
            with urlopen(request, timeout=60) as answer:
                by_id = {one["id"]: one for one in json.load(answer)}
            found += [by_id[n]["result"] for n in range(len(part))]
        return found

    def read(self) -> tuple[list[Row], list[Row]]:
        """Transfers and approvals as (block, transaction hash, log index or -1, kind, token, id, from, to, amount)."""
        (head,) = self.ask([("eth_blockNumber", [])])
        self.head = int(head, 16)
        blocks = self.ask([("eth_getBlockByNumber", [hex(n), True]) for n in range(self.first, self.head + 1)])
        self.hashes = {int(block["number"], 16): block["hash"] for block in blocks}
        transactions = [(block, t) for block in blocks for t in block["transactions"]]
        receipts = self.ask([("eth_getTransactionReceipt", [t["hash"]]) for _, t in transactions])
        tracer = {"tracer": "callTracer"}
        calls = [("debug_traceTransaction", [t["hash"], tracer]) for _, t in transactions] if self.traces else []
        traces = self.ask(calls) if self.traces else [None] * len(transactions)
        moves: list[Row] = []
        allowed: list[Row] = []
        for (block, transaction), receipt, trace in zip(transactions, receipts, traces, strict=True):
            place = int(block["number"], 16), transaction["hash"]
            succeeded = receipt["status"] == "0x1"
            moves += self._own(place, transaction, receipt, succeeded)
            for log in receipt["logs"]:
                self._log(place, log, moves, allowed)
            if trace is not None and "error" not in trace:
                for call in trace.get("calls", []):
                    moves += self._inner(place, call)
        return sorted(moves, key=repr), sorted(allowed, key=repr)

    def _mine(self, *parties: str) -> bool:
        return any(party in self.accounts for party in parties)

    def _own(self, place: Row, transaction: Any, receipt: Any, succeeded: bool) -> list[Row]:
        value, to = int(transaction["value"], 16), transaction["to"] or receipt["contractAddress"]
        if not value or not self._mine(transaction["from"], to):
            return []
        return [(*place, -1, "native", None, None, transaction["from"], to, value, succeeded)]

    def _inner(self, place: Row, call: Any) -> list[Row]:
        if call.get("error"):
            return []
        found = [row for below in call.get("calls", []) for row in self._inner(place, below)]
        value = int(call.get("value", "0x0"), 16)
        if value and call["type"] in ("CALL", "CREATE", "CREATE2") and self._mine(call["from"], call["to"]):
            found.append((*place, -1, "inner", None, None, call["from"], call["to"], value, True))
        return found

    def _log(self, place: Row, log: Any, moves: list[Row], allowed: list[Row]) -> None:
        topics, body = log["topics"], log["data"][2:]
        kind = ADDRESS_TOPICS.get(topics[0]) if topics else None
        words = [int(body[n : n + 64], 16) for n in range(0, len(body), 64)]
        parties = ["0x" + t[26:] for t in topics[1:]]
        if kind is None or any(int(t[2:26], 16) for t in topics[1:3]):
            return
        at = (*place, int(log["logIndex"], 16))
        token = log["address"]
        if kind == "transfer" and self._mine(*parties[:2]):
            if len(topics) == 3 and len(words) == 1:
                moves.append((*at, "erc20", token, None, *parties, words[0], True))
            if len(topics) == 4 and not words:
                moves.append((*at, "erc721", token, int(topics[3], 16), *parties[:2], 1, True))
        if kind == "single" and len(topics) == 4 and len(words) == 2 and self._mine(*parties[1:]):
            moves.append((*at, "erc1155", token, words[0], *parties[1:], words[1], True))
        if kind == "batch" and len(topics) == 4 and self._mine(*parties[1:]):
            for piece, amount in _pairs(bytes.fromhex(body)):
                moves.append((*at, "erc1155", token, piece, *parties[1:], amount, True))
        if kind == "approval" and len(topics) in (3, 4) and self._mine(parties[0]):
            number = words[0] if len(topics) == 3 else int(topics[3], 16)
            allowed.append((*at, "erc20" if len(topics) == 3 else "erc721", token, *parties[:2], number))
        if kind == "all" and len(topics) == 3 and words in ([0], [1]) and self._mine(parties[0]):
            allowed.append((*at, "all", token, *parties[:2], words[0]))
