"""The part of the signer that keeps to the person's policy: it judges, counts, and logs before anything is signed.

While a policy has a rule, nothing is signed but what a rule allows, as this process reads it from the bytes, and what
the person has just given the password for. The asking process may say who asks and what a simulation came to; it
cannot say what the bytes do, nor what was used already. Amounts are counted, durably, before the signature is made: a
machine that stops between the two loses room and gives none. What came of no signature is given back.

Files that were put back, changed or removed are noticed by their tags, by what this process has seen, and by each
other (docs/policy.md says what that does not reach): then there is no room for a day, and the password decides.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chain.address import Address
from chain.errors import ChainError
from wallet.approvals import Kind
from wallet.errors import CallRefused, InputMalformed, PasswordNeeded, PolicyDenied, PolicyOlder
from wallet.frames import Frame
from wallet.guard_claims import Item, read_claims, read_items, request_of
from wallet.hd import BACKUP_PATH, DerivationPath
from wallet.keyring import Keyring
from wallet.policy import OWN, Policy, Reason, Verdict, read_rule
from wallet.policy_counters import Counters, Moment
from wallet.policy_decision import Charge, Decision, decide
from wallet.policy_files import COUNTERS_NAME, PolicyFiles
from wallet.policy_request import Claims, Request
from wallet.restoring import RESTORING, Restoring
from wallet.vault import Vault, read_public
from wallet.vault_format import Public

TICKET_SECONDS, TICKETS_MAX, DIGESTS_MAX = 120, 1000, 100
_INFO = b"tandem-policy 1"


@dataclass(eq=False, slots=True)
class _Ticket:
    """What may be signed once, for a while: reserved under a rule, or agreed to with the password."""

    ends_at: int
    charges: tuple[Charge, ...] = ()
    bucket: int = 0
    is_used: bool = False


def _now() -> Moment:
    elapsed = time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
    return Moment(int(time.time()), _boot(), int(elapsed))


@lru_cache(maxsize=1)
def _boot() -> str:
    """Of this start of the machine; where the system does not tell, of this process, which is as good as a restart."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:40]
    except OSError:
        return os.urandom(8).hex()


