"""Opening an account at a ledger and signing in to it, with the wallet's own keys."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chain.address import Address
from fiat.holder import HolderGenesis, Recovery
from wallet.client import Client
from wallet.devices import prove_added
from wallet.errors import AnswerUnfit, HolderMissing, InputMalformed, ProofMissing, ServerRefused
from wallet.head_log import keep_head
from wallet.heads import Kept, Reader, read_head
from wallet.payee import read_handle
from wallet.proofs import Ledger, read_card
from wallet.review import Review, review_registration, review_sign_in
from wallet.signable import ATTESTATION, REGISTRATION, read_order
from wallet.signing import Signer, SignerStatus
from wallet.siwe import SignInText

REGISTRATION_SECONDS = 10 * 60
ATTESTATION_SECONDS = 365 * 24 * 3600
FIRST_EPOCH = 1


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What would be signed to open an account: the root's statement, one of each account, one about each account."""

    ledger: Ledger
    genesis: HolderGenesis
    handle: str
    accounts: tuple[tuple[int, Address], ...]
    valid_before: int
    review: Review

    def statement(self, chain_id: int, account: Address) -> dict[str, str]:
        """LedgerRegistration's fields."""
        return {
            "holder": "0x" + self.genesis.holder_id.hex(),
            "handle": self.handle,
            "chainId": str(chain_id),
            "account": "0x" + account.raw.hex(),
            "validBefore": str(self.valid_before),
        }

    def attestation(self, chain_id: int, account: Address, valid_before: int) -> dict[str, str]:
        """LedgerAddress's fields."""
        statement = self.statement(chain_id, account)
        return {name: statement[name] for name in ("holder", "chainId", "account")} | {"validBefore": str(valid_before)}


async def plan_enrolment(
    client: Client, root: Address, handle: str, accounts: Sequence[tuple[int, Address]], *, recoverable: bool = False
) -> Enrolment:
    """The salt is kept, and the recovery choice once it is sent, so that a repeated registration is the same holder."""
    ledger = await client.ledger()
    client.check_clock()
    kept = client.folder.change("genesis", lambda document: document.setdefault(root, os.urandom(32).hex()))
    asked = Recovery.RECOVERABLE if recoverable else Recovery.NEVER
    recovery = Recovery[kept.get(_choice(root), asked.name)]
    genesis = HolderGenesis(root.raw, bytes.fromhex(kept[root]), recovery)
    valid_before = now_seconds() + REGISTRATION_SECONDS
    fields = {
        "holder": "0x" + genesis.holder_id.hex(),
        "handle": handle,
        "chainId": "0",
        "account": "0x" + root.raw.hex(),
        "validBefore": str(valid_before),
    }
    digest = read_order(REGISTRATION, ledger.id, fields).digest
    review = review_registration(ledger.id, genesis, handle, accounts, digest, host=client.host)
    return Enrolment(ledger, genesis, handle, tuple(accounts), valid_before, review)


def _choice(root: Address) -> str:
    """What the kept choice is called; one that was declined in the review binds nobody."""
    return f"{root}.recovery"


async def enrol(client: Client, signer: Signer, root: Address, plan: Enrolment) -> dict[str, Any]:
    """Signs what was reviewed, opens the account, keeps what belongs to it and signs in."""

    async def signed(kind: str, fields: dict[str, str], key: Address) -> str:
        digest = read_order(kind, plan.ledger.id, fields).digest
        return "0x" + (await signer.sign_order(kind, plan.ledger.id, fields, key, digest)).hex()

    attested_until = now_seconds() + ATTESTATION_SECONDS
    accounts = [
        {
            "chain_id": chain_id,
            "address": account,
            "signature": await signed(REGISTRATION, plan.statement(chain_id, account), account),
            "attestation": {
                "valid_before": str(attested_until),
                "signature": await signed(ATTESTATION, plan.attestation(chain_id, account, attested_until), root),
            },
        }
        for chain_id, account in plan.accounts
    ]
    body = {
        "handle": plan.handle,
        "genesis": "0x" + plan.genesis.document.hex(),
        "valid_before": str(plan.valid_before),
        "signature": await signed(REGISTRATION, plan.statement(0, root), root),
        "accounts": accounts,
    }
    answer = Reader(client.host, "user", await _sent(client, root, plan.genesis.recovery, body))
    holder = plan.genesis.holder_id
    if answer.raw("holder", 32) != holder or answer.text("handle") != plan.handle:
        raise ProofMissing(client.host, "card", "it is another holder than was registered")
    if answer.document.get("blind") is not None:  # opened just now; an account that was open tells it to a session
        signed_head = answer.document.get("head")
        head = read_head(client.host, signed_head, plan.ledger.id, plan.ledger.operator, holder)
        keep_me(client, handle=plan.handle, genesis=plan.genesis, blind=answer.raw("blind", 32))
        if not client.folder.read("head"):
            keep_head(client.folder, Kept(head.count, head.head), signed_head)
    await sign_in(client, signer, root)
    return answer.document


