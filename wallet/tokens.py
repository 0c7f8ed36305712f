"""The token rail: transactions of the person's own chain accounts, over any JSON-RPC node."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from chain.address import Address
from chain.block import Receipt
from chain.calldata import encode_call
from chain.erc20 import decode_transfer_log, decode_uint, transfer
from chain.errors import InsufficientToken, TransactionUnseen, WrongGenesis
from chain.fees import Speed
from chain.node import Node
from chain.node_receiver import never_handled
from chain.outcome import Outcome, drift
from chain.simulation import simulate
from chain.token import UNITS_MAX, Token, TokenAmount
from chain.transaction import TransactionRequest
from wallet.contacts import addresses_of, contacts_of
from wallet.errors import FundsMissing, TokenChanged
from wallet.networks import Network
from wallet.payee import Payee
from wallet.proofs import Card
from wallet.purse import DESCRIPTORS, TOKENS, Purse
from wallet.review import Caution, Fact, Known, Review
from wallet.review_effects import Scene
from wallet.review_outcome import drift_facts
from wallet.review_transactions import Observed, review_transaction
from wallet.second_node import cross_checked, host_of
from wallet.wallet import Wallet

RECEIPT_SECONDS = 30
_DECIMALS = encode_call("decimals()")


@dataclass(frozen=True, slots=True)
class Gas:
    """How a transaction is to be paid for: how soon, and the most for a unit of gas in wei (None: the usual cap)."""

    speed: Speed = Speed.NORMAL
    cap: int | None = None


NORMAL_GAS = Gas()


@dataclass(frozen=True, slots=True)
class TokenPlan:
    """A transaction that is not signed yet. `card` is the payee that was reviewed, and is pinned when it was sent;
    `outcome` is what the node foresees."""

    request: TransactionRequest
    amount: TokenAmount
    receiver: Address
    review: Review
    card: Card | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that a node took. `receipt` is None while no block has it.

    `arrived` is what the receiver got, by the token's logs, where that is not what was reviewed; `drift` says what the
    node had foreseen otherwise.
    """

    hash: str
    receipt: Receipt | None
    arrived: TokenAmount | None = None
    drift: tuple[Fact, ...] = ()


def node_of(network: Network) -> Node:
    """Close it."""
    return Node(network.url, network.chain_id)


class TokenRail:
    """Sends tokens for a wallet, on its current network."""

    def __init__(self, wallet: Wallet) -> None:
        self._wallet = wallet
        self._purse = wallet.purse

    async def plan_unsigned(
        self, amount: TokenAmount, receiver: Address, sender: Address, gas: Gas = NORMAL_GAS
    ) -> TransactionRequest:
        """A prepared transfer of an account whose key is elsewhere; nothing is unlocked, nothing is reviewed here."""
        async with node_of(self._purse.network) as node:
            return await prepared(node, self._purse, amount, receiver, sender, gas)

    async def plan(
        self, amount: TokenAmount, payee: Payee, sender: Address | None = None, gas: Gas = NORMAL_GAS
    ) -> TokenPlan:
        """A prepared transfer to an address, or to the one that a payee's root key attested for this chain.

        The first account pays unless another one is named.

        Raises ReceiverRefused, FundsMissing, InsufficientNative, TokenWithoutCode, TokenChanged and the node's errors.
        """
        status = await self._wallet.keys()
        sender, own = sender or status.accounts[0], frozenset(status.accounts)
        receiver, card, named, known = payee.address, None, payee.name, True
        if receiver is None:
            await self._wallet.ensure_session()
            card = await self._wallet.resolve(payee)
            known, named = self._wallet.is_known(card, payee), f"@{card.handle}"
            chain_id, symbol = self._purse.network.chain_id, amount.token.symbol
            receiver = Address.from_bytes(await self._wallet.client.address(card, chain_id, symbol))
        contacts = addresses_of(contacts_of(self._wallet.store.read("contacts")))
        networks = {self._purse.network.chain_id: self._purse.network.name}
        lists = Known(TOKENS, own, self._purse.met() | contacts, networks, descriptors=DESCRIPTORS)
        async with node_of(self._purse.network) as node:
            request = await prepared(node, self._purse, amount, receiver, sender, gas)
            outcome = await simulate(node, request)
            review = review_transaction(
                request.unsigned_payload,
                lists,
                sender=sender,
                host=self._purse.network.url,
                payee=named,
                payee_known=known,
                observed=Observed(node=host_of(self._purse.network.url), outcome=outcome),
            )
            if await never_handled(node, amount.token, receiver):
                review = replace(review, cautions=(*review.cautions, Caution.TOKEN_NEVER_HANDLED))
            review = await cross_checked(review, self._purse.network, node, request, lists, outcome=outcome)
        return TokenPlan(request, amount, receiver, review, card, outcome)

    async def submit(self, plan: TokenPlan) -> str:
        """Signs what was reviewed and hands it to the node; the hash. Its number is used from then on."""
        signer, sender = await self._wallet.signer(), plan.request.sender
        assert sender is not None
        signed = await signer.sign_transaction(plan.request.unsigned_payload, sender, plan.review.digest)
        self._keep(plan, signed.hash_hex, "signed")
        async with node_of(self._purse.network) as node:
            await node.send_raw(signed.raw)
        self._keep(plan, signed.hash_hex, "sent")
        if plan.card is not None:  # never one fetched anew: the server could name another by now
            self._wallet.client.keep_pin(plan.card)
        return signed.hash_hex

    async def settle(self, plan: TokenPlan, transaction: str) -> Sent:
        """Waits for a block, for a while, and holds what came of it against what was reviewed."""
        async with node_of(self._purse.network) as node:
            try:
                receipt = await node.wait_for_receipt(bytes.fromhex(transaction[2:]), RECEIPT_SECONDS)
            except (TransactionUnseen, asyncio.CancelledError):  # Ctrl-C takes nothing back: it was sent
                return Sent(transaction, None)
        self._keep(plan, transaction, "done" if receipt.succeeded else "failed")
        self._purse.keep_block(receipt.block_number, receipt.block_hash)
        arrived = arrived_of(receipt, plan.amount.token, plan.receiver)
        is_odd = receipt.succeeded and arrived not in (None, plan.amount)
        told = drifted(plan.request, plan.outcome, receipt, host_of(self._purse.network.url))
        return Sent(transaction, receipt, arrived if is_odd else None, told)

    async def send(self, plan: TokenPlan) -> Sent:
        """Both."""
        return await self.settle(plan, await self.submit(plan))

    def _keep(self, plan: TokenPlan, transaction: str, state: str) -> None:
        sender, nonce = plan.request.sender, plan.request.nonce
        assert sender is not None
        self._purse.keep(transaction, plan.amount, plan.receiver, state, sender, nonce)


