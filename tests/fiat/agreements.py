"""What the tests of the order family share: people who sign holds, mandates and conversions, and a clock that waits."""

from __future__ import annotations

import io
import os

from fiat.audit import audit
from fiat.authority import legs as order_legs
from fiat.currency import ISO_4217, currency
from fiat.history_check import verify
from fiat.history_export import export
from fiat.journal_uses import Capture, Collect, Release
from fiat.order import LedgerControl, LedgerConversion, LedgerHold, LedgerMandate, SignedOrder
from fiat.transfer import NANOSECONDS

EUR, JPY = currency("EUR"), currency("JPY")
START = 1_900_000_000 * NANOSECONDS + 250_000_000
"""Not on a second's edge, as no real instant is."""
DAY = 86_400


class Clock:
    """Unix nanoseconds that stand still until the test moves them."""

    def __init__(self, now=START):
        self.now = now

    def __call__(self):
        return self.now

    @property
    def seconds(self):
        return self.now // NANOSECONDS

    def wait(self, seconds):
        self.now += seconds * NANOSECONDS


class Agreements:
    """Orders that `payer` signs on one journal, and what others take under them."""

    def __init__(self, journal, clock):
        self.journal = journal
        self.clock = clock

    def sign(self, payer, order_type, **fields):
        now = self.clock.seconds
        head = {
            "holder": payer.id,
            "key_epoch": 1,
            "nonce": os.urandom(32),
            "valid_after": now - 60,
            "valid_before": now + 600,
            "seen_head": payer.id,
            "shown": bytes(32),
            "currency": "EUR",
            "exponent": 2,
        }
        order = order_type(**(head | fields))
        return SignedOrder(order, payer.key.sign_digest(order.digest(self.journal.ledger_id)))

    async def submit(self, signed, **terms):
        legs = order_legs(signed.order, self.journal.ledger_id, ISO_4217, payout="payout:sandbox", **terms)
        return await self.journal.submit(signed, legs)

    def a_hold(self, payer, captor, amount, /, **fields):
        own = {"captor": captor.id, "amount_minor": amount, "until": self.clock.seconds + DAY}
        return self.sign(payer, LedgerHold, **({"total_max_minor": fields.get("amount_minor", amount)} | own | fields))

    async def hold(self, payer, captor, amount, /, **fields):
        signed = self.a_hold(payer, captor, amount, **fields)
        result = await self.submit(signed)
        assert result.accepted, result
        return signed.order

    def a_mandate(self, payer, payee, per_period, /, **fields):
        own = {"payee": payee.id, "per_period_minor": per_period, "period_seconds": DAY, "count": 12}
        return self.sign(payer, LedgerMandate, **(own | {"until": self.clock.seconds + 365 * DAY} | fields))

    async def mandate(self, payer, payee, per_period, /, **fields):
        signed = self.a_mandate(payer, payee, per_period, **fields)
        result = await self.submit(signed)
        assert result.accepted, result
        return signed.order

    def a_conversion(self, payer, amount, receive_min, **fields):
        own = {"amount_minor": amount, "receive_asset": "JPY", "receive_min_minor": receive_min}
        own |= {"receive_to": bytes(20), "reference": os.urandom(32), "total_max_minor": amount}
        return self.sign(payer, LedgerConversion, **(own | fields))

    async def control(self, person, action, **fields):
        now = self.clock.seconds
        head = {"holder": person.id, "key_epoch": 1, "nonce": os.urandom(32), "seen_head": person.id}
        order = LedgerControl(**head, valid_after=now - 60, valid_before=now + 600, action=action, **fields)
        signed = SignedOrder(order, person.key.sign_digest(order.digest(self.journal.ledger_id)))
        return await self.journal.control(signed)

    async def capture(self, order, amount, *, final=False, use_id=None, captor=None):
        use_id = use_id or os.urandom(32)
        request = Capture(order.holder, order.nonce, use_id, captor or order.captor, amount, final)
        return await self.journal.ask(request)

    async def release(self, order, *, use_id=None, captor=None):
        return await self.journal.ask(
            Release(order.holder, order.nonce, use_id or os.urandom(32), captor or order.captor)
        )

    async def collect(self, order, amount, *, use_id=None, payee=None):
        use_id = use_id or os.urandom(32)
        return await self.journal.ask(Collect(order.holder, order.nonce, use_id, payee or order.payee, amount))


async def intact(engine):
    """The check of the journal finds nothing, nor does the auditor, who shares no code with it."""
    problems = (await verify(engine)).problems
    assert problems == []
    async with engine.connect() as conn:
        exported = b"".join([piece async for piece in export(conn)])
    assert audit(io.BytesIO(exported)).failures == []
