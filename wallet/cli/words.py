"""Words that errors carry as fields (what, which, why) and that are shown inside a sentence, for translation."""

from __future__ import annotations

from wallet.texts import N_

WORDS = frozenset(
    (
        # InputMalformed.field
        N_("payee"),
        N_("handle"),
        N_("destination"),
        N_("network"),
        N_("network-id"),
        N_("network-name"),
        N_("network-url"),
        N_("order"),
        N_("memo"),
        # InputMalformed.reason and SettingRefused.reason
        N_("@handle or an address is expected"),
        N_("a fingerprint has 16 hex digits"),
        N_("3 to 32 letters, digits and underscores are expected"),
        N_("iban:..., card:... or account:... is expected"),
        N_("a character is mistyped or missing"),
        N_("that is your own account"),
        N_("no such order was sent from here"),
        N_("its file is damaged"),
        N_("a chain id is a number"),
        N_("up to 40 letters and digits"),
        N_("`tandem networks` lists those that are known"),
        N_("plain http is for this machine only; use https"),
        N_("the file cannot be read"),
        N_("no URL"),
        N_("http://HOST:PORT or https://HOST is expected"),
        N_("user names, queries and fragments have no place in it"),
        # TerminalNeeded.what, YesRefused.reason
        N_("password"),
        N_("confirmation"),
        N_("phrase"),
        N_("words"),
        N_("word"),
        N_("reading"),
        N_("warnings"),
        # ServerUnreachable.reason, NodeUnreachable.reason
        N_("connection"),
        N_("timeout"),
        N_("broken-off"),
        # ProofMissing.what, BytesNotUnderstood.kind, TokenChanged.field
        N_("ledger"),
        N_("head"),
        N_("receipt"),
        N_("card"),
        N_("address"),
        N_("sign-in"),
        N_("transaction"),
        N_("decimals"),
        # HeadRefused.reason
        N_("it is older than one that was shown before"),
        N_("records that were shown before are missing or changed"),
        # ReceiverRefused.fault
        N_("zero-address"),
        N_("token-contract"),
    )
)
