"""How a conversion between a currency and a token is told: its state, what is next, by when, and what the chain has."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.auth import rfc3339
from api.bridge_assets import BridgeAsset
from api.bridge_states import STEPS, Way, due_at
from api.fields import Answer, Bytes32, ChainAddress, DecimalText, LongDigits, Time, spelled
from api.payout_rows import Payout
from chain.token import TokenAmount

BridgeState = Literal[
    "incomplete", "pending_user_transfer_start", "pending_external", "pending_anchor", "on_hold", "completed",
    "refunded", "expired", "too_small", "too_large", "error",
]  # fmt: skip
NextStep = Literal["sign", "pay", "send", "confirm", "credit", "review", "nothing"]


class ConversionAnswer(Answer):
    """`state` is one of SEP-24's names; `next` what comes next and `due_at` by when (null: it is over).

    `why` says in a word what it waits for, or why it was refunded. `transaction` is the sending that counts.
    """

    nonce: Bytes32
    state: BridgeState
    since: Time
    next: NextStep
    due_at: Time | None
    why: str | None = Field(examples=[None])
    asset: str = Field(examples=["ETH"])
    amount: DecimalText
    amount_minor: LongDigits
    decimals: int
    chain_id: int
    to: ChainAddress
    transaction: Bytes32 | None


def conversion_answer(payout: Payout, asset: BridgeAsset) -> ConversionAnswer:
    """Of a payout in this asset."""
    amount = TokenAmount(payout.units, asset.token)
    due = due_at(Way.BUY, payout.state, payout.since)
    return ConversionAnswer(
        nonce=spelled(payout.nonce),
        state=payout.state.value,
        since=rfc3339(payout.since),
        next=STEPS[Way.BUY][payout.state].next.value,
        due_at=None if due is None else rfc3339(due),
        why=payout.why,
        asset=asset.token.symbol,
        amount=amount.format(),
        amount_minor=str(payout.units),
        decimals=asset.token.decimals,
        chain_id=asset.token.chain_id,
        to=payout.receiver,
        transaction=None if payout.transaction is None else spelled(payout.transaction),
    )
