"""Controls: which keys may sign, which changes wait, which limits hold and how much of them is used."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from api.auth import rfc3339
from api.currencies import CURRENCIES
from api.fields import Answer, Bytes32, ChainAddress, Digits, LongDigits, Time, spelled
from api.routes.problems import PROBLEM
from api.routes.sessions import SignedIn
from api.server import ServerHere
from chain.address import Address
from fiat import history
from fiat.control import added_keys
from fiat.holder import Holder, Recovery
from fiat.limit import NO_LIMIT, LimitKey, OwnLimit, Period, Policy, own_limits, spent_keys, used

router = APIRouter(prefix="/v1", tags=["controls"], responses=PROBLEM)


class KeyAnswer(Answer):
    """`effective_at` is null for the root, which holds from the beginning."""

    address: ChainAddress
    is_root: bool
    state: Literal["in-force", "pending"]
    effective_at: Time | None
    nonce: Bytes32 | None


class PendingAnswer(Answer):
    """A change that waits. `nonce` is its order's: a cancel names it."""

    nonce: Bytes32
    action: Literal["key-add", "limit"]
    about: str = Field(examples=["transfer:EUR:day"])
    value: Digits | None = Field(examples=["500000"])
    effective_at: Time


class LimitAnswer(Answer):
    """`limit_minor` is the person's, `operator_limit_minor` the operator's; null is none. The lower holds."""

    limit: str = Field(examples=["transfer:EUR:day"])
    kind: str = Field(examples=["transfer"])
    currency: str = Field(examples=["EUR"])
    decimals: int = Field(examples=[2])
    period: str = Field(examples=["day"])
    limit_minor: Digits | None
    operator_limit_minor: Digits | None
    used_minor: LongDigits
    left_minor: Digits | None


class ControlsAnswer(Answer):
    """Changes order by order are in the journal; this is what they come to now."""

    epoch: int
    frozen: bool
    recovery: Literal["never", "recoverable"]
    keys: list[KeyAnswer]
    pending: list[PendingAnswer]
    limits: list[LimitAnswer]


@router.get("/controls")
async def get_controls(session: SignedIn, server: ServerHere) -> ControlsAnswer:
    """One's own keys, changes that wait with the times from which they hold, and limits with what is used."""
    async with server.engine.connect() as conn:
        holder = await history.holder(conn, session.holder)
    assert holder is not None, "a session belongs to a holder"
    now = server.clock
    return ControlsAnswer(
        epoch=holder.epoch,
        frozen=holder.frozen,
        recovery="recoverable" if Recovery(holder.recovery).is_recoverable else "never",
        keys=_keys(holder, now),
        pending=_pending(holder, now),
        limits=_limits(holder, server.journal.policy, now),
    )


def _keys(holder: Holder, now: int) -> list[KeyAnswer]:
    root = KeyAnswer(address=_address(holder.root), is_root=True, state="in-force", effective_at=None, nonce=None)
    return [root] + [
        KeyAnswer(
            address=_address(each.key),
            is_root=False,
            state="pending" if each.effective_at > now else "in-force",
            effective_at=rfc3339(each.effective_at),
            nonce=spelled(each.nonce),
        )
        for each in added_keys(holder.keyring)
    ]


def _pending(holder: Holder, now: int) -> list[PendingAnswer]:
    found: list[tuple[int, bytes, str, str, str | None]] = [
        (each.effective_at, each.nonce, "key-add", _address(each.key), None)
        for each in added_keys(holder.keyring)
        if each.effective_at > now
    ]
    for key, own in own_limits(holder.limits).items():
        if (raised := own.pending(now)) is not None:
            found.append((raised.effective_at, raised.nonce, "limit", key.text, _minor(raised.value)))
    return [
        PendingAnswer(nonce=spelled(nonce), action=action, about=about, value=value, effective_at=rfc3339(at))  # type: ignore[arg-type]  # one of the two above
        for at, nonce, action, about, value in sorted(found)
    ]


def _limits(holder: Holder, policy: Policy, now: int) -> list[LimitAnswer]:
    """Those that are set, by the person or the operator, and what was spent of each kind."""
    own = own_limits(holder.limits)
    counted = {LimitKey(kind, currency, period) for kind, currency in spent_keys(holder.spent) for period in Period}
    return [_limit(holder, policy, key, now) for key in sorted({*own, *policy.keys(holder.id), *counted})]


def _limit(holder: Holder, policy: Policy, key: LimitKey, now: int) -> LimitAnswer:
    mine = own_limits(holder.limits).get(key, OwnLimit(NO_LIMIT)).at(now)
    theirs = policy.limit(holder.id, key)
    spent, lower = used(holder.spent, key, now), min(mine, theirs)
    return LimitAnswer(
        limit=key.text,
        kind=key.kind.name.lower(),
        currency=key.currency,
        decimals=CURRENCIES[key.currency].exponent if key.currency in CURRENCIES else 0,
        period=key.period.name.lower(),
        limit_minor=_minor(mine),
        operator_limit_minor=_minor(theirs),
        used_minor=str(spent),
        left_minor=None if lower >= NO_LIMIT else str(max(0, lower - spent)),
    )


def _minor(value: int) -> str | None:
    return None if value >= NO_LIMIT else str(value)


def _address(raw: bytes) -> Address:
    return Address.from_bytes(raw)
