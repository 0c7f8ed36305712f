"""Contract accounts under attack: what contracts answer that mean harm, what is said twice, and where a crash left."""

from __future__ import annotations

import asyncio
import io

import pytest

from api.contract_keys import ContractClaim, final_word
from api.database import open_database
from api.errors import ProofInvalid
from api.migrations import upgrade
from api.operator_key import open_key
from chain.address import Address
from chain.calldata import selector
from chain.devnet import Devnet, DevnetKind
from chain.node import Node
from fiat.audit import audit
from fiat.currency import currency
from fiat.history_check import verify
from fiat.holder import HolderGenesis, Recovery
from fiat.journal import Journal
from fiat.journal_control import ContractKey
from fiat.order import contract_key_digest
from tests.api.conftest import Running
from tests.api.people import CHAIN_ID, Key, now_s, spelled
from tests.api.test_contract_accounts import FINAL_AFTER, Contract, deploy

MAGIC = selector("isValidSignature(bytes32,bytes)").hex()
YES = f"63{MAGIC}60e01b5f5260205ff3"
FROM_SLOT_0 = "5f545f5260205ff3"
SAYS = {
    "nothing": "00",
    "four bytes alone": f"63{MAGIC}60e01b5f5260045ff3",
    "a byte too few": f"63{MAGIC}60e01b5f52601f5ff3",
    "a byte too many": f"63{MAGIC}60e01b5f5260215ff3",
    "with a last bit": f"7f{MAGIC}{1:056x}5f5260205ff3",
    "at the wrong end": f"63{MAGIC}5f5260205ff3",
    "true": "60015f5260205ff3",
    "the draft's magic": "6320c13b0b60e01b5f5260205ff3",
    "no": "63ffffffff60e01b5f5260205ff3",
}
BREAKS = {
    "reverts": "5f5ffd",
    "reverts with yes": f"63{MAGIC}60e01b5f5260205ffd",
    "invalid opcode": "fe",
    "no stack": "50",
    "burns gas": "5b5f56",
    "destroys itself": "5fff",
}
FLOODS = {
    "three megabytes": "623000005ff3",
    "yes and three megabytes": f"63{MAGIC}60e01b5f52623000005ff3",
    "reverts with three megabytes": "623000005ffd",
}


async def install(node, codes):
    """Contracts of these codes at new addresses, in a final block."""
    made = {name: Address.from_bytes(Key().address) for name in codes}
    for name, code in codes.items():
        await node.call("anvil_setCode", [made[name], "0x" + code])
    await bury(node)
    return made


async def bury(node):
    await node.call("anvil_mine", [hex(FINAL_AFTER)])


@pytest.fixture
async def node(chain_url):
    async with Node(chain_url) as one:
        yield one


@pytest.fixture
def account(running):
    def make(address, owner=None):
        name = f"evil{address[2:12].lower()}"
        return Contract(running.url, running.ledger_id, name, address, owner or Key())

    return make


async def refused(someone, **changes):
    answer = await someone.post("/v1/users", someone.registration(**changes))
    assert (answer.status, answer.slug) == (422, "proof_invalid"), answer.body
    assert (await someone.get(f"/v1/users/{someone.handle}")).status == 404, "nothing was opened"
    return answer.json["reason"]


async def test_no_other_answer_is_a_yes(node, account):
    everything = SAYS | BREAKS | FLOODS
    made = await install(node, everything | {"yes": YES})
    reasons = {name: await refused(account(made[name])) for name in everything}
    assert set(reasons.values()) == {"the contract does not say that this key is its own"}
    honest = account(made["yes"])
    assert (await honest.post("/v1/users", honest.registration())).status == 201, "the same way, a yes is one"


async def test_a_plain_key_is_no_contract_even_if_it_delegates(node, account, person):
    """EIP-7702 puts another's code at a key's address: what that code says is not the key's signature."""
    victim, thief = await person(), Key()
    await victim.top_up(900)
    made = await install(node, {"yes": YES})
    delegated = "0xef0100" + made["yes"][2:].lower()
    mine = account(Address.from_bytes(victim.root.address))
    fresh = account(Address.from_bytes(Key().address))
    for each in (mine, fresh):
        await node.call("anvil_setCode", [each.address, delegated])
    await bury(node)
    mine.genesis, mine.holder, mine.handle, mine.root = victim.genesis, victim.holder, victim.handle, thief
    answer = await mine.post("/v1/users", mine.registration())
    assert (answer.status, answer.slug) == (422, "order_malformed"), "the holder's id says that the root is a key"
    assert "delegates" in await refused(fresh)
    (root,) = (await victim.get("/v1/controls")).json["keys"]
    assert root["address"].lower() == spelled(victim.root.address), "the key that opened the account still signs for it"


