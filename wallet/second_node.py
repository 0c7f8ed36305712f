"""A second node, where the person set one for a network: asked the same as the first, before anything is signed.

It is a witness, not a gate: what it says is shown, and where it is away that is said and nothing else happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from chain.address import Address
from chain.block import Block
from chain.errors import AnswerMalformed, ChainError, NodeRefused, WrongChain
from chain.node import Node
from chain.outcome import Outcome
from chain.quantity import data
from chain.simulation import simulate_row
from chain.token import Token
from chain.transaction import TransactionRequest
from wallet.networks import Network
from wallet.review import Known, Review
from wallet.review_effects import Scene
from wallet.review_second import Witness, with_second
from wallet.review_transactions import addresses_of

PATIENCE_SECONDS = 8
TOKENS_MAX = 32


async def cross_checked(
    shown: Review,
    network: Network,
    first: Node,
    request: TransactionRequest,
    known: Known,
    *,
    outcome: Outcome | None = None,
    more: Iterable[Address] = (),
    after: Sequence[TransactionRequest] = (),
    simulated: bool = True,
) -> Review:
    """The review, with the second node's word where one is set. `outcome` is the first's simulation, if there was one;
    `more` are addresses whose code matters besides those in the bytes; `after` are the sender's that go before it.
    Not `simulated`: what it does is no call. Raises what the first node raises."""
    if network.second is None:
        return shown
    assert request.sender is not None
    scene = Scene(known, request.chain_id, request.sender, 0)
    about = [*addresses_of(request.unsigned_payload, request.sender), *more]
    wanted = [Token.native(request.chain_id), *known.tokens.on_chain(request.chain_id)]
    tokens = [token for token in wanted if token.address is None or token.address in about][:TOKENS_MAX]
    row = [*after, request]
    async with Node(network.second, request.chain_id, timeout_seconds=PATIENCE_SECONDS) as second:
        try:
            height = min(await first.height(), await second.height())
            theirs = await _witness(second, row, about, tokens, height, None, simulated=simulated)
        except ChainError:
            return with_second(shown, Witness(host_of(network.url), 0), None, host_of(network.second), scene)
    ours = await _witness(first, row, about, tokens, height, outcome, simulated=simulated)
    return with_second(shown, ours, theirs, host_of(network.second), scene)


async def _witness(
    node: Node,
    row: Sequence[TransactionRequest],
    about: list[Address],
    tokens: list[Token],
    height: int,
    outcome: Outcome | None,
    *,
    simulated: bool,
) -> Witness:
    """Everything at one height, so that a node which is a block ahead does not contradict. The last of the row is
    what it is about."""
    host, request = host_of(node.url), row[-1]
    assert request.sender is not None
    try:
        await node.check()
    except WrongChain as wrong:
        return Witness(host, wrong.actual)
    codes = await node.outcomes([("eth_getCode", (address, hex(height))) for address in about])
    held = await node.balances(request.sender, tokens, height)
    (block,) = await node.blocks([height])
    if outcome is None and simulated:
        outcome = (await simulate_row(node, row))[-1]
    return Witness(
        host,
        request.chain_id,
        _hash(block),
        {token: amount.units for token, amount in zip(tokens, held, strict=True) if amount is not None},
        {address: _code(code) for address, code in zip(about, codes, strict=True)},
        outcome,
    )


def host_of(url: str) -> str:
    """Whose claim it is: without the path, where providers put their keys."""
    return urlsplit(url).netloc or url


def _hash(block: Block | None) -> str:
    return "" if block is None else "0x" + block.hash.hex()


def _code(answer: object | NodeRefused) -> bytes:
    if isinstance(answer, NodeRefused):
        raise AnswerMalformed("code expected")
    return data(answer)
