"""Asking a node what a transaction would do: eth_simulateV1, else debug_traceCall, else nobody knows.

The node is the person's own choice and is believed no further than that: what it says is shown as its claim. Nothing
here is needed to sign; a node that cannot simulate gives `NOT_SIMULATED`, and the review says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from chain.address import Address
from chain.calldata import encode_call
from chain.erc20 import balance_of
from chain.errors import NodeError, TransactionMalformed
from chain.node import Node
from chain.outcome import NOT_SIMULATED, Outcome, Span, parse_simulation, parse_trace, parse_words
from chain.quantity import to_hex
from chain.transaction import TransactionRequest

READS_MAX = 16
_READ_GAS = 200_000
_ALLOWANCE = "allowance(address,address)"
_TRACER = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}

_View = tuple[Address, bytes]


async def simulate(node: Node, request: TransactionRequest) -> Outcome:
    """What the request would do to its sender now. Never raises for what a node says or does not say."""
    if request.sender is None:
        raise TransactionMalformed("no sender")
    # Without fees and nonce: a simulation is of what the call does, and the fee stands in the review by itself.
    bare = replace(request, nonce=None, max_fee_per_gas=None, max_priority_fee_per_gas=None).to_rpc()
    try:
        outcome = parse_simulation(await _simulated(node, [bare]), request.sender)
    except NodeError:
        return await _traced(node, bare, request.sender)
    try:
        return await _with_reads(node, bare, outcome, request.sender)
    except NodeError:
        return outcome


async def _simulated(node: Node, calls: Sequence[dict[str, object]]) -> object:
    payload = {"blockStateCalls": [{"calls": list(calls)}], "traceTransfers": True, "validation": False}
    return await node.call("eth_simulateV1", [payload, "latest"])


async def _traced(node: Node, bare: dict[str, object], account: Address) -> Outcome:
    try:
        return parse_trace(await node.call("debug_traceCall", [bare, "latest", _TRACER]), account)
    except NodeError:
        return NOT_SIMULATED


async def _with_reads(node: Node, bare: dict[str, object], outcome: Outcome, account: Address) -> Outcome:
    """The same again, with balances and allowances read before and after: logs are only a contract's word."""
    moved = {movement.token for movement in outcome.movements if movement.number is None}
    tokens = sorted(token for token in moved if token is not None)[:READS_MAX]
    kept = (grant for grant in outcome.grants if grant.number is None and grant.via is None)
    granted = sorted({(grant.token, grant.spender) for grant in kept})[:READS_MAX]
    views: list[_View] = [(token, balance_of(account)) for token in tokens]
    views += [(token, encode_call(_ALLOWANCE, account, spender)) for token, spender in granted]
    if not views:
        return outcome
    reads = [_read(view, account) for view in views]
    words = parse_words(await _simulated(node, [*reads, bare, *reads]), 2 * len(views) + 1)
    pairs = zip(words[: len(views)], words[len(views) + 1 :], strict=True)
    spans = [None if before is None or after is None else Span(before, after) for before, after in pairs]
    return replace(
        outcome,
        balances={token: span for token, span in zip(tokens, spans, strict=False) if span},
        allowances={key: span for key, span in zip(granted, spans[len(tokens) :], strict=True) if span},
    )


def _read(view: _View, account: Address) -> dict[str, object]:
    to, calldata = view
    return {"from": account, "to": to, "data": to_hex(calldata), "gas": hex(_READ_GAS)}
