"""A storm of reorganisations, 1 to 12 blocks deep around the confirmation depth, held against the oracle.

What was in the blocks that vanish comes again as it was, elsewhere, as something else, or not at all; and where code
decides (a contract passes on all that it holds) the same transaction moves another amount. After each round the index
says what the oracle reads from the first block on; final is exactly what has so many confirmations; and people are
told that the chain was set back exactly where something final is gone. `make soak` plays 2,000 rounds.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from chain import erc20, indexer
from chain.address import Address
from chain.devnet import Devnet, deploy, transact
from chain.devnet_contracts import OWNER, demo_token
from chain.indexer import Indexer
from chain.node import Node
from chain.recorded import RecordedTransfer
from chain.reorg import Extend, RollBack, Verdict, compare, final_height
from chain.tables import metadata
from chain.token import TokenAmount
from chain.transaction import TransactionRequest
from tests.chain import assembly
from tests.chain.assembly import emit, topic, word
from tests.chain.oracle import Oracle
from tests.chain.witness import differences, recorded

ROUNDS, ROUNDS_SOAK, ROUNDS_A_CHAIN = 16, 2000, 40
DEPTH_MAX, CONFIRMATIONS = 12, 6
SHARED = "0x" + "5a" * 20  # an address below which nobody's key is known
DUSD = demo_token("DUSD")
SENDERS = tuple(
    Address(text)
    for text in (
        OWNER,
        "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    )
)  # the first accounts that Anvil signs for


@dataclass
class Storm:
    """One chain and its index; `wrong` is what the checks found."""

    node: Node
    engine: AsyncEngine
    random: Random
    pot: Address
    index: Indexer
    oracle: Oracle
    people: tuple[Address, ...]
    lives: int = 0
    wrong: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, int] = field(default_factory=dict)

    def request(self) -> dict[str, object]:
        """Something that moves for one of the people, or lets them allow."""
        someone, amount = self.random.choice(self.people), self.random.randrange(1, 10**6)
        sender = self.random.choice(SENDERS)
        moved = emit([assembly.TRANSFER, topic(sender), topic(someone), word(amount)])
        choices = [
            TransactionRequest(31337, someone, value=amount),
            erc20.transfer(TokenAmount(amount, DUSD), someone),
            TransactionRequest(31337, None, data=moved),
            TransactionRequest(31337, None, value=amount, data=assembly.pay(someone, amount)),
            TransactionRequest(31337, self.pot, value=amount),  # it passes on what it holds by then
            TransactionRequest(31337, None, data=emit([assembly.FOR_ALL, topic(someone), topic(sender)], word(1))),
        ]
        return {**self.random.choice(choices).with_sender(sender).to_rpc(), "gas": hex(500_000)}

    async def act(self) -> None:
        """Blocks of none to three transactions."""
        await self.node.call("evm_setAutomine", [False])
        for _ in range(self.random.randrange(1, 6)):
            for _ in range(self.random.choice([0, 1, 1, 2, 3])):
                await self.node.call("eth_sendTransaction", [self.request()])
            await self.node.call("anvil_mine", [hex(1)])
        await self.node.call("evm_setAutomine", [True])

    async def reorganise(self) -> int:
        """Turns the chain back by so many blocks and puts others in their place; 0 where there is nothing to change."""
        head = await self.node.height()
        latest = [b for b in await self.node.blocks(range(head - DEPTH_MAX + 1, head + 1), full=True) if b is not None]
        # Anvil loses a block that is replaced by the same one: the first has to change.
        depths = [head - block.number + 1 for block in latest if block.transactions]
        if not depths:
            return 0
        depth = self.random.choice(depths)
        blocks = latest[-depth:]
        placed = []
        for offset, block in enumerate(blocks):
            for transaction in block.transactions:
                placed += await self._again(transaction.hash, offset, depth)
        await self.node.call("anvil_reorg", [depth, placed])
        self.met[f"depth {depth}"] += 1
        return depth

    async def _again(self, transaction: bytes, offset: int, depth: int) -> list[object]:
        """As it was in a later block, as something else, or not at all. A sender's next one may have no place then."""
        fate = self.random.choice(["included", "included", "replaced", "vanished"])
        self.met[fate] += 1
        if fate == "included":
            raw = await self.node.call("eth_getRawTransactionByHash", ["0x" + transaction.hex()])
            return [[raw, min(depth - 1, offset + 1)]] if offset or depth > 1 else []
        if fate == "replaced":
            return [[self.request(), self.random.randrange(offset, depth)]] if offset else []
        return []

    async def check(self, what: str) -> None:
        transfers, approvals = await asyncio.to_thread(self.oracle.read)
        found = await recorded(self.engine)
        apart = differences(found[0], transfers) + differences(found[1], approvals)
        self.wrong += [f"{what}: {word}" for word in apart]
        amounts = {row[1]: row[8] for row in transfers if row[3] == "inner"}
        changed = sum(self.amounts.get(transaction, amount) != amount for transaction, amount in amounts.items())
        self.met["amount changed"] += changed
        self.amounts = amounts
        mine = await self.index.transfers(self.people, 1000)
        tip = await self.index.store.tip()
        assert tip is not None
        finals = [t for t in mine if self.is_final(t, tip.number)]
        counted = sum(1 for row in transfers if self.oracle.head - row[0] + 1 >= CONFIRMATIONS and row[8])
        if len(finals) != counted:
            self.wrong.append(f"{what}: {len(finals)} final, and {counted} have {CONFIRMATIONS} confirmations")

    @staticmethod
    def is_final(transfer: RecordedTransfer, tip: int) -> bool:
        return transfer.position.block_number <= indexer.final_height(tip, CONFIRMATIONS)

    async def round(self, number: int) -> None:
        await self.act()
        if self.random.random() < 0.8:
            await self.index.catch_up()
            await self.check(f"round {number} before")
        seen = await self.index.store.tip()
        depth = await self.reorganise()
        common = await self.node.height() - depth
        await self.index.catch_up()
        await self.check(f"round {number} after {depth}")
        tip = await self.index.store.tip()
        assert tip is not None and seen is not None
        is_told = depth > 0 and common < seen.number - CONFIRMATIONS + 1
        self.lives += is_told
        if tip.lives != self.lives:
            self.wrong.append(f"round {number}: told {tip.lives} times that the chain was set back, not {self.lives}")


