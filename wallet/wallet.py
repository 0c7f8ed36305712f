"""The wallet: joins signer, our server and the ledger's side; wallet.tokens adds the chain's. The asset decides.

Moving money has two halves: a plan (what would be signed, with its review) and its execution after the person said
yes. A plan changes nothing. The signer is unlocked when something has to be signed, not before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from chain.token import Token
from fiat.bridge_quote import BridgeQuote
from fiat.currency import ISO_4217, Currency
from fiat.errors import FiatError
from fiat.money import Money, decimal_text
from fiat.order import LedgerTransfer, LedgerWithdrawal, Order, SignedOrder, order_from_json, text_hash
from fiat.quote import Quote
from wallet.client import Client
from wallet.config import Config
from wallet.enrolment import now_seconds, sign_in
from wallet.errors import (
    FundsMissing,
    InputMalformed,
    PasswordNeeded,
    PayeeChanged,
    ServerRefused,
    TokenChanged,
    VaultMissing,
)
from wallet.networks import current_network
from wallet.payee import Payee
from wallet.proofs import Card, Ledger
from wallet.purse import Purse, no_such_asset
from wallet.review import Caution, Fact, Review, Told
from wallet.review_orders import review_order
from wallet.signing import VAULT_NAME, Signer, SignerStatus
from wallet.state import Store

BACKDATED_SECONDS = 60
VALID_SECONDS = 15 * 60
KEY_EPOCH = "epoch"


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """An order that is not signed yet. `card` is the payee that is pinned when it was sent."""

    order: Order
    texts: dict[str, Told]
    review: Review
    ledger: Ledger
    card: Card | None = None

    @property
    def body(self) -> dict[str, Any]:
        return {
            "type": self.order.type_name,
            "order": self.order.to_json(),
            "texts": {name: told.to_json() for name, told in self.texts.items()},
        }


class Wallet:
    """One person's wallet for the length of a command. `ask_password` is called at most once, when it is needed.

    `ask_beyond` is called for each signature that the person's policy does not cover.
    """

    def __init__(
        self,
        config: Config,
        store: Store,
        ask_password: Callable[[], str],
        ask_beyond: Callable[[PasswordNeeded], str] | None = None,
    ) -> None:
        self.config, self.store = config, store
        self.client = Client(config, store)
        self.purse = Purse(current_network(config, store), store)
        self._ask_password, self._ask_beyond = ask_password, ask_beyond
        self.unanswered: list[str] = []
        """Earlier orders without an answer, to be told."""
        self._signer: Signer | None = None

    async def __aenter__(self) -> Self:
        await self.client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.client.__aexit__(kind, error, at)
        if self._signer is not None:
            await self._signer.close()

    # Keys

    async def signer(self) -> Signer:
        """Unlocked: the running client's, or one of our own. Raises VaultMissing, VaultUnopened."""
        if self._signer is None:
            self._signer = await Signer.connect(self.config.home)
            self._signer.ask_beyond = self._ask_beyond
        status = await self._signer.status()
        if not status.vault:
            raise VaultMissing(str(self.config.home / VAULT_NAME))
        if not status.unlocked:
            await self._signer.unlock(self._ask_password())
        return self._signer

    async def keys(self) -> SignerStatus:
        """Root and accounts, after unlocking."""
        return await (await self.signer()).status()

    # The fiat rail

    async def currency(self, code: str) -> Currency:
        """A currency that the server keeps, with the decimals of ISO 4217. Raises AssetUnknown, TokenChanged."""
        exponents = (await self.client.ledger()).exponents
        if code not in exponents:
            if any(token.symbol == code for token in self.purse.listed()):
                raise InputMalformed("currency", code, "that is a token, and this is about money at the server")
            raise no_such_asset(code, sorted(exponents), self.purse.listed())
        known = ISO_4217.get(code)
        if known is not None and known.exponent != exponents[code]:
            raise TokenChanged(code, "decimals", str(known.exponent), str(exponents[code]))
        return Currency(code, exponents[code])

    async def money(self, text: str, code: str) -> Money:
        """An amount as typed. What is malformed is told before the server is asked."""
        if code in ISO_4217:
            Money.parse(text, ISO_4217[code])
        return Money.parse(text, await self.currency(code))

    async def plan_transfer(self, amount: Money, payee: Payee, memo: str = "") -> OrderPlan:
        """An order to pay another holder. Raises PayeeChanged, FundsMissing, ClockWrong."""
        card = await self.resolve(payee)
        if card.holder == self.client.holder:
            raise InputMalformed("payee", f"@{payee.handle}", "that is your own account")
        known = self.is_known(card, payee)
        shown = Told(os.urandom(16), f"@{card.handle}\n{memo}" if memo else f"@{card.handle}")
        head, total = await self.head_that_covers("transfer", amount)
        order = LedgerTransfer(
            **head,
            payee=card.holder,
            shown=text_hash(shown.salt, shown.text),
            currency=amount.currency.code,
            exponent=amount.currency.exponent,
            amount_minor=amount.minor,
            total_max_minor=total,
        )
        return await self.plan(order, {"shown": shown}, known, card)

    async def plan_withdrawal(self, amount: Money, destination: str, memo: str = "") -> OrderPlan:
        """An order to pay out to a canonical destination."""
        shown = Told(os.urandom(16), f"{destination}\n{memo}" if memo else destination)
        to = Told(os.urandom(16), destination)
        head, total = await self.head_that_covers("withdrawal", amount)
        order = LedgerWithdrawal(
            **head,
            destination=text_hash(to.salt, to.text),
            shown=text_hash(shown.salt, shown.text),
            currency=amount.currency.code,
            exponent=amount.currency.exponent,
            amount_minor=amount.minor,
            total_max_minor=total,
        )
        return await self.plan(order, {"shown": shown, "destination": to})

    async def send_order(self, plan: OrderPlan) -> dict[str, Any]:
        """Signs what was reviewed and sends it; the answer carries a checked receipt. Raises FundsMissing.

        Where the account's keys changed elsewhere, the new epoch is kept, so that the next order names it.
        """
        signer = await self.signer()
        root = (await signer.status()).root
        assert root is not None
        fields = plan.order.to_json()
        signature = await signer.sign_order(plan.order.type_name, plan.ledger.id, fields, root, plan.review.digest)
        signed = SignedOrder(plan.order, signature)
        try:
            answer = await self.client.put_order(signed, {**plan.body, "signature": "0x" + signature.hex()})
        except ServerRefused as refused:
            if refused.slug == "order_epoch_wrong" and str(refused.facts.get("expected", "")).isdecimal():
                self.client.keep_epoch(int(refused.facts["expected"]))
            if refused.slug == "exceeds_credits":
                fields = plan.order.to_json()
                currency = Currency(fields["currency"], int(fields["exponent"]))
                await self.check_funds(currency, int(fields["totalMaxMinor"]))
            raise
        if plan.card is not None:
            self.client.keep_pin(plan.card)
        return answer

    async def repeat_order(self, nonce: str) -> dict[str, Any]:
        """Sends a kept order again, byte for byte: the ledger answers what it answered the first time."""
        await self.client.ledger()
        kept = self.client.folder.below("orders").read(nonce).get("body")
        if kept is None:
            raise InputMalformed("order", nonce[:80], "no such order was sent from here")
        try:
            order = order_from_json(kept["type"], kept["order"])
            signed = SignedOrder(order, bytes.fromhex(kept["signature"][2:]))
        except (FiatError, ValueError, KeyError):
            raise InputMalformed("order", nonce[:80], "its file is damaged") from None
        return await self.client.put_order(signed, kept)

    async def resolve(self, payee: Payee) -> Card:
        """The payee's proven card. Raises PayeeChanged also where another fingerprint was typed, or a link carries
        another holderId: that overrides the server."""
        card = await self.client.card(payee.handle)
        if (payee.fingerprint or payee.holder) and not payee.is_named_in_full(card.holder):
            raise PayeeChanged(payee.handle, payee.fingerprint, card.fingerprint)
        return card

    def is_known(self, card: Card, payee: Payee) -> bool:
        """Met before, or named in full."""
        return self.client.pin(card.handle) is not None or payee.is_named_in_full(card.holder)

    async def plan(
        self,
        order: Order,
        texts: dict[str, Told],
        known: bool = True,
        card: Card | None = None,
        *,
        quote: Quote | BridgeQuote | None = None,
        token: Token | None = None,
        more: Sequence[Fact] = (),
    ) -> OrderPlan:
        """The order with its review; `known` says whether the payee is, `more` are facts from elsewhere, `token` is
        what the person's list has for a token that is received."""
        ledger = await self.client.ledger()
        review = review_order(
            order.type_name,
            ledger.id,
            order.to_json(),
            texts,
            host=self.client.host,
            payee_known=known,
            quote=quote,
            token=token,
            more=more,
        )
        self.unanswered = self.client.unanswered()
        if self.unanswered:
            review = replace(review, cautions=(*review.cautions, Caution.UNANSWERED))
        return OrderPlan(order, texts, review, ledger, card)

    async def head_that_covers(self, kind: str, amount: Money) -> tuple[dict[str, Any], int]:
        """The fields that every order begins with, and the most that may leave. Raises FundsMissing, ClockWrong."""
        ledger = await self.client.ledger()
        total = amount.minor + ledger.fee_minor(kind, amount.currency.code, amount.minor)
        await self.ensure_session()
        await self.check_funds(amount.currency, total)
        return await self.order_head(), total

    async def order_head(self) -> dict[str, Any]:
        """The fields that every order begins with. Raises ClockWrong, HolderMissing."""
        await self.client.ledger()
        self.client.check_clock()
        now = now_seconds()
        return {
            "holder": self.client.holder,
            "key_epoch": int(self.client.me.get(KEY_EPOCH, 1)),
            "nonce": os.urandom(32),
            "valid_after": now - BACKDATED_SECONDS,
            "valid_before": now + VALID_SECONDS,
            "seen_head": self.client.kept.head,
        }

    async def check_funds(self, currency: Currency, total_minor: int) -> None:
        """Raises FundsMissing."""
        head = await self.client.head()
        available = sum(b.available for b in head.balances if b.currency == currency.code)
        if available < total_minor:
            texts = (decimal_text(n, currency.exponent) for n in (available, total_minor, total_minor - available))
            raise FundsMissing(currency.code, *texts)

    async def ensure_session(self) -> None:
        """A session that is there is used; without one, or with an ended one, the wallet signs in by itself."""
        _ = self.client.holder  # who has no account is told so before anything is asked
        session = self.client.folder.read("session")
        if not session or session.get("ends_at", 0) <= now_seconds():
            await self.sign_in()

    async def sign_in(self) -> dict[str, Any]:
        """A new session. Raises HolderMissing."""
        signer = await self.signer()
        root = (await signer.status()).root
        assert root is not None
        return await sign_in(self.client, signer, root)