async def _sent(client: Client, root: Address, recovery: Recovery, body: dict[str, Any]) -> Any:
    """The answer to a registration. Its recovery choice is kept for as long as it may have been taken up."""
    name = _choice(root)
    known = name in client.folder.read("genesis")
    client.folder.change("genesis", lambda document: document.setdefault(name, recovery.name))
    try:
        return await client.post("/users", body)
    except ServerRefused:
        if not known:
            client.folder.change("genesis", lambda document: document.pop(name))
        raise


async def attest(client: Client, signer: Signer, status: SignerStatus, accounts: Sequence[tuple[int, Address]]) -> None:
    """Tells the ledger of further chain accounts: each proves itself, the root key says that it receives."""
    ledger, me, root = await client.ledger(), client.me, status.root
    assert root is not None
    for chain_id, account in accounts:
        fields = {"holder": "0x" + me["holder"], "chainId": str(chain_id), "account": "0x" + account.raw.hex()}
        proof = fields | {"handle": me["handle"], "validBefore": str(now_seconds() + REGISTRATION_SECONDS)}
        attested = fields | {"validBefore": str(now_seconds() + ATTESTATION_SECONDS)}
        signatures = []
        for kind, statement, key in ((REGISTRATION, proof, account), (ATTESTATION, attested, root)):
            digest = read_order(kind, ledger.id, statement).digest
            signatures.append("0x" + (await signer.sign_order(kind, ledger.id, statement, key, digest)).hex())
        body = {
            "valid_before": proof["validBefore"],
            "signature": signatures[0],
            "attestation": {"valid_before": attested["validBefore"], "signature": signatures[1]},
        }
        await client.ask("PUT", f"/addresses/{chain_id}/{account}", body, session=True)


async def plan_sign_in(client: Client, root: Address) -> tuple[str, Review]:
    """The server's text, read strictly: for this server, this ledger and this key. Raises ProofMissing."""
    ledger = await client.ledger()
    text = Reader(client.host, "challenge", await client.post("/sessions/challenge", {"address": root})).text("message")
    read = SignInText.parse(text)
    if read.domain != client.host:
        raise ProofMissing(client.host, "sign-in", f"the text is for {read.domain}")
    if read.address != root or f"urn:tandem:ledger:0x{ledger.id.hex()}" not in (read.resources or ()):
        raise ProofMissing(client.host, "sign-in", "the text is for another key or ledger")
    return text, review_sign_in(text, host=client.host)


async def sign_in(client: Client, signer: Signer, root: Address) -> dict[str, Any]:
    """A session; on a machine that does not know its own account yet (restored) also what belongs to it.

    The text is fully decoded and moves no money, so nothing is asked. Raises HolderMissing.
    """
    text, review = await plan_sign_in(client, root)
    signature = await signer.sign_in(text, root, review.digest)
    try:
        body = {"message": text, "signature": "0x" + signature.hex()}
        answer = Reader(client.host, "session", await client.post("/sessions", body))
    except ServerRefused as refused:
        if refused.slug == "not_found":
            raise HolderMissing(client.host) from None
        raise
    user, ends = answer.inner("user"), answer.text("expires_at")
    me = client.folder.read("me")
    if me and user.raw("holder", 32).hex() != me["holder"]:
        raise ProofMissing(client.host, "card", "the account is another key's")
    client.folder.put("session", {"token": answer.text("token"), "ends_at": seconds_of(ends)})
    if not me:
        await _learn_me(client, _handle(client.host, user), root)
    return answer.document


def _handle(server: str, user: Reader) -> str:
    """In the spelling that people type; anything else has no business in a path or on a screen."""
    handle = user.text("handle")
    try:
        if read_handle(handle) == handle:
            return handle
    except InputMalformed:
        pass
    raise AnswerUnfit(server, "user.handle")


async def _learn_me(client: Client, handle: str, root: Address) -> None:
    """After a restore: the genesis document names our root key, so the account is ours.

    On a second device it names another, and that root's own order names ours.
    """
    answer = Reader(client.host, "user", await client.get(f"/users/{handle}"))
    card = read_card(client.host, answer.document, handle)
    epoch = FIRST_EPOCH if card.root == root.raw else await prove_added(client, card, root)
    heads = Reader(client.host, "heads", await client.get("/heads?since=0", session=True))
    genesis = HolderGenesis.parse(answer.raw("genesis"))
    keep_me(client, handle=handle, genesis=genesis, blind=heads.raw("blind", 32))
    client.keep_epoch(epoch)
    await client.head()


def keep_me(client: Client, *, handle: str, genesis: HolderGenesis, blind: bytes) -> None:
    """Who the person is at this ledger."""
    me = {
        "handle": handle,
        "holder": genesis.holder_id.hex(),
        "root": genesis.root.hex(),
        "genesis": genesis.document.hex(),
        "blind": blind.hex(),
        "epoch": FIRST_EPOCH,
    }
    client.folder.put("me", me)


def now_seconds() -> int:
    return time.time_ns() // 1_000_000_000


def seconds_of(text: str) -> int:
    """Unix seconds of an RFC 3339 time; one that is not readable is over already."""
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError:
        return 0
