"""Deposits of hostile tokens, behind bad nodes and through reorganisations: no wrong credit, nothing stuck."""

from __future__ import annotations

from random import Random

import pytest
import pytest_asyncio

from api import deposit_settle
from api.deposit_holds import cases, close_case
from api.deposits import Stage
from chain.address import Address
from chain.calldata import encode_call
from chain.devnet import Devnet, deploy, fund
from chain.devnet_contracts import demo_token
from chain.erc20 import balance_of
from chain.errors import ChainError
from chain.node import Node
from chain.reorg import final_height
from chain.token import Token, TokenAmount
from chain.transaction import TransactionRequest
from tests.api.deposit_bench import Bench, Ground, eur_minor
from tests.chain.faulty_node import Mood, faulty_node
from tests.chain.hostile_tokens import hostile_tokens

pytestmark = pytest.mark.asyncio(loop_scope="module")
COIN, DUSD = Token.native(31337), demo_token("DUSD")
UNITS = 10**9
WHOLE = {
    "honest",
    "no-return",
    "returns-two",
    "link-in-name",
    "invalid-utf8",
    "megabyte-name",
    "upgradable",
    "erc777-hook",
}
"""What moves just what it says."""
NOTHING = {"returns-false", "logs-without-balance", "endless-balance"}
SAMPLE = (
    "honest",
    "no-return",
    "returns-two",
    "returns-false",
    "logs-without-balance",
    "fee-on-transfer",
    "endless-balance",
)
SENDERS = ("0x70997970C51812dc3A010C7d01b50e0d17dc79C8", "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC")
ROUNDS, ROUNDS_SOAK, CONFIRMATIONS = 8, 200, 3
OPERATIONS, OPERATIONS_SOAK = 1, 40


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node():
    async with Devnet.start("anvil") as net, Node(net.url, 31337) as node:
        await deploy(node)
        yield node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory):
    folder = tmp_path_factory.mktemp("storms")
    ground = await Ground.open(f"sqlite:///{folder}/db.sqlite3", folder / "state")
    yield ground
    await ground.close()


async def attempt(bench, sender, to, data):
    """Sent, whatever becomes of it."""
    request = {**TransactionRequest(31337, to, data=data).with_sender(sender).to_rpc(), "gas": hex(2_000_000)}
    sent = bytes.fromhex(str(await bench.node.call("eth_sendTransaction", [request]))[2:])
    await bench.node.wait_for_receipt(sent)


async def of_hostile(node, ground, name, address):
    """What was credited for a transfer of such a token, and what the treasury has of it."""
    token = Token(31337, address, "DUSD", name, 6)
    bench = await Bench(ground, node, (COIN, token)).open()
    alice = await bench.payer()
    await bench.intent(alice, "1000")
    data = encode_call("transfer(address,uint256)", bench.treasury, UNITS)
    if name == "logs-without-balance":
        data = encode_call("claim(address,address,uint256)", alice.address, bench.treasury, UNITS)
    await attempt(bench, alice.address, address, data)
    await bench.follow()
    await bench.finish()
    held = await node.outcomes(
        [("eth_call", ({"to": address, "data": "0x" + balance_of(bench.treasury).hex(), "gas": hex(10**6)}, "latest"))]
    )
    answer = held[0] if isinstance(held[0], str) and len(held[0]) == 66 else "0x0"
    return await bench.balance(alice), int(answer, 16), bench


def wrong_of(name, balance, arrived):
    """What is wrong with a credit (booked, coming), where so much arrived."""
    booked, coming = balance
    most = eur_minor(min(arrived, UNITS))
    if booked > most or (name in NOTHING and booked):
        return f"{name}: {booked} credited, and {most} arrived"
    if name in WHOLE and balance != (eur_minor(UNITS), 0):
        return f"{name}: all of it arrived, and {balance} was credited"
    return f"{name}: {coming} is coming for ever" if coming and name != "endless-balance" else None


