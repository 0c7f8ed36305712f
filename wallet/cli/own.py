"""The person's accounts as commands name them: what the vault tells without a password, and what is only watched."""

from __future__ import annotations

from dataclasses import replace

from chain.address import Address
from wallet.accounts import Account, pick, read_account
from wallet.cli.running import Run
from wallet.contacts import Contact, contacts_of, find_contact
from wallet.errors import AccountUnknown, AccountWatched, VaultMissing
from wallet.names import is_same
from wallet.payee import Payee, read_payee
from wallet.payment_link import is_payment_link, read_payment_link
from wallet.payment_uri import is_payment_uri, read_payment_uri
from wallet.signing import VAULT_NAME


def own_accounts(run: Run) -> list[Account]:
    """For showing and for naming one; the signer decides by what it authenticated. Raises VaultMissing."""
    kept = run.store.read("vault")
    if not kept:
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    return [read_account(entry) for entry in kept["accounts"]]


def sender_of(run: Run, text: str) -> Address:
    """An account whose transaction is prepared here and signed elsewhere: own, watched, or any by its address."""
    try:
        return own_account(run, text or "0").address
    except AccountWatched as watched:
        return Address(watched.address)
    except (AccountUnknown, VaultMissing):
        if text.lower().startswith("0x"):
            return Address(text)
        raise


def own_account(run: Run, text: str) -> Account:
    """The one of that name, address or number. Raises AccountUnknown, AccountWatched, VaultMissing."""
    kept = own_accounts(run) if run.store.read("vault") or not run.store.read("watched") else []
    try:
        return pick(text, kept)
    except AccountUnknown:
        for address, entry in run.store.read("watched").items():
            if address.lower() == text.lower() or (entry.get("name") and is_same(entry["name"], text)):
                raise AccountWatched(address) from None
        raise


def names_taken(run: Run) -> list[str]:
    """Of accounts, of what is watched, of contacts: no two of them pass for each other."""
    names = [account.name for account in accounts_kept(run)]
    names += [entry.get("name", "") for entry in run.store.read("watched").values()]
    names += [contact.name for contact in contacts_kept(run)]
    return [name for name in names if name]


def contacts_kept(run: Run) -> list[Contact]:
    return contacts_of(run.store.read("contacts"))


def payee_of(run: Run, text: str) -> Payee:
    """Whom @handle, an address, a payment link, or the name of a contact or of an own account stands for.

    Raises InputMalformed, LinkElsewhere, ContactUnknown, AddressMalformed, AddressChecksumWrong.
    """
    if is_payment_link(text):
        return read_payment_link(text, run.config.server).payee
    is_link = is_payment_uri(text)
    if is_link or text.startswith("@") or text.lower().startswith("0x"):
        payee = Payee(address=read_payment_uri(text).to, link=text) if is_link else read_payee(text)
        known = (contact for contact in contacts_kept(run) if payee.address and contact.to == payee.address)
        contact = next(known, None)
        return replace(payee, name=contact.name) if contact else payee
    named = {account.name: account.address for account in accounts_kept(run) if account.name}
    named |= {entry["name"]: address for address, entry in run.store.read("watched").items() if entry.get("name")}
    own = [Contact(name, address) for name, address in named.items()]
    return find_contact(text, [*contacts_kept(run), *own]).payee


def accounts_kept(run: Run) -> list[Account]:
    """None where there is no vault: who only watches needs none."""
    return [read_account(entry) for entry in run.store.read("vault").get("accounts", [])]
