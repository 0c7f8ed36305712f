"""The person's accounts as commands name them: what the vault tells without a password, and what is only watched."""

from __future__ import annotations

from wallet.accounts import Account, pick, read_account
from wallet.cli.running import Run
from wallet.errors import AccountUnknown, AccountWatched, VaultMissing
from wallet.names import is_same
from wallet.signing import VAULT_NAME


def own_accounts(run: Run) -> list[Account]:
    """For showing and for naming one; the signer decides by what it authenticated. Raises VaultMissing."""
    kept = run.store.read("vault")
    if not kept:
        raise VaultMissing(str(run.config.home / VAULT_NAME))
    return [read_account(entry) for entry in kept["accounts"]]


def own_account(run: Run, text: str) -> Account:
    """The one of that name, address or number. Raises AccountUnknown, AccountWatched, VaultMissing."""
    try:
        return pick(text, own_accounts(run))
    except AccountUnknown:
        for address, entry in run.store.read("watched").items():
            if address.lower() == text.lower() or (entry.get("name") and is_same(entry["name"], text)):
                raise AccountWatched(address) from None
        raise


def names_taken(run: Run) -> list[str]:
    """Of accounts and of what is watched: no two of them pass for each other."""
    names = [account.name for account in own_accounts(run)]
    names += [entry.get("name", "") for entry in run.store.read("watched").values()]
    return [name for name in names if name]
