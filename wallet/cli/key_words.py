"""Words of errors about keys, accounts and names: a part of the table in wallet.cli.words."""

from __future__ import annotations

from wallet.texts import N_

KEY_WORDS: dict[str, str] = {
    # InputMalformed.field
    "name": N_("name"),
    "path": N_("path"),
    "position": N_("position"),
    "account": N_("account"),
    "group": N_("group"),
    "message": N_("message"),
    "signature": N_("signature"),
    "options": N_("choice of options"),
    "one of the two is expected": N_("one of the two is expected"),
    "private-key": N_("private key"),
    "64 hex digits are expected, of a key that the curve has": N_(
        "64 hex digits are expected, of a key that the curve has"
    ),
    # TerminalNeeded.what
    "shares": N_("shares"),
    # SharesUnfit.reason
    "there are 1 to 16 groups, and as many of them needed at most": N_(
        "there are 1 to 16 groups, and as many of them needed at most"
    ),
    "a group has 1 to 16 shares, and as many of them needed at most": N_(
        "a group has 1 to 16 shares, and as many of them needed at most"
    ),
    "a share that is enough alone stands alone in its group": N_(
        "a share that is enough alone stands alone in its group"
    ),
    "they are not all of one set": N_("they are not all of one set"),
    "put together they do not fit": N_("put together they do not fit"),
    "opening them would take longer than is given": N_("opening them would take longer than is given"),
    "what they hold is no recovery phrase": N_("what they hold is no recovery phrase"),
    # BackupDamaged.reason
    "it was changed, or cut off": N_("it was changed, or cut off"),
    "it is no backup": N_("it is no backup"),
    "its version is not known to this program": N_("its version is not known to this program"),
    "its head is malformed": N_("its head is malformed"),
    "it was written by a later version of this program": N_("it was written by a later version of this program"),
    "an account in it is not its keys'": N_("an account in it is not its keys'"),
    "it is too large": N_("it is too large"),
    # VaultFull.what
    "accounts": N_("accounts"),
    "phrases": N_("phrases"),
    "keys": N_("keys"),
    "contacts": N_("contacts"),
    # InputMalformed.reason
    "up to 32 letters and digits, with single space - _ . between them": N_(
        "up to 32 letters and digits, with single space - _ . between them"
    ),
    "it reads like a number or an address": N_("it reads like a number or an address"),
    "its letters are of more than one alphabet": N_("its letters are of more than one alphabet"),
    "m/44'/60'/0'/0/0 is an example": N_("m/44'/60'/0'/0/0 is an example"),
    "the ledger's keys are there, which are no accounts": N_("the ledger's keys are there, which are no accounts"),
    "`tandem accounts` shows their numbers": N_("`tandem accounts` shows their numbers"),
    "it has no words, so no passphrase": N_("it has no words, so no passphrase"),
    "money at the server leaves your account there, and no other": N_(
        "money at the server leaves your account there, and no other"
    ),
    "the node knows none of that hash": N_("the node knows none of that hash"),
    "a block has it already": N_("a block has it already"),
    "it is not of an account of yours": N_("it is not of an account of yours"),
    "a hash is 0x and 64 hex digits": N_("a hash is 0x and 64 hex digits"),
    "an address, or a name for one, is expected": N_("an address, or a name for one, is expected"),
    "delegation": N_("delegation"),
    "the account is so already": N_("the account is so already"),
    "the zero address clears: `tandem delegation clear`": N_("the zero address clears: `tandem delegation clear`"),
    # Values of a review of a delegation (EIP-7702)
    "nobody": N_("nobody"),
    "no code": N_("no code"),
    "a delegated account, whose code does not run": N_("a delegated account, whose code does not run"),
    # Values of a review that a second node was asked about
    "it agrees": N_("it agrees"),
    "it disagrees": N_("it disagrees"),
    "it does not answer: nothing was cross-checked": N_("it does not answer: nothing was cross-checked"),
    "nothing": N_("nothing"),
    "it would fail": N_("it would fail"),
    "it is the first node already": N_("it is the first node already"),
    "file": N_("file"),
    "block": N_("block"),
    "the node shows too few blocks at a time: name a later one": N_(
        "the node shows too few blocks at a time: name a later one"
    ),
    "it is no file of that kind": N_("it is no file of that kind"),
    "its transaction is malformed": N_("its transaction is malformed"),
    "what it says is not what its bytes are": N_("what it says is not what its bytes are"),
    "it would sign in to your server: `tandem login` does that": N_(
        "it would sign in to your server: `tandem login` does that"
    ),
    "65 bytes in hex, as wallets make them": N_("65 bytes in hex, as wallets make them"),
    "0x and hex digits are expected": N_("0x and hex digits are expected"),
    "at most 64 KiB": N_("at most 64 KiB"),
    "2of3 is an example": N_("2of3 is an example"),
    "0 is the first": N_("0 is the first"),
    # KeystoreMalformed.reason
    "version 3 is expected": N_("version 3 is expected"),
    "they ask for more memory or work than is given": N_("they ask for more memory or work than is given"),
    "what it holds is no key": N_("what it holds is no key"),
    "it is not the address of the key inside": N_("it is not the address of the key inside"),
}
