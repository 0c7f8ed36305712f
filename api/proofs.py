"""Proofs of possession: the holder's root key and each chain account sign that they belong together. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import InvalidInput, ProofInvalid
from chain.address import Address
from fiat.errors import OrderSignatureWrong
from fiat.holder import HolderGenesis
from fiat.order import address_digest, registration_digest
from fiat.signature import recover

REGISTRATION_SECONDS_MAX = 16 * 60
ATTESTATION_SECONDS_MAX = 400 * 24 * 3600


@dataclass(frozen=True, slots=True)
class AccountProof:
    """A chain account's own signature, and the root key's attestation that it receives for the holder."""

    chain_id: int
    address: Address
    signature: bytes
    attestation: bytes
    attested_until: int


@dataclass(frozen=True, slots=True)
class Registration:
    """What somebody claims who opens an account. Times in Unix seconds."""

    handle: str
    genesis: HolderGenesis
    valid_before: int
    signature: bytes
    accounts: Sequence[AccountProof]
    contract_key: bytes | None = None
    """Of a contract account: the key that signs in its place."""

    @property
    def holder(self) -> bytes:
        return self.genesis.holder_id


def check_registration(claim: Registration, ledger_id: bytes, now: int) -> None:
    """Every signature is that of the key it names. Raises ProofInvalid, InvalidInput."""
    root = claim.contract_key or claim.genesis.root
    if claim.contract_key is not None and claim.accounts:
        raise InvalidInput(("body.accounts", "is empty for a contract account: nobody could check its attestations"))
    check_window("body.valid_before", claim.valid_before, now, REGISTRATION_SECONDS_MAX)
    digest = registration_digest(
        ledger_id,
        holder=claim.holder,
        handle=claim.handle,
        chain_id=0,
        account=root,
        valid_before=claim.valid_before,
    )
    _check(digest, claim.signature, root, "LedgerRegistration")
    if len({(account.chain_id, account.address) for account in claim.accounts}) != len(claim.accounts):
        raise InvalidInput(("body.accounts", "names an account twice"))
    for account in claim.accounts:
        check_account(claim.holder, claim.handle, root, account, claim.valid_before, ledger_id, now)


def check_account(
    holder: bytes, handle: str, root: bytes, account: AccountProof, valid_before: int, ledger_id: bytes, now: int
) -> None:
    """The account signed for itself, and the root key for the account. Raises ProofInvalid, InvalidInput."""
    check_window("valid_before", valid_before, now, REGISTRATION_SECONDS_MAX)
    check_window("attestation.valid_before", account.attested_until, now, ATTESTATION_SECONDS_MAX)
    own = registration_digest(
        ledger_id,
        holder=holder,
        handle=handle,
        chain_id=account.chain_id,
        account=account.address.raw,
        valid_before=valid_before,
    )
    _check(own, account.signature, account.address.raw, "LedgerRegistration")
    attested = address_digest(
        ledger_id,
        holder=holder,
        chain_id=account.chain_id,
        account=account.address.raw,
        valid_before=account.attested_until,
    )
    _check(attested, account.attestation, root, "LedgerAddress")


def check_window(field: str, valid_before: int, now: int, seconds_max: int) -> None:
    """Raises InvalidInput unless `valid_before` lies ahead, but not too far."""
    if not now < valid_before <= now + seconds_max:
        raise InvalidInput((field, f"lies within {seconds_max} seconds from the server's time, {now}"))


def _check(digest: bytes, signature: bytes, signer: bytes, statement: str) -> None:
    account = Address.from_bytes(signer)
    try:
        recovered = recover(digest, signature)
    except OrderSignatureWrong:
        raise ProofInvalid(account, f"the signature of {statement} is malformed") from None
    if not hmac.compare_digest(recovered, signer):
        raise ProofInvalid(account, f"{statement} is not signed by this key, or for another ledger or holder")