async def test_no_hostile_token_is_credited_for_what_did_not_arrive(node, ground, soak):
    tokens = await hostile_tokens(node)
    names = [name for name in tokens if name not in ("generous", "plain")] if soak else SAMPLE
    found = []
    for name in names:
        balance, arrived, bench = await of_hostile(node, ground, name, tokens[name])
        found.append(wrong_of(name, balance, arrived))
        if name == "fee-on-transfer":
            assert balance == (eur_minor(arrived), 0) and 0 < arrived < UNITS, "what arrived, not what was sent"
        if name in ("returns-false", "logs-without-balance"):
            assert [each.stage for each in await bench.deposits()] in ([], [Stage.NOTHING])
    assert [word for word in found if word] == []


async def test_who_believes_logs_is_seen(node, ground, monkeypatch):
    """The positive control: without the balance a log alone is credited, and the checker says so."""

    async def believing(node, treasury, token, number, block_hash, sent):
        return 2**255

    monkeypatch.setattr(deposit_settle, "arrived_in", believing)
    tokens = await hostile_tokens(node)
    balance, arrived, _ = await of_hostile(node, ground, "logs-without-balance", tokens["logs-without-balance"])
    assert wrong_of("logs-without-balance", balance, arrived)


class Storm:
    """Payments, blocks that vanish, and what must hold after each round."""

    def __init__(self, bench, payers, random):
        self.bench, self.payers, self.random = bench, payers, random
        self.paid, self.booked, self.wrong, self.met = 0, {}, [], set()
        self.ever_final = set()

    async def round(self):
        await self.act()
        await self.look("before")
        await self.reorganise()
        await self.look("after")
        for case in await cases(self.bench.engine):
            await close_case(self.bench.engine, case["id"], self.bench.clock())
        await self.look("looked at")

    async def act(self):
        for _ in range(self.random.randrange(1, 4)):
            payer = self.random.choice(self.payers)
            self.paid += 1
            units = 10**6 + self.paid * 10**4
            await self.bench.intent(payer, TokenAmount(units, DUSD).format())
            await self.bench.pay(payer, units)
            if self.random.random() < 0.5:
                await self.bench.mine(1)

    async def reorganise(self):
        """Some of the last blocks are others now: their transactions come later, or not at all."""
        node, head = self.bench.node, await self.bench.node.height()
        depth = self.random.randrange(1, 9)
        blocks = [b for b in await node.blocks(range(head - depth + 1, head + 1), full=True) if b is not None]
        while blocks and not blocks[0].transactions:
            blocks = blocks[1:]
        if not blocks:
            return
        depth, placed = len(blocks), []
        for offset, block in enumerate(blocks):
            for transaction in block.transactions:
                if offset + 1 < depth and self.random.random() < 0.6:
                    raw = await node.call("eth_getRawTransactionByHash", ["0x" + transaction.hash.hex()])
                    placed.append([raw, offset + 1])
        self.met.add("deep" if depth >= CONFIRMATIONS else "shallow")
        await node.call("anvil_reorg", [depth, placed])

    async def look(self, what):
        await self.bench.follow()
        head = await self.bench.node.height()
        logs = await self.bench.node.logs(
            {
                "fromBlock": "0x0",
                "toBlock": hex(head),
                "address": DUSD.address,
                "topics": [None, None, "0x" + self.bench.treasury.raw.rjust(32, b"\0").hex()],
            }
        )
        there = {log.transaction_hash: log.block_number for log in logs}
        final = {tx for tx, block in there.items() if block <= final_height(head, CONFIRMATIONS)}
        self.ever_final |= final
        frozen = await self.bench.rows.frozen()
        rows = await self.bench.deposits()
        for payer in self.payers:
            mine = [each for each in rows if each.holder == payer.holder]
            given = [each for each in mine if each.stage in (Stage.CREDITED, Stage.LOST)]
            booked, coming = await self.bench.balance(payer)
            due = sum(each.credit.receive_minor for each in given)
            if booked != due:
                self.wrong.append(f"{what}: {booked} booked, and the deposits credit {due}")
            if booked < self.booked.get(payer.holder, 0):
                self.wrong.append(f"{what}: a person's balance fell")
            self.booked[payer.holder] = booked
            if coming != sum(each.pending_minor or 0 for each in mine if each.stage is Stage.PENDING):
                self.wrong.append(f"{what}: {coming} is coming, and no deposit says so")
        for each in rows:
            self.met.add(each.stage)
            if each.stage in (Stage.CREDITED, Stage.LOST) and each.transaction not in self.ever_final:
                self.wrong.append(f"{what}: credited, and never final")
            if each.stage is Stage.CREDITED and each.transaction not in there:
                self.wrong.append(f"{what}: credited, and not on the chain")
            if each.transaction in final and each.stage is not Stage.CREDITED and not frozen:
                self.wrong.append(f"{what}: final, and {each.stage}")
        lost = sum(each.units for each in rows if each.stage is Stage.LOST)
        if await self.bench.operators("DUSD", "reorg_loss") != -lost:
            self.wrong.append(f"{what}: the loss in the books is another")
        if len({each.id for each in rows}) != len(rows) or len(rows) > self.paid:
            self.wrong.append(f"{what}: more deposits than payments")


