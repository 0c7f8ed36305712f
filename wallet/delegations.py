"""Delegations of the person's own accounts (EIP-7702): seen, set, cleared. The fee may be another account's.

A node takes a type-4 transaction whose authorization no longer fits (the account's number moved on) and leaves that
authorization out: so what became of it is read from the account itself.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from chain.address import Address
from chain.delegation import NOBODY, Delegation, delegate_of
from chain.errors import TransactionUnseen
from chain.node import Node
from chain.quantity import data, quantity
from wallet.contacts import addresses_of, contacts_of
from wallet.errors import AccountUnknown, InputMalformed
from wallet.purse import DESCRIPTORS, TOKENS
from wallet.review import Known, Review
from wallet.review_delegation import review_delegation
from wallet.second_node import cross_checked
from wallet.tokens import RECEIPT_SECONDS, check_chain, node_of
from wallet.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Delegated:
    """Whose code an account runs, by the node: `delegate` is None for nobody's, `code` is the delegate's own."""

    account: Address
    delegate: Address | None
    code: bytes = b""


@dataclass(frozen=True, slots=True)
class DelegationPlan:
    """A change that is not signed yet."""

    asked: Delegation
    review: Review


@dataclass(frozen=True, slots=True)
class DelegationSent:
    """`state`: done, sent (no block has it yet), failed, or unchanged (taken, and the account runs what it did)."""

    hash: str
    state: str
    block: int | None


class Delegations:
    """For a wallet, on its current network."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet, self._purse = wallet, wallet.purse

    async def seen(self, accounts: list[Address]) -> list[Delegated]:
        """Nothing is unlocked for it."""
        async with node_of(self._purse.network) as node:
            await check_chain(node, self._purse)
            delegates = [delegate_of(code) for code in await _codes(node, accounts)]
            codes = await _codes(node, [one for one in delegates if one is not None])
        found = iter(codes)
        pairs = zip(accounts, delegates, strict=True)
        return [Delegated(account, one, next(found) if one is not None else b"") for account, one in pairs]

    async def plan(self, account: Address, delegate: Address, payer: Address) -> DelegationPlan:
        """`delegate` is NOBODY to clear. Raises AccountUnknown, InputMalformed where there is nothing to clear or the
        account runs that code already, and what preparing raises (InsufficientNative is the payer's)."""
        network = self._purse.network
        own = (await self._wallet.keys()).accounts
        for one in (account, payer):
            if one not in own:
                raise AccountUnknown(one)
        async with node_of(network) as node:
            await check_chain(node, self._purse)
            before, code = await _codes(node, [account, delegate])
            if (delegate_of(before) or NOBODY) == delegate:
                raise InputMalformed("delegation", delegate, "the account is so already")
            number = quantity(await node.call("eth_getTransactionCount", (account, "pending")), 64)
            blank = Delegation.blank(network.chain_id, account, delegate, number, payer)
            frame = await node.prepare(blank.frame)
            assert frame.nonce is not None
            # Who pays for itself has used the transaction's own number by the time the authorization is looked at.
            asked = Delegation(frame, account, delegate, frame.nonce + 1 if payer == account else number)
            met = self._purse.met() | addresses_of(contacts_of(self._wallet.store.read("contacts")))
            known = Known(TOKENS, frozenset(own), met, {network.chain_id: network.name}, descriptors=DESCRIPTORS)
            shown = review_delegation(asked.payload, known, code=code, before=before, host=network.url)
            shown = await cross_checked(shown, network, node, frame, known, more=(account, delegate), simulated=False)
        return DelegationPlan(asked, shown)

    async def send(self, plan: DelegationPlan) -> DelegationSent:
        """Signs what was reviewed and hands it to the node; waits for a block, for a while."""
        signer, asked = await self._wallet.signer(), plan.asked
        signed = await signer.sign_delegation(asked.payload, asked.account, plan.review.digest)
        async with node_of(self._purse.network) as node:
            await node.send_raw(signed.raw)
            self._purse.keep_number(signed.hash_hex, signed.payer, asked.frame.nonce, "sent")
            try:
                receipt = await node.wait_for_receipt(signed.hash, RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):  # Ctrl-C takes nothing back: it was sent
                return DelegationSent(signed.hash_hex, "sent", None)
            now = delegate_of(await node.code_at(asked.account)) or NOBODY
        self._purse.keep_state(signed.hash_hex, "done" if receipt.succeeded else "failed")
        self._purse.keep_block(receipt.block_number, receipt.block_hash)
        state = "failed" if not receipt.succeeded else "done" if now == asked.delegate else "unchanged"
        return DelegationSent(signed.hash_hex, state, receipt.block_number)


async def _codes(node: Node, addresses: list[Address]) -> list[bytes]:
    found = await node.batch([("eth_getCode", (address, "latest")) for address in addresses])
    return [data(code) for code in found]