async def test_who_says_to_be_a_contract_names_its_key(running):
    """A key that signs for itself, yet calls itself a contract in its document, is opened in neither way."""
    someone = running.person()
    someone.genesis = HolderGenesis(someone.root.address, b"\6" * 32, Recovery.CONTRACT_RECOVERABLE)
    someone.holder = someone.genesis.holder_id
    answer = await someone.post("/v1/users", someone.registration())
    assert (answer.status, answer.slug) == (422, "order_malformed"), answer.body
    assert (await someone.get(f"/v1/users/{someone.handle}")).status == 404


async def test_the_final_block_counts_not_the_head(node, account):
    """What the contract took back a moment ago still stands there; what it said a moment ago does not yet."""
    slot, yes, no = "0x" + "0" * 64, "0x" + MAGIC + "0" * 56, "0x" + "0" * 64
    made = await install(node, {"soon": FROM_SLOT_0, "late": FROM_SLOT_0})
    await node.call("anvil_setStorageAt", [made["late"], slot, yes])
    await bury(node)
    await node.call("anvil_setStorageAt", [made["soon"], slot, yes])
    await node.call("anvil_setStorageAt", [made["late"], slot, no])
    await node.call("anvil_mine", ["0x1"])
    soon, late = account(made["soon"]), account(made["late"])
    await refused(soon)
    assert (await late.post("/v1/users", late.registration())).status == 201
    await bury(node)
    assert (await soon.post("/v1/users", soon.registration())).status == 201


async def test_hardhat_calls_its_head_final():
    """Anvil's final block is 64 behind its head (the other tests bury what they ask); Hardhat's is the head."""
    genesis = HolderGenesis(Key().address, b"\6" * 32, Recovery.CONTRACT_NEVER)
    key, now = Key().address, now_s()
    claim = ContractClaim(CHAIN_ID, key, now + 600, b"")
    async with Devnet.start(DevnetKind.HARDHAT) as net, Node(net.url) as node:
        with pytest.raises(ProofInvalid, match="no contract"):
            await final_word(node, bytes(32), genesis, claim, now)
        await node.call("hardhat_setCode", [Address.from_bytes(genesis.root), "0x" + YES])
        await node.call("hardhat_mine", ["0x1"])
        head = await node.latest()
        assert await final_word(node, bytes(32), genesis, claim, now) == head.hash
        await node.call("hardhat_setCode", [Address.from_bytes(genesis.root), "0x" + BREAKS["reverts"]])
        await node.call("hardhat_mine", ["0x1"])
        with pytest.raises(ProofInvalid, match="does not say"):
            await final_word(node, bytes(32), genesis, claim, now)


async def test_no_word_is_taken_for_another(node, account):
    """For another holder, contract, chain or ledger: the owner signed, yet not this."""
    owner = Key()
    first, second = [await deploy(node, owner) for _ in range(2)]
    safe, other = account(first, owner), account(second, owner)
    claim = safe.claim()
    assert "does not say" in await refused(other, contract=claim | {"key": Address.from_bytes(other.root.address)})
    for changes in (
        {"holder": HolderGenesis(first.raw, b"\7" * 32, Recovery.CONTRACT_NEVER).holder_id},
        {"account": second.raw},
        {"chain_id": 1},
        {"ledger": bytes(32)},
    ):
        said = signed(safe, int(claim["valid_before"]), **changes)
        assert "does not say" in await refused(safe, contract=claim | {"signature": said})
    said = signed(safe, int(claim["valid_before"]))
    assert (await safe.post("/v1/users", safe.registration(contract=claim | {"signature": said}))).status == 201


def signed(safe, valid_before, *, ledger=None, **changes):
    fields = {"holder": safe.holder, "chain_id": CHAIN_ID, "account": safe.address.raw, "key": safe.root.address}
    digest = contract_key_digest(ledger or safe.ledger_id, valid_before=valid_before, **(fields | changes))
    return spelled(safe.owner.sign(digest))