async def storm(node, folder, rounds, seed):
    random = Random(seed)
    ground = await Ground.open(f"sqlite:///{folder}/storm{seed}.sqlite3", folder / f"storm{seed}")
    bench = await Bench(ground, node, (COIN, DUSD), confirmations=CONFIRMATIONS).open()
    payers = []
    for address in map(Address, SENDERS):
        await fund(node, address, 0, 10**12)
        payers.append(await bench.payer(address=address))
    await bench.mine(8)
    found = Storm(bench, payers, random)
    for _ in range(rounds):
        await found.round()
        if found.wrong:
            break
    await ground.close()
    return found


async def test_a_storm_of_reorganisations(node, tmp_path, soak):
    found = await storm(node, tmp_path, ROUNDS_SOAK if soak else ROUNDS, 5)
    assert found.wrong == []
    assert {"deep", "shallow", Stage.CREDITED, Stage.GONE, Stage.LOST} <= found.met, found.met


async def test_one_confirmation_too_few_is_seen(node, tmp_path, monkeypatch):
    """The positive control for what is final."""
    monkeypatch.setattr("api.deposit_worker.final_height", lambda tip, k: final_height(tip, k - 1))
    found = await storm(node, tmp_path, ROUNDS, 5)
    assert any("never final" in word or "final, and" in word for word in found.wrong), found.wrong


async def test_a_bad_node_makes_no_wrong_credit_and_nothing_stays_stuck(node, ground, soak):
    """Each of the fourteen moods while deposits come and become final; then the node is good again."""
    random = Random(11)
    async with faulty_node(node.url, random) as bad:
        for mood in list(Mood) * (OPERATIONS_SOAK if soak else OPERATIONS):
            bounds = {"timeout_seconds": 0.3, "answer_bytes_max": 2**20}
            async with Node(bad.url, 31337, **bounds) as behind:
                bench = await Bench(ground, node, (COIN, DUSD)).open()
                alice = await bench.payer()
                await bench.intent(alice, "10")
                bench.node = behind
                bench.rebuild()
                bench.node = node
                await bench.pay(alice, 10**7)
                bad.begin(mood, random.choice([0.5, 1.0]), await node.height() - 1)
                for blocks in (0, bench.confirmations):
                    await bench.mine(blocks) if blocks else None
                    for _ in range(2 if soak else 1):
                        try:
                            progress = await bench.index.step()
                            bench.caught_up = progress.height if progress.is_caught_up else None
                            await bench.worker.step()
                        except ChainError:
                            continue
                    assert await bench.balance(alice) in ((0, 0), (0, 796), (796, 0)), mood
                    assert blocks or (await bench.balance(alice))[0] == 0, "nothing is final"
                bad.mood = None
                await bench.follow()
                assert await bench.balance(alice) == (eur_minor(10**7), 0), mood
    assert bad.faults > len(Mood)
