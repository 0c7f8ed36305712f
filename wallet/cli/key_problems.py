"""What can go wrong with keys and what belongs to them, in words: a part of the table in wallet.cli.problems."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wallet import errors as wallet
from wallet.texts import N_, _

REFUSED, USAGE = 1, 2

KEY_ROWS: dict[type[Exception], tuple[str, int]] = {
    wallet.KeystoreMalformed: (N_("This is no keystore that can be read: {field}: {reason}."), REFUSED),
    wallet.KeystoreUnopened: (N_("The keystore did not open: its password is another one."), REFUSED),
    wallet.ShareWordUnknown: (
        N_("Share {number}: word {position}, “{word}”, is in no list of words for shares."),
        REFUSED,
    ),
    wallet.ShareMalformed: (
        N_("Share {number}: every word is known, but one is wrong, missing or out of place."),
        REFUSED,
    ),
    wallet.SharesUnfit: (N_("These shares cannot be used: {reason}."), REFUSED),
    wallet.SharesMissing: (
        N_("More shares are needed: {whole} of {needed} groups are whole; of those begun there are {which}."),
        REFUSED,
    ),
    wallet.PassphraseUnfit: (N_("A passphrase of shares has letters, digits and signs of ASCII alone."), REFUSED),
    wallet.PhraseAbsent: (N_("This wallet was made of shares and has no words of its own."), REFUSED),
    wallet.AccountKnown: (N_("{address} is an account of this wallet already."), REFUSED),
    wallet.AccountWatched: (
        N_("{address} is only watched: there is no key for it here."),
        REFUSED,
    ),
    wallet.SignatureDiffers: (N_("No: {signer} signed it, and not {address}; or the text is another."), REFUSED),
    wallet.AddressUnfound: (
        N_("None of the {tried} keys that were tried has the address {address}: try more --indexes, or --passphrases."),
        REFUSED,
    ),
    wallet.PhraseKnown: (N_("This wallet has that phrase already; it is number {number}."), REFUSED),
    wallet.BackupUnfit: (
        N_("This backup is one, but not of this wallet: it opens none of its {accounts} accounts. Keep looking."),
        REFUSED,
    ),
    wallet.BackupDamaged: (N_("This backup cannot be used: {reason}. Nothing was changed."), REFUSED),
    wallet.BackupForeign: (N_("This backup is under another phrase, that of the wallet {root}."), REFUSED),
    wallet.PhraseForeign: (
        N_("These words are of another wallet than the one at {path}; that one was not touched."),
        REFUSED,
    ),
    wallet.VaultFull: (N_("A vault holds {count_max} {what} at most."), REFUSED),
    wallet.ContactUnknown: (
        N_("“{name}” is no @handle, no address and none of your contacts.{alike}"),
        USAGE,
    ),
    wallet.NameTaken: (
        N_("“{name}” could be taken for “{other}”, which is there already: choose another name."),
        USAGE,
    ),
}

KEY_DERIVED: dict[type[Exception], Callable[[Any], dict[str, Any]]] = {
    wallet.ContactUnknown: lambda e: {
        "alike": _(" “{near}” looks like it, and is another.").format(near=e.near) if e.near else ""
    },
    wallet.SharesMissing: lambda e: {"which": ", ".join(e.groups) or "0"},
}