async def play(folder: Path, rounds: int, seed: int) -> Storm:
    """Up to the first round in which something is wrong."""
    random = Random(seed)
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        (receipt,) = await transact(
            node, [TransactionRequest(31337, None, data=assembly.installed(assembly.pay_half(Address(SHARED))))]
        )
        assert receipt.contract_address is not None
        people = (*(Address.from_bytes(random.randbytes(20)) for _ in range(2)), Address(SHARED))
        await node.call("anvil_mine", [hex(DEPTH_MAX)])
        engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/storm{seed}.db")
        async with engine.begin() as conn:
            await conn.run_sync(metadata.create_all)
        index = Indexer(engine, node, [DUSD], confirmations=CONFIRMATIONS)
        await index.watch(*people)
        await index.catch_up()
        oracle = Oracle(net.url, set(people))
        storm = Storm(node, engine, random, receipt.contract_address, index, oracle, people)
        for number in range(rounds):
            await storm.round(number)
            if storm.wrong:
                break
        await engine.dispose()
    return storm


async def test_a_storm(tmp_path: Path) -> None:
    storm = await play(tmp_path, ROUNDS, 1)
    assert storm.wrong == []
    kinds = {"included", "replaced", "vanished", "amount changed"}
    assert kinds <= {kind for kind, times in storm.met.items() if times}, storm.met
    depths = {int(kind.split()[1]) for kind in storm.met if kind.startswith("depth")}
    assert len(depths) > 4 and min(depths) < CONFIRMATIONS < max(depths), storm.met
    assert storm.lives > 0, "some went below what was final"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 2 + ROUNDS_SOAK // ROUNDS_A_CHAIN))
async def test_storms(tmp_path: Path, seed: int) -> None:
    assert (await play(tmp_path, ROUNDS_A_CHAIN, seed)).wrong == []


async def test_one_confirmation_too_few_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control for k and k - 1."""
    monkeypatch.setattr(indexer, "final_height", lambda tip, k: final_height(tip, k - 1))
    wrong = (await play(tmp_path, ROUNDS, 1)).wrong
    assert any("confirmations" in word for word in wrong), wrong


async def test_parents_that_nobody_compares_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control for the hashes: an index that believes that its blocks still stand."""

    def trusting(stored: dict[int, bytes], seen: dict[int, bytes | None], tip: int, conflict: bool = False) -> Verdict:
        verdict = compare(stored, seen, tip, conflict)
        return Extend(tip) if isinstance(verdict, RollBack) and verdict.height < tip - 1 else verdict

    monkeypatch.setattr(indexer, "compare", trusting)
    monkeypatch.setattr(Indexer, "catch_up", lambda index: _steps(index))
    wrong = (await play(tmp_path, ROUNDS, 1)).wrong
    assert any("missing" in word or "not on the chain" in word for word in wrong), wrong


async def _steps(index: Indexer) -> None:
    for _ in range(8):
        await index.step()
