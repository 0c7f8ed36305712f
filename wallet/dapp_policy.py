"""The door's side of the policy: asks the signer about each request, and carries the person's password to it.

Nothing is decided here: what this process believes about rules changes nothing about what the signer signs.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from wallet.asking import Client
from wallet.errors import PasswordNeeded, SignerLocked, WalletError
from wallet.frames import Frame
from wallet.guard_claims import claims_json, item_json
from wallet.judgement import Judgement, Subject, claims_of, offer_of
from wallet.policy import Reason, Rule, Verdict, read_policy
from wallet.policy_request import Price
from wallet.purse import TOKENS
from wallet.review import Review
from wallet.signing import Signer

ITEMS_BYTES_MAX = 900_000
"""What fits a frame to the signer; more than that is not judged, and so it is asked."""
Prices = Callable[[str], Awaitable[tuple[Price, ...]]]


class Judge:
    """`prices` are asked for by currency, where a rule wants one."""

    def __init__(self, signer: Signer, prices: Prices, server: str) -> None:
        self._signer, self._prices, self._server = signer, prices, server

    async def judge(self, client: Client, review: Review, subject: Subject) -> Judgement:
        """What the signer says. Where it cannot be asked, the person is."""
        try:
            answer = await self._asked(client, review, subject, ())
            if answer["reason"] == Reason.PRICE:
                answer = await self._asked(client, review, subject, await self._prices_for(answer["rule"]))
        except WalletError:  # locked, a disk that is full: whatever it is, signing will meet it again
            return Judgement(guarded=(await self._signer.status()).guarded)
        verdict, reason = Verdict(answer["verdict"]), Reason(answer["reason"])
        offer = None
        if verdict is Verdict.ASK and not review.needs_word:
            claims = claims_of(subject, review)
            offer = offer_of(client.key, subject, claims, TOKENS, int(time.time()))
        return Judgement(verdict, reason, answer["rule"], answer["about"], answer["guarded"], offer)

    async def agree(self, subject: Subject, password: str) -> None:
        """Before the person's yes is carried out. Raises SignerLocked, PasswordNeeded, VaultUnopened."""
        status = await self._signer.status()
        if status.guarded and subject.items and subject.account is not None:
            if not password:
                raise PasswordNeeded(Reason.NO_RULE, "")
            digests = [bytes.fromhex(item.digest[2:]) for item in subject.items]
            await self._signer.consent(password, digests, subject.account)
        elif not status.unlocked:
            raise SignerLocked

    async def keep(self, rule: Rule, password: str) -> None:
        """The rule that "always" makes. Raises PasswordNeeded, VaultUnopened."""
        if not password:
            raise PasswordNeeded(Reason.NO_RULE, "")
        await self._signer.add_rule(password, rule.to_json(), self._server)

    async def release(self, subject: Subject) -> None:
        """Nothing of it will be signed any more. What it had reserved, and the password's yes to it, are gone."""
        await self._signer.release([bytes.fromhex(item.digest[2:]) for item in subject.items])

    async def _asked(self, client: Client, review: Review, subject: Subject, prices: tuple[Price, ...]) -> Frame:
        items = [item_json(item) for item in subject.items]
        if sum(len(item["data"].encode(errors="replace")) for item in items) > ITEMS_BYTES_MAX:
            return {"verdict": Verdict.ASK, "reason": Reason.DOUBT, "rule": "", "about": "length"} | {
                "guarded": (await self._signer.status()).guarded
            }
        claims = claims_json(claims_of(subject, review, prices))
        return await self._signer.permit(
            client.key, subject.kind, subject.chain_id, subject.account or "", items, claims
        )

    async def _prices_for(self, number: str) -> tuple[Price, ...]:
        """In every currency that the rule has an amount in."""
        policy = read_policy((await self._signer.policy())["policy"])
        currencies = {limit.worth.currency for limit in policy.rule(number).limits if limit.worth}
        return tuple([price for currency in sorted(currencies) for price in await self._prices(currency)])
