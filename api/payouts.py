"""Fiat to token: sends what accepted orders ask for, once, and settles the ledger when the chain is certain.

A state machine kept as rows, each step of which may be taken again (docs/bridges.md says what a crash leaves):

    the journal accepted an order       -> a row
    a number and the signed transaction -> written down, in one commit, before anything is sent
    the same bytes                      -> sent, again and again until the chain has them
    a final block says what became      -> the ledger posts or frees what it held, then the row follows

What is not certain is unknown, and unknown is looked at again: by sender and number, never by sending something else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace

from api.bridge_assets import BridgeAsset
from api.bridge_states import State
from api.payout_evidence import Evidence, Sent, Witness, Word
from api.payout_ledger import PayoutLedger
from api.payout_rows import Payout, PayoutRows
from chain.erc20 import transfer
from chain.errors import (
    ExecutionReverted,
    FeeTooHigh,
    InsufficientNative,
    InsufficientToken,
    NodeError,
    NodeRefused,
    ReceiverRefused,
    TokenWithoutCode,
    TreasuryError,
    TreasuryRefused,
)
from chain.fees import Speed
from chain.node import Node
from chain.quantity import quantity
from chain.token import TokenAmount
from chain.transaction import SignedTransaction, TransactionRequest
from chain.treasury_pipe import TreasuryPipe

SECOND = 10**9
AGAIN_NS = SECOND // 2
HOLD_NS = 5 * SECOND
"""How soon what waits on the chain, and what is on hold, is looked at again."""
STUCK_NS = 120 * SECOND
SENDINGS_MAX = 6
"""A transaction that nobody mined for so long is signed again, dearer, under its number; so often at most."""
NUMBERS_MAX = 8
log = logging.getLogger(__name__)


class Payouts:
    """Drives the rows. `assets` by their order's name (CAIP-19); `clock` gives Unix nanoseconds."""

    def __init__(
        self,
        rows: PayoutRows,
        ledger: PayoutLedger,
        node: Node,
        treasury: TreasuryPipe,
        assets: Mapping[str, BridgeAsset],
        confirmations: int,
        clock: Callable[[], int],
    ) -> None:
        self._rows, self._ledger, self._node, self._treasury = rows, ledger, node, treasury
        self._assets, self._clock = assets, clock
        self._witness = Witness(node, confirmations)

    async def step(self) -> int:
        """Do what is due; how many things were done."""
        done = await self._ledger.follow(self._rows, self._assets, self._clock())
        for payout in await self._rows.due(self._clock()):
            done += await self._one(payout)
        return done

    async def _one(self, payout: Payout) -> int:
        try:
            if payout.asset not in self._assets:
                return await self._hold(payout, "unlisted")
            token = self._assets[payout.asset].token
            if payout.number is None and token.symbol in await self._rows.frozen(token.chain_id):
                return await self._hold(payout, "frozen")
            if payout.number is None:
                return await self._sign(payout)
            return await self._look(payout)
        except (NodeError, TreasuryError) as error:
            log.warning("payout %d waits: %r", payout.sequence, error)
            await self._later(payout, HOLD_NS)
            return 0

    # Signing.

    async def _sign(self, payout: Payout) -> int:
        """A number and signed bytes, written down. What cannot be signed now is on hold, with the reason."""
        sender = await self._treasury.address()
        amount = self._amount(payout)
        latest = quantity(await self._node.call("eth_getTransactionCount", [sender, "latest"]), 64)
        number = max(latest, await self._rows.next_number(sender))
        try:
            request = await self._node.prepare(replace(transfer(amount, payout.receiver, sender), nonce=number))
            signed = await self._signed(payout, request)
        except (InsufficientNative, InsufficientToken):
            return await self._hold(payout, "treasury_empty")
        except FeeTooHigh:
            return await self._hold(payout, "fees")
        except (ExecutionReverted, TokenWithoutCode, ReceiverRefused):
            return await self._hold(payout, "would_revert")
        except TreasuryRefused as refused:
            return await self._hold(payout, refused.reason.replace("-", "_"))
        assert signed.request.nonce is not None, "it was prepared"
        ahead = (signed.hash, signed.raw)
        await self._rows.write_ahead(payout, sender, signed.request.nonce, ahead, self._clock())
        return 1

    async def _signed(self, payout: Payout, request: TransactionRequest) -> SignedTransaction:
        """By the treasury, which may know a number for this payment already, or that this number is taken."""
        for _ in range(NUMBERS_MAX):
            try:
                return await self._treasury.sign(payout.id, request)
            except TreasuryRefused as refused:
                if refused.reason not in ("pinned", "nonce-taken"):
                    raise
                request = replace(request, nonce=refused.nonce)
        raise TreasuryRefused("nonce-taken", request.nonce or 0)

    async def _hold(self, payout: Payout, why: str) -> int:
        log.error("payout %d is on hold: %s", payout.sequence, why)
        now = self._clock()
        await self._rows.move(payout, State.ON_HOLD, now, due_at=now + HOLD_NS, why=why)
        return 0

    # What was signed.

    async def _look(self, payout: Payout) -> int:
        """What the chain is certain of is settled; anything else is sent again, as it was."""
        sendings = await self._rows.sendings(payout.sequence)
        sent = await self._sent(payout, [hash_ for hash_, _, _ in sendings])
        found = await self._witness.of(sent)
        if found.word is not Word.UNKNOWN:
            return await self._settle(payout, found)
        raw = sendings[-1][1]
        if not await self._witness.is_known(sendings[-1][0]):
            await self._send(raw)
        elif self._clock() - sendings[-1][2] > STUCK_NS and len(sendings) < SENDINGS_MAX:
            await self._speed_up(payout, raw)
        await self._later(payout, AGAIN_NS)
        return 0

    async def _sent(self, payout: Payout, hashes: list[bytes]) -> Sent:
        assert payout.number is not None, "it was signed"
        sender = await self._treasury.address()
        return Sent(sender, payout.number, payout.receiver, self._amount(payout), tuple(hashes))

    async def _send(self, raw: bytes) -> None:
        try:
            await self._node.send_raw(raw)
        except NodeRefused as refused:  # its number is used, too low a price, a gap before it: the next look tells
            log.warning("the node does not take a transaction of the treasury: %r", refused)

    async def _speed_up(self, payout: Payout, raw: bytes) -> None:
        """The same payment under the same number, an eighth dearer at least; written down like the first."""
        before = SignedTransaction.decode(raw).request
        fees = await self._node.fees(Speed.FAST)
        if fees is None or before.max_fee_per_gas is None or before.max_priority_fee_per_gas is None:
            return
        tip = max(fees.priority, before.max_priority_fee_per_gas * 9 // 8 + 1)
        most = max(fees.max_fee_per_gas, before.max_fee_per_gas * 9 // 8 + 1, tip)
        request = replace(before, max_priority_fee_per_gas=tip, max_fee_per_gas=most)
        signed = await self._treasury.sign(payout.id, request)
        assert request.sender is not None and request.nonce is not None, "it was signed before"
        await self._rows.write_ahead(payout, request.sender, request.nonce, (signed.hash, signed.raw), self._clock())
        await self._send(signed.raw)

    async def _settle(self, payout: Payout, found: Evidence) -> int:
        """The ledger first, then what gas cost, then the row: taken again, each finds itself done."""
        transaction = payout.transaction if found.receipt is None else found.receipt.transaction_hash
        now = self._clock()
        if found.word is Word.ODD:
            values = {"why": "token_said_nothing", "transaction_hash": transaction}
            await self._rows.move(payout, State.ON_HOLD, now, due_at=now + HOLD_NS, **values)
            return 0
        arrived = found.word is Word.ARRIVED
        sequence = await self._ledger.settle(payout.holder, payout.nonce, sent=arrived)
        if found.receipt is not None:
            await self._ledger.gas(found.receipt, self._coin)
        state = State.COMPLETED if arrived else State.REFUNDED
        values = {"why": None if arrived else found.word.value, "transaction_hash": transaction}
        await self._rows.move(payout, state, now, due_at=now, settled_sequence=sequence, **values)
        return 1

    async def _later(self, payout: Payout, wait_ns: int) -> None:
        await self._rows.move(payout, payout.state, self._clock(), due_at=self._clock() + wait_ns)

    def _amount(self, payout: Payout) -> TokenAmount:
        return TokenAmount(payout.units, self._assets[payout.asset].token)

    @property
    def _coin(self) -> BridgeAsset | None:
        return next((asset for asset in self._assets.values() if asset.token.is_native), None)
