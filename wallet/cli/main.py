"""`tandem`: the person's program. This module names the commands; each is loaded when it is called, none for --help."""

from __future__ import annotations

import importlib
import sys
from typing import NamedTuple

from wallet.texts import N_, _


class Entry(NamedTuple):
    """Where a command lives (`module` below wallet.cli) and what it does."""

    module: str
    summary: str


GROUPS: dict[str, dict[str, Entry]] = {
    N_("Wallet"): {
        "init": Entry("vault", N_("make a wallet: a new recovery phrase and a vault that keeps it")),
        "restore": Entry("restore", N_("make the vault again from a recovery phrase")),
        "unlock": Entry("lock", N_("keep the keys ready for 15 minutes, so that commands ask no password")),
        "lock": Entry("lock", N_("forget the unlocked keys")),
        "password": Entry("password", N_("change the vault's password")),
        "accounts": Entry("accounts", N_("your accounts on the chain: add, import, find, name, watch")),
    },
    N_("Account at the server"): {
        "register": Entry("register", N_("open an account with your wallet's own signature")),
        "login": Entry("register", N_("sign in with your wallet's signature")),
    },
    N_("Money"): {
        "balance": Entry("ask", N_("everything you hold, in one view")),
        "activity": Entry("ask", N_("everything that happened, in one history")),
        "prices": Entry("prices", N_("what things are worth, and were")),
        "export": Entry("export", N_("your history for a spreadsheet or beancount")),
        "statement": Entry("statement", N_("an account over a period, also as CSV, PDF and camt.053")),
        "receive": Entry("receive", N_("where others send to, with a QR code")),
        "send": Entry("send", N_("send fiat or tokens to @handle or an address")),
        "contacts": Entry("contacts", N_("names of those whom you pay; add, remove, recent")),
        "topup": Entry("cash", N_("bring money in")),
        "withdraw": Entry("cash", N_("take money out to a bank account")),
        "convert": Entry("convert", N_("exchange at a quote that is firm for a minute")),
    },
    N_("Agreements"): {
        "hold": Entry("agreed", N_("reserve money that somebody may take in parts")),
        "holds": Entry("agreed", N_("what is reserved, by you and for you")),
        "capture": Entry("agreed", N_("take of a hold that is for you")),
        "release": Entry("agreed", N_("give up a hold that is for you")),
        "mandate": Entry("agreed", N_("let somebody collect in each period")),
        "mandates": Entry("agreed", N_("what may be collected; `revoke` one")),
        "collect": Entry("agreed", N_("collect under a mandate that is for you")),
    },
    N_("Control"): {
        "limits": Entry("controls", N_("how much may leave your account; `set` one")),
        "keys": Entry("controls", N_("which keys may spend; `add`, `revoke`, `cancel`")),
        "freeze": Entry("controls", N_("stop everything that leaves your account")),
        "unfreeze": Entry("controls", N_("let money leave it again")),
        "notices": Entry("notices", N_("what the operator did with your account, or is about to")),
    },
    N_("Signatures"): {
        "sign-message": Entry("messages", N_("sign a text with an account's key")),
        "verify-message": Entry("messages", N_("was this text signed with this address's key?")),
    },
    N_("Chains"): {
        "sign": Entry("offline", N_("sign a file of `send --offline`, without a network")),
        "broadcast": Entry("offline", N_("send what was signed elsewhere")),
        "pending": Entry("pending", N_("what waits for a block, and numbers that are missing")),
        "fill": Entry("pending", N_("use up a number that is missing")),
        "speedup": Entry("own_transactions", N_("send a transaction that waits at a higher fee")),
        "cancel": Entry("own_transactions", N_("put nothing in its place")),
        "sweep": Entry("own_transactions", N_("send everything of one asset")),
        "allowances": Entry("own_transactions", N_("who may take tokens of yours")),
        "revoke": Entry("own_transactions", N_("let somebody take no more")),
        "delegation": Entry("delegation", N_("whether other code runs as your account; `set` it, `clear` it")),
        "networks": Entry("networks", N_("chains and their nodes; `add` one, `use` another")),
    },
    N_("dApps and programs"): {
        "up": Entry("up", N_("the local client: pages, dApp endpoint and control API, until Ctrl-C")),
        "ui": Entry("ui", N_("a new link that opens the pages of the running client")),
        "approvals": Entry("approvals", N_("what waits for you")),
        "approve": Entry("approvals", N_("say yes to it")),
        "decline": Entry("approvals", N_("say no to it")),
        "pair": Entry("grants", N_("name a local program's endpoint, or pair the browser extension")),
        "grants": Entry("grants", N_("what sites and programs may do; `revoke` it")),
        "policy": Entry("policy", N_("rules on what is signed without asking; `add`, `test`, `log`")),
    },
    N_("Safety"): {
        "backup": Entry("backup", N_("write what the phrase does not hold to an encrypted file")),
        "shares": Entry("shares", N_("write the phrase as shares, so many of which bring it back")),
        "drill": Entry("drill", N_("try whether a written backup opens this wallet")),
        "digest": Entry("digest", N_("digests of what would be signed, to compare on another machine")),
        "audit": Entry("audit", N_("check a journal export, or your own receipts and heads")),
    },
}
COMMANDS: dict[str, Entry] = {name: entry for group in GROUPS.values() for name, entry in group.items()}
DISTRIBUTION = "tandem-wallet"
SETTINGS = (
    "TANDEM_HOME, TANDEM_SERVER, TANDEM_RPC, TANDEM_PASSWORD_FILE, TANDEM_LANG, TANDEM_DAPP_LISTEN, "
    "TANDEM_CONTROL_LISTEN, TANDEM_UI_LISTEN"
)


