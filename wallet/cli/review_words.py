"""The words for what a review says: titles, labels, sources, cautions and refusals."""

from __future__ import annotations

from wallet.review import Caution, Label, Refusal, Source, Title
from wallet.texts import N_

TITLES = {
    Title.PAY: N_("You are about to sign: pay from your account"),
    Title.WITHDRAW: N_("You are about to sign: pay out"),
    Title.SEND: N_("You are about to sign: send on the chain"),
    Title.CALL: N_("You are about to sign a call that is not understood"),
    Title.SIGN_IN: N_("You are about to sign in"),
    Title.REGISTER: N_("You are about to open an account"),
    Title.CONVERT: N_("You are about to sign: convert"),
    Title.HOLD: N_("You are about to sign: reserve money that somebody may take"),
    Title.MANDATE: N_("You are about to sign: let somebody collect, again and again"),
    Title.KEY_ADD: N_("You are about to sign: another key may spend from your account"),
    Title.KEY_REVOKE: N_("You are about to sign: a key may no longer spend"),
    Title.FREEZE: N_("You are about to sign: nothing leaves your account until you unfreeze it"),
    Title.UNFREEZE: N_("You are about to sign: money may leave your account again"),
    Title.LIMIT: N_("You are about to sign: a limit"),
    Title.MANDATE_REVOKE: N_("You are about to sign: nothing more is collected under a mandate"),
    Title.CANCEL: N_("You are about to sign: cancel a change that waits"),
    Title.MESSAGE: N_("You are about to sign a message"),
    Title.TYPED_DATA: N_("You are about to sign typed data"),
}
LABELS = {
    Label.AMOUNT: N_("Amount"),
    Label.PAYEE: N_("To"),
    Label.FINGERPRINT: N_("Fingerprint"),
    Label.ADDRESS: N_("Address"),
    Label.DESTINATION: N_("Destination"),
    Label.MEMO: N_("Memo"),
    Label.FEE: N_("Fee"),
    Label.FEE_MAX: N_("Fee, at most"),
    Label.NET: N_("Arrives"),
    Label.TOTAL: N_("Leaves you, at most"),
    Label.VALID_UNTIL: N_("Valid until"),
    Label.LEDGER: N_("Ledger"),
    Label.NETWORK: N_("Network"),
    Label.FROM: N_("From"),
    Label.CONTRACT: N_("Contract"),
    Label.DATA: N_("Data"),
    Label.NONCE: N_("Number"),
    Label.SITE: N_("Site"),
    Label.STATEMENT: N_("Says"),
    Label.KEY: N_("Key"),
    Label.HANDLE: N_("Handle"),
    Label.NODE: N_("Node"),
    Label.RECEIVE: N_("You receive, at least"),
    Label.RATE: N_("Rate, at worst"),
    Label.MARKET: N_("Market rate"),
    Label.SPREAD: N_("Spread"),
    Label.QUOTE: N_("Quote"),
    Label.PER_PERIOD: N_("Each period, at most"),
    Label.PERIOD: N_("Period"),
    Label.COUNT: N_("Periods"),
    Label.UNTIL: N_("Until"),
    Label.LIMIT: N_("Limit"),
    Label.BEFORE: N_("Until now"),
    Label.EFFECT: N_("Takes effect"),
    Label.ABOUT: N_("About"),
    Label.RECOVERY: N_("Recovery"),
    Label.ASKED_BY: N_("Asked by"),
    Label.TEXT: N_("Text"),
    Label.TYPE: N_("Type"),
    Label.DOMAIN: N_("Domain"),
    Label.MEMBER: N_("Member"),
    Label.DOMAIN_HASH: "Domain Hash",  # ERC-8213 wants its own words, in every language
    Label.MESSAGE_HASH: "Message Hash",
    Label.DIGEST: N_("Digest"),
    Label.EIP712_DIGEST: "EIP-712 Digest",
    Label.CALLDATA_DIGEST: "Calldata Digest",
    Label.URI: "URI",
    Label.RESOURCE: N_("Resource"),
    Label.ISSUED_AT: N_("Issued at"),
    Label.VALID_FROM: N_("Valid from"),
    Label.REQUEST: N_("Request"),
}
SOURCES = {
    Source.BYTES: N_("from the bytes"),
    Source.LIST: N_("from your list"),
    Source.CLAIMED: N_("claimed by {host}"),
}
SOURCE_STYLES = {Source.BYTES: "green", Source.LIST: "cyan", Source.CLAIMED: "yellow"}
EMPHASIS = {
    Label.AMOUNT: "bold",
    Label.TOTAL: "bold red",
    Label.NET: "bold green",
    Label.RECEIVE: "bold green",
    Label.KEY: "bold",
    Label.LIMIT: "bold",
}
WORDED_LABELS = {Label.PERIOD, Label.EFFECT, Label.ABOUT, Label.LIMIT, Label.BEFORE, Label.RECOVERY}
"""Facts whose values are words of ours, or amounts; other people's text is never looked up."""
CAUTIONS = {
    Caution.FIRST_TIME: N_("You never paid this person from here: compare the fingerprint with them by another way."),
    Caution.LOOKS_ALIKE: N_("The address resembles one that you know, and is another: compare every digit."),
    Caution.OWN_ADDRESS: N_("This is an address of your own."),
    Caution.TOKEN_UNLISTED: N_("The token is not in your list: its name and decimals are not known."),
    Caution.CALL_UNKNOWN: N_("What this call does cannot be told from its bytes."),
    Caution.FEE_HIGH: N_("The fee may be more than a tenth of the amount."),
    Caution.UNANSWERED: N_("An earlier order has no answer yet: this one would be paid beside it."),
    Caution.RATE_POOR: N_("You would receive over 3 % less than the market rate that the server itself names."),
    Caution.SIGN_IN_ELSEWHERE: N_("This signs you in at another site than the one that asks: it may act there as you."),
    Caution.SIGN_IN_ACCOUNT: N_("The text names another account than the one that would sign."),
    Caution.SIGN_IN_BROKEN: N_("The text looks like a sign-in, but is none by its grammar."),
    Caution.TRANSACTION_SHAPED: N_(
        "The message has the form of a transaction or of a hash: what it stands for is not seen."
    ),
    Caution.NOT_TEXT: N_("The message is no text: it is shown as its bytes."),
    Caution.HIDDEN_CHARACTERS: N_(
        "The text holds characters that show nothing or turn its direction; they are spelt out."
    ),
    Caution.TOO_LONG: N_("It is longer than can be shown: you would sign what you do not see."),
    Caution.ADDRESS_ODD: N_("An address has letters in a case that no careful program writes."),
}
REFUSALS = {
    Refusal.LEDGER_DOMAIN: N_(
        "It has the form of an order to your ledger; those are never signed for a site or program."
    ),
    Refusal.SERVER_SIGN_IN: N_("It would sign in at your own server; that is never done for a site or program."),
}
