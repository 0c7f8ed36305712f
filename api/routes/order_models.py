"""Signed orders as they come over HTTP: one strict model a type, and what is answered to them.

The models repeat the signed fields by name, so that a field which the signature covers cannot be left out or added. A
test holds them and `fiat.order` together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.bridge_answer import ConversionAnswer
from api.fields import Answer, Bytes32, CurrencyCode, Digits, LongDigits, Salt16, Signature, Strict, Time, raw
from api.signed import ReceiptAnswer
from fiat.authority import SaltedText

PayoutState = Literal["accepted", "paid", "returned"]
Text = Annotated[str, Field(max_length=1000)]
Address20 = Annotated[str, Field(pattern="^0x[0-9a-f]{40}$", examples=["0x" + "00" * 20])]


class OrderHead(Strict):
    """What every order begins with. All integers are digit strings, times Unix seconds."""

    holder: Bytes32
    keyEpoch: Annotated[Digits, Field(examples=["1"])]
    nonce: Bytes32
    validAfter: LongDigits
    validBefore: LongDigits
    seenHead: Bytes32


class OrderMoney(OrderHead):
    shown: Bytes32
    currency: CurrencyCode
    exponent: Annotated[Digits, Field(examples=["2"])]
    amountMinor: Annotated[LongDigits, Field(examples=["4000"])]
    totalMaxMinor: Annotated[LongDigits, Field(examples=["4000"])]
    reference: Bytes32


class TransferFields(OrderMoney):
    payee: Bytes32


class WithdrawalFields(OrderMoney):
    destination: Bytes32


ReceiveAsset = Annotated[
    str,
    Field(
        pattern="^([A-Z][A-Z0-9]{1,5}|eip155:[1-9][0-9]{0,15}/(slip44:60|erc20:0x[0-9a-f]{40}))$",
        examples=["USD"],
        description="a currency, or a token as CAIP-19 (eip155:31337/erc20:0x...)",
    ),
]


class ConversionFields(OrderMoney):
    """`reference` is the accepted quote's id; fiat to fiat is received by the holder, so `receiveTo` is zero."""

    receiveAsset: ReceiveAsset
    receiveMinMinor: Annotated[LongDigits, Field(examples=["4298"])]
    receiveTo: Address20


class HoldFields(OrderMoney):
    captor: Bytes32
    until: LongDigits


class MandateFields(OrderHead):
    payee: Bytes32
    shown: Bytes32
    currency: CurrencyCode
    exponent: Annotated[Digits, Field(examples=["2"])]
    perPeriodMinor: Annotated[LongDigits, Field(examples=["999"])]
    periodSeconds: Annotated[Digits, Field(examples=["2592000"])]
    count: Annotated[Digits, Field(examples=["12"])]
    until: LongDigits
    reference: Bytes32


class ControlFields(OrderHead):
    """`subject` depends on the action: a key, a limit's name, the nonce of a mandate or of a change that waits."""

    action: Literal["key-add", "key-revoke", "freeze", "unfreeze", "limit", "mandate-revoke", "cancel"]
    subject: Bytes32
    value: LongDigits


class TextField(Strict):
    """keccak256(salt, UTF-8 text) stands in the order."""

    salt: Salt16
    text: Annotated[Text, Field(examples=["@bob\nlunch"])]


class ShownText(Strict):
    """First line: the other party as the person saw them; below it the memo."""

    shown: TextField


class WithdrawalTexts(ShownText):
    """`destination` is canonical: `iban:...`, `card:...` or `account:...`."""

    destination: TextField


class NoTexts(Strict):
    """A control shows nothing that is not in its bytes."""


class TransferOrder(Strict):
    type: Literal["LedgerTransfer"]
    order: TransferFields
    signature: Signature
    texts: ShownText


class WithdrawalOrder(Strict):
    type: Literal["LedgerWithdrawal"]
    order: WithdrawalFields
    signature: Signature
    texts: WithdrawalTexts


class ConversionOrder(Strict):
    type: Literal["LedgerConversion"]
    order: ConversionFields
    signature: Signature
    texts: ShownText


class HoldOrder(Strict):
    type: Literal["LedgerHold"]
    order: HoldFields
    signature: Signature
    texts: ShownText


class MandateOrder(Strict):
    type: Literal["LedgerMandate"]
    order: MandateFields
    signature: Signature
    texts: ShownText


class ControlOrder(Strict):
    type: Literal["LedgerControl"]
    order: ControlFields
    signature: Signature
    texts: NoTexts = NoTexts()


OrderRequest = Annotated[
    TransferOrder | WithdrawalOrder | ConversionOrder | HoldOrder | MandateOrder | ControlOrder,
    Field(discriminator="type"),
]
ORDER_MODELS: Mapping[str, type[OrderHead]] = {
    "LedgerTransfer": TransferFields,
    "LedgerWithdrawal": WithdrawalFields,
    "LedgerConversion": ConversionFields,
    "LedgerHold": HoldFields,
    "LedgerMandate": MandateFields,
    "LedgerControl": ControlFields,
}


def salted_texts(texts: BaseModel) -> dict[str, SaltedText]:
    """The texts of a request by the name of the field that hashes them."""
    return {name: SaltedText(raw(field.salt), field.text) for name, field in texts}


class OrderAnswer(Answer):
    """The first answer to an order, the same ever after. Check the receipt and keep it."""

    nonce: Bytes32
    type: str = Field(examples=["LedgerTransfer"])
    at: Time
    receipt: ReceiptAnswer


class WithdrawalState(Answer):
    state: PayoutState
    destination: str | None = Field(examples=["iban:DE89370400440532013000"])
    updated_at: Time


class OrderStateAnswer(Answer):
    """One's own order today. `refusal` is the machine's status where it refused.

    A hold is open, captured, released or expired; a mandate open, revoked or over; a control done or pending; a
    conversion to a token goes through `conversion`'s states.
    """

    nonce: Bytes32
    type: str | None
    order: dict[str, str] | None
    state: Literal[
        "done", "refused", "accepted", "paid", "returned", "open", "captured", "released", "expired", "revoked", "over",
        "pending", "pending_anchor", "pending_external", "on_hold", "completed", "refunded",
    ]  # fmt: skip
    refusal: str | None
    at: Time | None
    receipt: ReceiptAnswer | None
    withdrawal: WithdrawalState | None
    conversion: ConversionAnswer | None = None


class UseAnswer(Answer):
    """The first answer to a capture, a release or a collection, the same ever after."""

    id: Bytes32
    at: Time
    amount_minor: Digits
    receipt: ReceiptAnswer