def drifted(request: TransactionRequest, outcome: Outcome | None, receipt: Receipt, node: str) -> tuple[Fact, ...]:
    """What came otherwise than the node had foreseen of one's own transaction; nothing where nobody was asked."""
    if outcome is None or request.sender is None:
        return ()
    scene = Scene(Known(TOKENS), request.chain_id, request.sender, 0)
    return tuple(drift_facts(drift(outcome, receipt, request.sender), scene, node))


def arrived_of(receipt: Receipt, token: Token, receiver: Address) -> TokenAmount | None:
    """What the token's own logs say the receiver got; None for the chain's coin, whose amount is in the bytes."""
    if token.address is None:
        return None
    moved = [found for log in receipt.logs if log.address == token.address and (found := decode_transfer_log(log))]
    return TokenAmount(min(sum(one.units for one in moved if one.receiver == receiver), UNITS_MAX), token)


async def prepared(
    node: Node, purse: Purse, amount: TokenAmount, receiver: Address, sender: Address, gas: Gas
) -> TransactionRequest:
    """A transfer with nonce, fees and gas, on the chain that is known, of a token that is what the list says."""
    await check_chain(node, purse)
    try:
        request = await node.prepare(transfer(amount, receiver, sender), gas.speed, gas.cap)
    except InsufficientToken as error:
        raise missing(amount, error.available_units) from None
    if amount.token.address is not None:
        await check_decimals(node, amount.token, amount.token.address)
    return request


async def check_chain(node: Node, purse: Purse) -> None:
    """The same chain as before, told by its first block and by the last one that was ours.

    A local one that was restarted or set back is taken up, and said so.
    """
    try:
        identity = await node.check(purse.genesis())
    except WrongGenesis:
        if not purse.network.is_local:
            raise
        identity = await node.check()
    if purse.network.is_local and (ours := purse.block()) is not None:
        (found,) = await node.blocks([ours[0]])
        if found is None or found.hash != ours[1]:
            purse.set_aside()
    purse.keep_genesis(identity.genesis_hash)


async def check_decimals(node: Node, token: Token, address: Address) -> None:
    """The contract counts as the list says (THREATS I-16). Raises TokenChanged."""
    decimals = decode_uint(await node.read(address, _DECIMALS))
    if decimals != token.decimals:
        raise TokenChanged(token.symbol, "decimals", str(token.decimals), str(decimals))


def missing(amount: TokenAmount, available_units: int) -> FundsMissing:
    """In the token's own unit."""
    available = TokenAmount(available_units, amount.token)
    short = TokenAmount(amount.units - available_units, amount.token)
    return FundsMissing(amount.token.symbol, available.format(), amount.format(), short.format())
