"""The line of what waits for the person: one prompt at a time, a bounded number a client. Pure.

Only the first is shown. Its digest is that of the review on the screen; an answer names the digest it was given for,
and another one is refused. What was asked on an account and a chain dies when the client has them no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from wallet.errors import ApprovalUnknown, DigestDiffers, RpcRefused
from wallet.permissions import Seen
from wallet.rpc import Code

QUEUED_MAX = 5
TRANSACTIONS_MAX = 10
"""Transactions of one client that wait, the shown one counted: pages do send ten at once."""
LINE_MAX = 100
SETTLE_SECONDS = 0.5
"""How long a prompt has stood as it is before a yes to it counts."""


class Kind(StrEnum):
    CONNECT = "connect"
    MESSAGE = "sign_message"
    SIWE = "siwe"
    TYPED_DATA = "sign_typed_data"
    TRANSACTION = "send_transaction"
    CALLS = "send_calls"
    ADD_CHAIN = "add_chain"
    SWITCH_CHAIN = "switch_chain"
    WATCH_ASSET = "watch_asset"


@dataclass(frozen=True, slots=True)
class Approval:
    """What waits. `ground` is what its client saw when it asked; `asked_at` in Unix seconds."""

    id: str
    key: str
    kind: Kind
    ground: Seen
    asked_at: int


@dataclass(frozen=True, slots=True)
class Line:
    """First come, first shown. `digest` is that of the review that is shown, while one is."""

    prompts: tuple[Approval, ...] = ()
    digest: bytes | None = None

    @property
    def first(self) -> Approval | None:
        return self.prompts[0] if self.prompts else None

    def joined_by(self, prompt: Approval) -> Line:
        """Raises RpcRefused (LIMIT)."""
        transactions = prompt.kind is Kind.TRANSACTION
        same = [p for p in self.prompts if p.key == prompt.key and (p.kind is Kind.TRANSACTION) is transactions]
        # Of other kinds the first in line is looked at already, and does not wait.
        waiting = len(same) if transactions else len([p for p in same if p is not self.first])
        if waiting >= (TRANSACTIONS_MAX if transactions else QUEUED_MAX):
            raise RpcRefused(Code.LIMIT, "Too many requests of this page wait for the person already.", None)
        if len(self.prompts) >= LINE_MAX:
            raise RpcRefused(Code.LIMIT, "Too many requests wait for the person already.", None)
        return replace(self, prompts=(*self.prompts, prompt))

    def showing(self, number: str, digest: bytes) -> Line:
        """The first one's review is on the screen."""
        assert self.first is not None and self.first.id == number
        return replace(self, digest=digest)

    def without(self, number: str) -> Line:
        """Answered, withdrawn or dead."""
        was_first = self.first is not None and self.first.id == number
        prompts = tuple(prompt for prompt in self.prompts if prompt.id != number)
        return Line(prompts, None if was_first else self.digest)

    def shown(self, number: str) -> Approval:
        """Raises ApprovalUnknown unless that one is on the screen."""
        if self.first is None or self.first.id != number or self.digest is None:
            raise ApprovalUnknown(number[:40])
        return self.first

    def approved(self, number: str, digest: str) -> Approval:
        """`digest` is 0x hex. Raises ApprovalUnknown, DigestDiffers."""
        prompt = self.shown(number)
        assert self.digest is not None
        expected = "0x" + self.digest.hex()
        if digest != expected:
            raise DigestDiffers(digest[:66], expected)
        return prompt

    def dead(self, view: Callable[[str], Seen]) -> tuple[Approval, ...]:
        """Whose client no longer sees what it saw when it asked. Asking to connect stands on its chain alone."""
        return tuple(prompt for prompt in self.prompts if _is_moved(prompt, view(prompt.key)))


def _is_moved(prompt: Approval, now: Seen) -> bool:
    return now.chain_id != prompt.ground.chain_id or (prompt.kind is not Kind.CONNECT and now != prompt.ground)
