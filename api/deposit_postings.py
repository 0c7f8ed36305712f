"""What deposits post: transfers whose ids follow from the deposit, so that each is posted once. Pure.

The operator's accounts of a token: what arrived enters `treasury` (a reserve: only a transfer on the chain raises it)
against `suspense:deposits`, where it stays while people look at it; a credit takes it from there into the operator's
own `inventory`, and the person is paid from the `liquidity` of the currency received. A person's account is credited
here and never debited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.deposits import Credit
from chain.keccak import keccak256
from fiat.chart import SourceKind, TransferCode
from fiat.conversion import LIQUIDITY
from fiat.currency import Currency
from fiat.holder import OPERATOR, account_id
from fiat.journal_values import Source
from fiat.token_scale import INVENTORY, REORG_LOSS, TREASURY
from fiat.transfer import Transfer, TransferFlags

SUSPENSE, FEES = "suspense:deposits", "fees"


_RESOLVING = TransferFlags.POST_PENDING_TRANSFER | TransferFlags.VOID_PENDING_TRANSFER


@dataclass(frozen=True, slots=True)
class Posting:
    """One linked chain, and the event on the chain that it answers to, where it is one."""

    chain: tuple[Transfer, ...]
    source: Source | None = None

    @property
    def first(self) -> int:
        """The id by which it is known whether it stands."""
        return self.chain[0].id


@dataclass(frozen=True, slots=True)
class Books:
    """The accounts of one deposit: `attempt` counts its pending credits, `life` how often it left the books again."""

    id: bytes
    token: Currency
    attempt: int = 0
    life: int = 0

    def received(self, minor: int) -> Posting:
        """What arrived enters the books."""
        transfer = self._move("received", self.token, (TREASURY, SUSPENSE), minor, TransferCode.TRANSFER)
        return Posting((transfer,), self._source("received"))

    def unreceived(self, minor: int) -> Posting:
        """Its block is gone, and nobody was credited."""
        return Posting((self._move("unreceived", self.token, (SUSPENSE, TREASURY), minor, TransferCode.REVERSAL),))

    def refunded(self, minor: int) -> Posting:
        """The treasury sent it back."""
        return Posting((self._move("refunded", self.token, (SUSPENSE, TREASURY), minor, TransferCode.REVERSAL),))

    def own(self, minor: int) -> Posting:
        """It was the operator's own money: from what is looked at to what may be given."""
        return Posting((self._move("own", self.token, (SUSPENSE, INVENTORY), minor, TransferCode.SETTLEMENT),))

    def lost(self, minor: int) -> Posting:
        """What was credited is not in the treasury: the operator's loss, and nobody else's."""
        return Posting((self._move("lost", self.token, (REORG_LOSS, TREASURY), minor, TransferCode.REVERSAL),))

    def regained(self, minor: int) -> Posting:
        """It is on the chain again."""
        transfer = self._move("regained", self.token, (TREASURY, REORG_LOSS), minor, TransferCode.REVERSAL)
        return Posting((transfer,), self._source("regained"))

    def pending(self, holder: bytes, currency: Currency, minor: int) -> Posting:
        """The person sees what comes, and cannot spend it."""
        return Posting((self._credit("pending", holder, currency, minor, TransferFlags.PENDING),))

    def void(self, holder: bytes, currency: Currency) -> Posting:
        """It does not come; the pending credit is taken back."""
        return Posting((self._credit("void", holder, currency, 0, TransferFlags.VOID_PENDING_TRANSFER),))

    def credited(self, holder: bytes, currency: Currency, credit: Credit, received_minor: int | None) -> Posting:
        """The pending credit is posted, up to its amount; fee and tokens become the operator's own.

        `received_minor` enters the books in the same chain; None: it is in them already.
        """
        code = TransferCode.CONVERSION
        legs = [self._move("exchanged", self.token, (SUSPENSE, INVENTORY), credit.exchanged_minor, code)]
        if credit.fee_minor:
            fee = self._move("fee", currency, (LIQUIDITY, FEES), credit.fee_minor, TransferCode.FEE)
            legs.append(
                fee._replace(flags=int(TransferFlags.BALANCING_DEBIT))
            )  # the operator's own: never a reason to fail
        flags = TransferFlags.POST_PENDING_TRANSFER
        legs.append(self._credit("credited", holder, currency, credit.receive_minor, flags))
        if received_minor is None:
            return Posting(_linked(legs))
        received = self.received(received_minor)
        return Posting(_linked([*received.chain, *legs]), received.source)

    @property
    def pending_id(self) -> int:
        return self._id("pending", self.attempt)

    @property
    def credited_id(self) -> int:
        """Of the transfer that the person's credit is."""
        return self._id("credited", self.attempt)

    def _move(self, what: str, currency: Currency, between: tuple[str, str], minor: int, code: int) -> Transfer:
        """Between two of the operator's accounts."""
        debit, credit = (account_id(OPERATOR, currency, purpose) for purpose in between)
        return Transfer(
            id=self._id(what),
            debit_account_id=debit,
            credit_account_id=credit,
            amount=minor,
            user_data_128=int.from_bytes(self.id[:16], "big"),
            ledger=currency.ledger,
            code=code,
        )

    def _credit(self, what: str, holder: bytes, currency: Currency, minor: int, flags: TransferFlags) -> Transfer:
        """To the person, from the operator's liquidity: pending, then posted or voided."""
        return Transfer(
            id=self._id(what, self.attempt),
            debit_account_id=account_id(OPERATOR, currency, LIQUIDITY),
            credit_account_id=account_id(holder, currency),
            amount=minor,
            pending_id=self.pending_id if flags & _RESOLVING else 0,
            user_data_128=int.from_bytes(self.id[:16], "big"),
            ledger=currency.ledger,
            code=TransferCode.CONVERSION,
            flags=flags,
        )

    def _id(self, what: str, attempt: int = 0) -> int:
        return int.from_bytes(self._name(what, attempt)[:16], "big")

    def _name(self, what: str, attempt: int = 0) -> bytes:
        return keccak256(self.id + f"{what}:{self.life}:{attempt}".encode())

    def _source(self, what: str) -> Source:
        """The deposit itself, the first time that it enters the books."""
        plain = what == "received" and self.life == 0
        return Source(SourceKind.CHAIN_LOG, self.id if plain else self._name(f"source:{what}"))


def _linked(legs: Sequence[Transfer]) -> tuple[Transfer, ...]:
    """One chain, as the machine takes it: all legs stand or none."""
    chained = [leg._replace(flags=int(leg.flags) | int(TransferFlags.LINKED)) for leg in legs[:-1]]
    return (*chained, legs[-1])