async def test_one_key_once_however_often_and_by_whomever_it_is_asked(node, account):
    made = await install(node, {"race": YES, "rivals": YES})
    safe = account(made["race"])
    body = safe.registration()
    answers = await asyncio.gather(*(safe.post("/v1/users", body) for _ in range(6)))
    assert sorted(answer.status for answer in answers) == [200] * 5 + [201]
    rivals = [account(made["rivals"]) for _ in range(3)]
    answers = await asyncio.gather(*(each.post("/v1/users", each.registration()) for each in rivals))
    assert sorted(answer.status for answer in answers) == [201, 422, 422]
    for rival, answer in zip(rivals, answers, strict=True):
        if answer.status == 422:
            assert (answer.slug, answer.json["reason"]) == ("control_refused", "contract_settled")
            again = await rival.post("/v1/users", rival.registration())
            assert (again.status, again.slug) == (422, "control_refused"), "nor later"
        else:
            await rival.sign_in()


async def test_the_claim_has_one_spelling_and_bounds(node, account):
    made = await install(node, {"yes": YES})
    safe = account(made["yes"])
    claim = safe.claim()
    for wrong in (
        {"signature": "0x" + "00" * 4097},
        {"signature": "0x0"},
        {"signature": "0xAB"},
        {"signature": None},
        {"chain_id": "31337"},
        {"chain_id": 0},
        {"key": claim["key"][:-1]},
        {"valid_before": "0"},
        {"block": "latest"},
    ):
        answer = await safe.post("/v1/users", safe.registration(contract=claim | wrong))
        assert (answer.status, answer.slug) == (422, "invalid_input"), wrong
    for length in (0, 4096):
        other = account((await install(node, {"yes": YES}))["yes"])
        claim = other.claim() | {"signature": "0x" + "00" * length}
        assert (await other.post("/v1/users", other.registration(contract=claim))).status == 201


async def test_what_a_crash_left_is_repaired_by_the_same_request(node, chain_url, tmp_path):
    """Killed after the holder was opened, or after the key was written: no order before, the same account after."""
    made = await install(node, {"opened": YES, "named": YES})
    server = Running(tmp_path / "state", chain_url)
    safes = {name: Contract("", b"", name, address, Key()) for name, address in made.items()}
    engine = open_database(f"sqlite:///{server.folder / 'tandem.sqlite3'}", None)
    await upgrade(engine)
    journal = await Journal.open(engine, open_key(server.folder))
    for safe in safes.values():
        await journal.open_holder(safe.genesis, [(currency("EUR"), "main")])
    named = safes["named"]
    await journal.ask(ContractKey(named.holder, named.root.address, CHAIN_ID, b"\5" * 32))
    await journal.close()
    server.start()
    try:
        for name, safe in safes.items():
            safe.url, safe.ledger_id = server.url, server.ledger_id
            with pytest.raises(AssertionError, match="not_found"):
                await safe.sign_in()
            body = safe.registration()
            assert [(await safe.post("/v1/users", body)).status for _ in range(2)] == [201, 200], name
            await safe.sign_in()
        await life(*safes.values())
        exported = server.run("export", str(tmp_path / "journal.tandem"))
        assert exported.returncode == 0, exported.stderr
    finally:
        assert server.stop() == 0, server.log
    report = audit(io.BytesIO((tmp_path / "journal.tandem").read_bytes()))
    assert report.failures == []
    assert (await verify(engine)).intact
    await engine.dispose()


async def life(safe, other):
    """From here on the key is the root: it pays, freezes and thaws; the contract's owner signs nothing."""
    await safe.top_up(1_000)
    assert (await safe.order(safe.transfer(other.holder, 300))).status == 201
    key, safe.root = safe.root, safe.owner
    answer = await safe.order(safe.transfer(other.holder, 300))
    assert (answer.status, answer.slug) == (422, "order_key_unknown")
    safe.root = key
    assert (await safe.order(safe.control("freeze"))).status == 201
    assert (await safe.order(safe.transfer(other.holder, 1))).slug == "holder_frozen"
    assert (await safe.order(safe.control("unfreeze"))).status == 201
    safe.epoch += 1
    assert (await safe.order(safe.transfer(other.holder, 200))).status == 201
    assert (await safe.balance(), await other.balance()) == (500, 500)
