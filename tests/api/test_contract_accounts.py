"""Contract accounts: a real contract (ERC-1271) names its one key at a final block, once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chain.address import Address
from chain.calldata import encode
from chain.node import Node
from fiat.holder import HolderGenesis, Recovery
from fiat.order import contract_key_digest
from tests.api.people import CHAIN_ID, Key, Person, now_s, spelled

ARTIFACT = json.loads((Path(__file__).parents[2] / "chain/contracts/DemoWallet.json").read_text())
DEV = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
FINAL_AFTER = 70
"""Blocks after which Anvil calls one final (two epochs of 32)."""


class Contract(Person):
    """Somebody whose root is a contract that `owner` speaks for."""

    def __init__(self, url, ledger_id, handle, address, owner):
        super().__init__(url, ledger_id, handle)
        self.owner, self.address = owner, address
        self.genesis = HolderGenesis(address.raw, b"\6" * 32, Recovery.CONTRACT_NEVER)
        self.holder = self.genesis.holder_id

    def claim(self, **changes):
        fields = {"chain_id": CHAIN_ID, "key": self.root.address, "valid_before": now_s() + 600} | changes
        digest = contract_key_digest(self.ledger_id, holder=self.holder, account=self.address.raw, **fields)
        return {
            "chain_id": fields["chain_id"],
            "key": Address.from_bytes(fields["key"]),
            "valid_before": str(fields["valid_before"]),
            "signature": spelled(self.owner.sign(digest)),
        }

    def registration(self, **changes):
        body = super().registration(accounts=[], contract=self.claim())
        return body | changes


async def deploy(node, owner, *, final=True):
    """A wallet contract of that owner's, buried so deep that it is final."""
    code = ARTIFACT["bytecode"] + encode("(address)", [Address.from_bytes(owner.address)]).hex()
    sent = await node.call("eth_sendTransaction", [{"from": DEV, "data": code}])
    receipt = await node.wait_for_receipt(bytes.fromhex(sent[2:]))  # Anvil answers before it mines
    if final:
        await node.call("anvil_mine", [hex(FINAL_AFTER)])
    return receipt.contract_address


@pytest.fixture
async def contract(running, chain_url):
    made = []

    async def make(*, final=True):
        owner = Key()
        async with Node(chain_url) as node:
            address = await deploy(node, owner, final=final)
        made.append(address)
        return Contract(running.url, running.ledger_id, f"safe{address[2:12].lower()}", address, owner)

    return make


async def test_a_contract_opens_an_account_and_its_key_signs_for_it(contract, person):
    safe, bob = await contract(), await person()
    answer = await safe.post("/v1/users", safe.registration())
    assert answer.status == 201, answer.body
    assert (await safe.post("/v1/users", safe.registration())).status == 200
    await safe.sign_in()
    await safe.top_up(1000)
    assert (await safe.order(safe.transfer(bob.holder, 400))).status == 201
    (root,) = (await safe.get("/v1/controls")).json["keys"]
    assert root["address"].lower() == spelled(safe.root.address) and root["is_root"]
    other = safe.claim(key=Key().address)
    refused = await safe.post("/v1/users", safe.registration(contract=other))
    assert refused.status == 422, "once, and its registration is signed by the key that it names"


async def test_what_the_contract_does_not_say_is_not_believed(contract):
    safe, stranger = await contract(), Key()
    honest, safe.owner = safe.owner, stranger
    answer = await safe.post("/v1/users", safe.registration())
    assert (answer.status, answer.slug) == (422, "proof_invalid")
    safe.owner = honest
    for changed in (safe.claim(key=stranger.address), safe.claim(valid_before=now_s() + 500)):
        for name in ("key", "valid_before"):
            wrong = safe.claim() | {name: changed[name]}
            if wrong != safe.claim():
                answer = await safe.post("/v1/users", safe.registration(contract=wrong))
                assert (answer.status, answer.slug) == (422, "proof_invalid")
    assert (await safe.post("/v1/users", safe.registration())).status == 201


async def test_a_contract_that_is_not_final_yet_or_none_is_refused(contract, running):
    young = await contract(final=False)
    answer = await young.post("/v1/users", young.registration())
    assert (answer.status, answer.slug) == (422, "proof_invalid")
    nobody = Contract(running.url, running.ledger_id, "nosuchsafe", Address.from_bytes(Key().address), Key())
    answer = await nobody.post("/v1/users", nobody.registration())
    assert (answer.status, answer.slug, "no contract" in answer.json["reason"]) == (422, "proof_invalid", True)


async def test_a_contract_attests_no_addresses_and_lives_on_this_chain(contract):
    safe = await contract()
    accounts = [safe.account_claim(safe.account, now_s() + 600)]
    assert (await safe.post("/v1/users", safe.registration(accounts=accounts))).slug == "invalid_input"
    assert (await safe.post("/v1/users", safe.registration(contract=safe.claim(chain_id=1)))).slug == "not_found"
    late = safe.registration(contract=safe.claim(valid_before=now_s() + 10**6))
    assert (await safe.post("/v1/users", late)).slug == "invalid_input"