def main() -> int:
    """Entry point. Exit status: 0 done, 1 refused, 2 usage, 3 declined by the person, 4 network."""
    arguments = sys.argv[1:]
    if sys.flags.optimize:
        return _complain(_("python -O removes the program's own checks: run it without."))
    if not arguments or arguments[0] in ("--help", "-h"):
        sys.stdout.write(overview())
        return 0
    name = arguments[0]
    if name == "--version":
        sys.stdout.write(f"tandem {importlib.import_module('importlib.metadata').version(DISTRIBUTION)}\n")
        return 0
    if name not in COMMANDS:
        return _complain(_("There is no command “{name}”. `tandem --help` lists them.").format(name=_inert(name)))
    try:
        called = getattr(importlib.import_module(f"wallet.cli.{COMMANDS[name].module}"), name.replace("-", "_"))
    except ModuleNotFoundError as missing:  # nothing stands in for a library that is not there, least of all at signing
        said = _("A library that Tandem needs is not there ({name}): install Tandem again. Nothing was done.")
        return _complain(said.format(name=_inert(missing.name or "?")), 1)
    outcome = importlib.import_module("wallet.cli.running").call(called, name, arguments[1:])
    if isinstance(outcome, int):
        return outcome
    # The words for failures are many, and most commands do not fail: they are loaded when one does.
    status: int = importlib.import_module("wallet.cli.failure").report(outcome, "--json" in arguments)
    return status


def overview() -> str:
    """What `tandem --help` prints."""
    lines = [
        _("Usage: tandem COMMAND [OPTIONS] [ARGUMENTS]"),
        "",
        _("One key, two kinds of money: tokens on a chain and fiat at a ledger. Test networks only."),
    ]
    for title, entries in GROUPS.items():
        lines += ["", _(title) + ":"]
        lines += [f"  {name:<14} {_(entry.summary)}" for name, entry in entries.items()]
    lines += [
        "",
        _("Every command takes --help and --json."),
        _("Settings (environment): {names}").format(names=SETTINGS),
        _("Exit status: 0 done, 1 refused, 2 usage, 3 declined by you, 4 network"),
    ]
    return "\n".join(lines) + "\n"


def _inert(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text[:40])


def _complain(sentence: str, status: int = 2) -> int:
    sys.stderr.write(sentence + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
