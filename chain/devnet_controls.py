"""What only a test chain does: time that jumps, blocks on demand, automine, snapshots. For Anvil and Hardhat alike.

A snapshot is of the whole chain; going back to it uses it up, and those taken after it. Whoever followed the chain (the
server's indexer, a wallet) has to notice by the blocks' hashes, as with a reorganisation.
"""

from __future__ import annotations

from dataclasses import dataclass

from chain.block import members
from chain.errors import AnswerMalformed, DevnetCannot, NodeRefused
from chain.node import Node
from chain.quantity import quantity

BLOCKS_MAX = 100_000
SECONDS_MAX = 10 * 365 * 86_400
SNAPSHOT_CHARACTERS_MAX = 66


@dataclass(frozen=True, slots=True)
class Status:
    """`timestamp` of the newest block, Unix seconds; `program` as the node names itself."""

    program: str
    chain_id: int
    height: int
    timestamp: int
    genesis: str


async def status(node: Node) -> Status:
    identity = await node.check()
    latest = await node.latest()
    named = await node.call("web3_clientVersion")
    program = str(named)[:60] if isinstance(named, str) else "?"
    return Status(program, identity.chain_id, latest.number, latest.timestamp, "0x" + identity.genesis_hash.hex())


async def travel(node: Node, seconds: int) -> Status:
    """The next block is so much later, and is mined. Prices of feeds grow old with it.

    Raises DevnetCannot for no future, or one too far.
    """
    return await travel_to(node, (await node.latest()).timestamp + seconds)


async def travel_to(node: Node, timestamp: int) -> Status:
    """A block of exactly that time (Unix seconds) is mined. Raises DevnetCannot, as chains go forward only."""
    latest = (await node.latest()).timestamp
    if timestamp <= latest:
        raise DevnetCannot("goes forward in time only")
    if timestamp > latest + SECONDS_MAX:
        raise DevnetCannot("goes forward by ten years at most")
    await _asked(node, "evm_setNextBlockTimestamp", timestamp)
    await _asked(node, "evm_mine")
    return await status(node)


async def mine(node: Node, blocks: int = 1) -> Status:
    """Raises DevnetCannot for none, or more than BLOCKS_MAX."""
    if not 0 < blocks <= BLOCKS_MAX:
        raise DevnetCannot("mines 1 to 100000 blocks at once")
    await _asked(node, "hardhat_mine", hex(blocks))  # Anvil knows the name as well
    return await status(node)


async def set_automine(node: Node, on: bool) -> None:
    """Off: what is sent waits until a block is mined."""
    await _asked(node, "evm_setAutomine", on)


async def snapshot(node: Node) -> str:
    """A name for how the chain is now."""
    found = await _asked(node, "evm_snapshot")
    return hex(quantity(found))


async def revert(node: Node, name: str) -> Status:
    """Back to a snapshot. Raises DevnetCannot for one that is not there (any more)."""
    try:
        found = await _asked(node, "evm_revert", name[:SNAPSHOT_CHARACTERS_MAX])
    except NodeRefused:
        found = False
    if found is not True:
        raise DevnetCannot("has no such snapshot, or not any more")
    return await status(node)


async def pending(node: Node) -> int:
    """How many transactions wait for a block."""
    block = members(await node.call("eth_getBlockByNumber", ("pending", False)))
    inside = block.get("transactions")
    if not isinstance(inside, list):
        raise AnswerMalformed("transactions expected")
    return len(inside)


async def _asked(node: Node, method: str, *params: object) -> object:
    """A node that does not know such a method is no test chain: DevnetCannot."""
    try:
        return await node.call(method, params)
    except NodeRefused as error:
        if error.code == -32601:
            raise DevnetCannot("is no test chain") from None
        raise