@dataclass(slots=True)
class Guard(Restoring):
    """`_seen` are the counters as this process last left or met them; `now` is the system's."""

    now: Callable[[], Moment] = _now
    _tickets: dict[tuple[str, str], _Ticket] = field(default_factory=dict, repr=False)
    _seen: Counters | None = field(default=None, repr=False)
    _serial: int = 0
    _logged: int = 0

    def status(self) -> Frame:
        """As wallet.keeper has it, and whether a yes alone does not do."""
        return {**Restoring.status(self), "guarded": self.is_guarded}

    # What the person decides

    def policy(self) -> Frame:
        """The rules as the vault has them; with keys in memory they are authenticated, and what was used is told."""
        status = self.status()
        policy = self._policy()
        shown = {"policy": policy.to_json() if policy else None, "checked": status["unlocked"], "used": {}}
        if self.keyring is None:
            return {**shown, "closed_seconds": 0, "rolled_back": False, "logged": 0}
        files = self._files(self.keyring)
        with files.taken():
            counters = self._standing(files, policy)
        used = {name: str(sum(buckets.values())) for name, buckets in counters.counts.items()}
        closed = {
            "closed_seconds": max(counters.closed_until - counters.time, 0),
            "logged": max(counters.logged, self._logged),
        }
        return {**shown, "used": used, **closed, "rolled_back": self._is_rolled_back(policy, counters)}

    def add_rule(self, password: str, rule: dict[str, Any], server: str) -> Frame:
        """Another rule, for one who gives the password. Raises VaultUnopened, InputMalformed."""
        try:
            made = read_rule({**rule, "id": "r1"})
        except (KeyError, TypeError, ValueError, ChainError):
            raise CallRefused("add_rule", "rule") from None
        begun = Policy(os.urandom(16).hex(), 1, server)
        return self._changed(password, lambda policy: replace(policy or begun, server=server).with_rule(made))

    def remove_rule(self, password: str, rule: str) -> Frame:
        """Without this rule; without any the person's yes is enough again. Raises VaultUnopened, InputMalformed."""

        def edit(policy: Policy | None) -> Policy:
            if policy is None:
                raise InputMalformed("rule", rule[:40], "there is no policy")
            return policy.without(rule)

        return self._changed(password, edit)

    def reset_counters(self, password: str) -> Frame:
        """Counts anew, and takes the policy that is in the vault as the one that was meant. Raises VaultUnopened."""
        keyring = Keyring.of(Vault.open(self.path, password))
        self._begin(keyring)
        self._log(self._files(keyring), {"event": "reset"})
        return self.policy()

    def consent(self, password: str, digests: list[Any], account: str) -> Frame:
        """The person has seen these and gives the password: this account may sign each once, soon.

        Raises VaultUnopened.
        """
        if not 0 < len(digests) <= DIGESTS_MAX or not all(isinstance(one, str) and len(one) == 66 for one in digests):
            raise CallRefused("consent", "digests")
        self.keyring = Keyring.of(Vault.open(self.path, password))
        self._forget_old()
        for digest in digests:
            self._keep(digest, account, _Ticket(self.now().elapsed + TICKET_SECONDS))
        self._log(self._files(self.keyring), {"event": "password", "digests": digests, "account": account})
        return {"digests": len(digests)}

    # What others ask

    def permit(self, client: str, kind: str, chain_id: int, account: str, items: list[Any], claims: Frame) -> Frame:
        """What the policy says to a client's request; what it allows is reserved, and may be signed once.

        `items` are signing calls without digest ({"call", "with"}), none for what is no signature.
        """
        keyring = self.open()
        request, digests = self._request(keyring, client, kind, chain_id, account, items, claims)
        self._forget_old()
        decision = self._decided(keyring, request, digests)
        return {**decision.to_json(), "guarded": self.is_guarded}

    def release(self, digests: list[Any]) -> Frame:
        """What was permitted and will not be signed: its amounts come back."""
        for digest, account in list(self._tickets):
            if digest in digests:
                self._give_back(self._tickets.pop((digest, account)))
        return {}

    @property
    def is_guarded(self) -> bool:
        """Does a yes alone not do?"""
        policy = self._policy()
        if policy is not None and policy.is_on:
            return True
        known = (self.path.parent / COUNTERS_NAME).exists()
        if self.keyring is None or not known:
            return self._serial > (policy.serial if policy else 0)
        # A policy that was there, and is gone with the vault's file?
        return self._is_rolled_back(policy, self._files(self.keyring).read() or Counters("", 0))

    def _policy(self) -> Policy | None:
        """Of the open vault, else as its file says."""
        if self.keyring is not None:
            return self.keyring.vault.public.policy
        return read_public(self.path).policy if self.path.exists() else None

    @contextmanager
    def admitted(self, keyring: Keyring, digest: str, item: Item | None, account: str) -> Iterator[None]:
        """While it is signed. `item` None is what no rule speaks of. Raises PasswordNeeded, PolicyDenied.

        What fails was not signed, and is given back.
        """
        ticket = self._admit(keyring, digest, item, account)
        try:
            yield
        except BaseException:
            if ticket is not None:
                self._give_back(ticket)
            raise
        if ticket is not None:
            ticket.is_used = True

    def _admit(self, keyring: Keyring, digest: str, item: Item | None, account: str) -> _Ticket | None:
        if not self.is_guarded:
            return None
        self._forget_old()
        if (ticket := self._tickets.pop((digest, account), None)) is not None:
            return ticket
        if item is None:
            raise PasswordNeeded(Reason.NO_RULE, "")
        policy = keyring.vault.public.policy
        request = request_of(OWN, [item], Address(account), policy, Claims())
        decision = self._decided(keyring, request, [digest])
        if decision.verdict is Verdict.DENY:
            raise PolicyDenied(decision.rule)
        if decision.verdict is Verdict.ASK:
            raise PasswordNeeded(decision.reason, decision.rule)
        return self._tickets.pop((digest, account))

    # Judging and counting

    def _request(
        self, keyring: Keyring, client: str, kind: str, chain_id: int, account: str, items: list[Any], claims: Frame
    ) -> tuple[Request, list[str]]:
        if kind not in list(Kind) or not client:
            raise CallRefused("permit", "kind")
        told, read = read_claims(claims), read_items(items)
        if not read:
            owner = Address(account) if account else None
            return Request(client, Kind(kind), chain_id or None, owner, claims=told), []
        keyring.entry(account)
        request = request_of(client, read, Address(account), keyring.vault.public.policy, told)
        if request.kind is Kind.TRANSACTION and kind == Kind.CALLS:
            request = replace(request, kind=Kind.CALLS)
        return request, [one.digest for one in read]

    def _decided(self, keyring: Keyring, request: Request, digests: Sequence[str]) -> Decision:
        """Judged, counted and written down, in this order, before anybody hears of it."""
        policy, files = keyring.vault.public.policy, self._files(keyring)
        with files.taken():
            counters = self._standing(files, policy)
            if self._is_rolled_back(policy, counters):
                decision = Decision(Verdict.ASK, Reason.COUNTERS)
            else:
                decision = decide(policy, request, counters.used, counters.wall)
            if decision.verdict is Verdict.ALLOW:
                last = files.last()
                logged = int(last["n"]) if last else 0
                self._write(files, replace(counters.reserved(decision.charges), logged=logged))
            at = {"event": "decision", "at": counters.wall, "serial": self._at_least(counters)}
            told = {**at, **decision.to_json(), "request": request.to_json(), "digests": list(digests)}
            self._logged = files.append(told)
        if decision.verdict is Verdict.ALLOW:
            ticket = _Ticket(self.now().elapsed + TICKET_SECONDS, decision.charges, counters.bucket)
            for digest in digests:
                self._keep(digest, request.account or "", ticket)
        return decision

    def _standing(self, files: PolicyFiles, policy: Policy | None) -> Counters:
        """The counters as they are to be believed, at this moment; called while the files are taken."""
        found, last = files.read(), files.last()
        logged = int(last.get("serial", 0)) if last else 0
        is_whole = found is not None and found.serial >= max(logged, self._seen.serial if self._seen else 0)
        is_ours = found is not None and (policy is None or found.policy in ("", policy.id))
        if found is not None and is_whole and is_ours:
            self._seen = found
        elif policy is None and self._seen is None and found is None:
            return Counters("", 0).at(self.now())  # there never was a policy here
        else:
            lost = max((one for one in (found, self._seen) if one), key=lambda one: one.serial, default=Counters("", 0))
            lost = replace(lost, serial=max(lost.serial, logged), policy=policy.id if policy else lost.policy)
            self._write(files, lost.at(self.now()).closed())
            files.append({"event": "counters-lost", "at": self.now().clock, "serial": self._at_least(lost)})
        assert self._seen is not None
        return self._seen.at(self.now())

    def _at_least(self, counters: Counters) -> int:
        return self._seen.serial if self._seen else counters.serial

    def _is_rolled_back(self, policy: Policy | None, counters: Counters) -> bool:
        """Is the vault's policy an older one than was seen?"""
        known = max(counters.policy_serial, self._serial)
        serial = policy.serial if policy else 0
        self._serial = max(self._serial, serial)
        return serial < known

    def _write(self, files: PolicyFiles, counters: Counters) -> None:
        files.write(counters)
        self._seen = counters

    def _give_back(self, ticket: _Ticket) -> None:
        """What a ticket holds, once, if nothing was signed under it."""
        if ticket.is_used or not ticket.charges or self.keyring is None:
            return
        files = self._files(self.keyring)
        with files.taken():
            counters = self._standing(files, self.keyring.vault.public.policy)
            self._write(files, counters.refunded(ticket.charges, ticket.bucket))
        ticket.charges = ()

    def _keep(self, digest: str, account: str, ticket: _Ticket) -> None:
        if len(self._tickets) >= TICKETS_MAX:
            raise CallRefused("permit", "too many")
        self._tickets[(digest, account)] = ticket

    def _forget_old(self) -> None:
        now = self.now().elapsed
        for name, ticket in list(self._tickets.items()):
            if ticket.ends_at < now:
                del self._tickets[name]
                self._give_back(ticket)

    # The policy itself

    def _changed(self, password: str, edit: Callable[[Policy | None], Policy]) -> Frame:
        """Opened anew, so that the password is this very one; the running keys stay as they are."""
        keyring = Keyring.of(Vault.open(self.path, password))
        before, files = keyring.vault.public.policy, self._files(keyring)
        if self._is_rolled_back(before, files.read() or Counters("", 0)):
            raise PolicyOlder  # another rule would pass for the next one after it

        def change(public: Public) -> Public:
            return replace(public, policy=edit(public.policy))

        keyring.vault.update(change)
        policy = keyring.vault.public.policy
        assert policy is not None
        if before is None:
            self._begin(keyring)
        else:
            with files.taken():
                counters = self._standing(files, policy)
                self._write(files, replace(counters, serial=counters.serial + 1, policy_serial=policy.serial))
        self._log(files, {"event": "policy", "policy": policy.to_json()})
        return self.policy()

    def _begin(self, keyring: Keyring) -> None:
        """New counters: there is a policy for the first time, or the person says so with the password or phrase."""
        files, policy = self._files(keyring), keyring.vault.public.policy
        with files.taken():
            last = files.last()
            serial = max(int(last.get("serial", 0)) if last else 0, self._seen.serial if self._seen else 0)
            self._serial = policy.serial if policy else 0
            begun = Counters(policy.id if policy else "", self._serial, serial + 1).at(self.now())
            if policy is None:
                files.drop()
                self._seen = None
            else:
                self._write(files, begun)

    def begin_anew(self) -> None:
        """After a vault was made or brought back from the phrase."""
        if self.keyring is not None:
            self._begin(self.keyring)

    def _log(self, files: PolicyFiles, entry: Frame) -> None:
        with files.taken():
            serial = self._seen.serial if self._seen else 0
            self._logged = files.append({**entry, "at": self.now().clock, "serial": serial})

    def _files(self, keyring: Keyring) -> PolicyFiles:
        secret = keyring.trees[0].key(DerivationPath(BACKUP_PATH)).raw
        return PolicyFiles(self.path.parent, HKDF(SHA256(), length=32, salt=None, info=_INFO).derive(secret))


def _anew(make: Callable[..., Frame]) -> Callable[..., Frame]:
    """A call that makes a vault: what was counted under the one before counts no more, since the phrase was given."""

    def call(guard: Guard, **arguments: Any) -> Frame:
        answer = make(guard, **arguments)
        guard.begin_anew()
        return answer

    return call


_MAKING = ("create", "restore", "restore_shares", "restore_backup", "restore_beside")

GUARDING: dict[str, tuple[Callable[..., Frame], dict[str, type]]] = {
    **RESTORING,
    **{name: (_anew(RESTORING[name][0]), RESTORING[name][1]) for name in _MAKING},
    "status": (Guard.status, {}),
    "policy": (Guard.policy, {}),
    "add_rule": (Guard.add_rule, {"password": str, "rule": dict, "server": str}),
    "remove_rule": (Guard.remove_rule, {"password": str, "rule": str}),
    "reset_counters": (Guard.reset_counters, {"password": str}),
    "consent": (Guard.consent, {"password": str, "digests": list, "account": str}),
    "permit": (
        Guard.permit,
        {"client": str, "kind": str, "chain_id": int, "account": str, "items": list, "claims": dict},
    ),
    "release": (Guard.release, {"digests": list}),
}
