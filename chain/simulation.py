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
from chain.outcome import NOT_SIMULATED, Outcome, Span, parse_simulations, parse_trace, parse_words
from chain.quantity import to_hex
from chain.transaction import TransactionRequest

READS_MAX = 16
CALLS_MAX = 64
"""In one simulation, reads counted: our own server's relay takes no more."""
_READ_GAS = 200_000
_ALLOWANCE = "allowance(address,address)"
_TRACER = {"tracer": "callTracer", "tracerConfig": {"withLog": True}}

_View = tuple[Address, bytes]


async def simulate(node: Node, request: TransactionRequest) -> Outcome:
    """What the request would do to its sender now. Never raises for what a node says or does not say."""
    return (await simulate_row(node, [request]))[0]


async def simulate_row(node: Node, requests: Sequence[TransactionRequest]) -> list[Outcome]:
    """What each of one sender's requests would do after those before it, all in one block. Never raises for what a
    node says or does not say.

    A node that only traces knows no state but the chain's own, so that of several it tells the first alone.
    """
    sender = requests[0].sender
    if sender is None or any(request.sender != sender for request in requests):
        raise TransactionMalformed("no sender" if sender is None else "several senders")
    # Without fees and nonce: a simulation is of what the call does, and the fee stands in the review by itself.
    bare = [replace(one, nonce=None, max_fee_per_gas=None, max_priority_fee_per_gas=None).to_rpc() for one in requests]
    try:
        outcomes = parse_simulations(await _simulated(node, bare), sender, len(bare))
    except NodeError:
        return [await _traced(node, bare[0], sender), *[NOT_SIMULATED] * (len(bare) - 1)]
    try:
        return await _with_reads(node, bare, outcomes, sender)
    except NodeError:
        return outcomes


async def _simulated(node: Node, calls: Sequence[dict[str, object]]) -> object:
    payload = {"blockStateCalls": [{"calls": list(calls)}], "traceTransfers": True, "validation": False}
    return await node.call("eth_simulateV1", [payload, "latest"])


async def _traced(node: Node, bare: dict[str, object], account: Address) -> Outcome:
    try:
        return parse_trace(await node.call("debug_traceCall", [bare, "latest", _TRACER]), account)
    except NodeError:
        return NOT_SIMULATED


async def _with_reads(
    node: Node, bare: Sequence[dict[str, object]], outcomes: list[Outcome], account: Address
) -> list[Outcome]:
    """The same again, with balances and allowances read before the first and after each: logs are only a contract's
    word. Of many calls fewer balances are read, so that it stays one simulation; of the rest the logs stand."""
    moved = {m.token for outcome in outcomes for m in outcome.movements if m.number is None}
    room = (CALLS_MAX - len(bare)) // (len(bare) + 1)
    tokens = sorted(token for token in moved if token is not None)[: min(READS_MAX, room)]
    kept = (g for outcome in outcomes for g in outcome.grants if g.number is None and g.via is None)
    granted = sorted({(grant.token, grant.spender) for grant in kept})[: min(READS_MAX, room - len(tokens))]
    views: list[_View] = [(token, balance_of(account)) for token in tokens]
    views += [(token, encode_call(_ALLOWANCE, account, spender)) for token, spender in granted]
    if not views:
        return outcomes
    reads = [_read(view, account) for view in views]
    calls = [*reads, *(call for one in bare for call in (one, *reads))]
    words = parse_words(await _simulated(node, calls), len(calls))
    step = len(views) + 1
    found = []
    for place, outcome in enumerate(outcomes):
        before, after = words[place * step :][: len(views)], words[(place + 1) * step :][: len(views)]
        pairs = zip(before, after, strict=True)
        spans = [None if old is None or new is None else Span(old, new) for old, new in pairs]
        balances = {token: span for token, span in zip(tokens, spans, strict=False) if span}
        allowances = {key: span for key, span in zip(granted, spans[len(tokens) :], strict=True) if span}
        found.append(replace(outcome, balances=balances, allowances=allowances))
    return found


def _read(view: _View, account: Address) -> dict[str, object]:
    to, calldata = view
    return {"from": account, "to": to, "data": to_hex(calldata), "gas": hex(_READ_GAS)}
