"""Words that errors carry as fields (what, which, why) and that are shown inside a sentence, for translation."""

from __future__ import annotations

from wallet.cli.key_words import KEY_WORDS
from wallet.cli.page_words import PAGE_WORDS
from wallet.cli.policy_words import POLICY_WORDS
from wallet.texts import N_

WORDS: dict[str, str] = {
    # InputMalformed.field
    "payee": N_("payee"),
    "handle": N_("handle"),
    "destination": N_("destination"),
    "network": N_("network"),
    "network-id": N_("chain id"),
    "network-name": N_("network name"),
    "network-url": N_("node URL"),
    "order": N_("order"),
    "hold": N_("hold"),
    "mandate": N_("mandate"),
    "hold-yours": N_("hold for you to use"),
    "mandate-yours": N_("mandate for you to use"),
    "change": N_("change that waits"),
    "limit": N_("limit"),
    "until": N_("end"),
    "conversion": N_("conversion"),
    "other currency": N_("other currency"),
    "currency": N_("currency"),
    "memo": N_("memo"),
    "number": N_("number"),
    "a block has it already": N_("a block has it already"),
    "it is not missing: `tandem pending` says which are": N_("it is not missing: `tandem pending` says which are"),
    "max-fee": N_("highest gas price"),
    "money at the server needs no gas": N_("money at the server needs no gas"),
    "file": N_("file"),
    "it is hex, but no transaction: say what it is with --as": N_(
        "it is hex, but no transaction: say what it is with --as"
    ),
    "it is no text: write it as hex": N_("it is no text: write it as hex"),
    "0x and pairs of hex digits are expected": N_("0x and pairs of hex digits are expected"),
    "period": N_("period"),
    # InputMalformed.reason and SettingRefused.reason
    "@handle or an address is expected": N_("@handle or an address is expected"),
    "a fingerprint has 16 hex digits": N_("a fingerprint has 16 hex digits"),
    "ethereum:0x…@CHAIN is expected (EIP-681)": N_("ethereum:0x…@CHAIN is expected (EIP-681)"),
    "there is no such chain": N_("there is no such chain"),
    "it calls a contract, which is for dApps": N_("it calls a contract, which is for dApps"),
    "it does not say who is paid": N_("it does not say who is paid"),
    "it is for another chain than the one in use": N_("it is for another chain than the one in use"),
    "it asks for another asset": N_("it asks for another asset"),
    "it asks for another amount": N_("it asks for another amount"),
    "it asks for another memo": N_("it asks for another memo"),
    "of which asset? `tandem receive ASSET --amount AMOUNT`": N_(
        "of which asset? `tandem receive ASSET --amount AMOUNT`"
    ),
    "it leaves the amount to you: AMOUNT ASSET LINK": N_("it leaves the amount to you: AMOUNT ASSET LINK"),
    "it asks for a token that is not in your list": N_("it asks for a token that is not in your list"),
    "https://SERVER/pay/@handle#holder=0x… is expected": N_("https://SERVER/pay/@handle#holder=0x… is expected"),
    "an amount above zero in plain decimals, and its currency, are expected": N_(
        "an amount above zero in plain decimals, and its currency, are expected"
    ),
    "its memo is no single line that can be shown": N_("its memo is no single line that can be shown"),
    "a parameter is empty, or stands there twice": N_("a parameter is empty, or stands there twice"),
    "a parameter is unknown, or stands there twice": N_("a parameter is unknown, or stands there twice"),
    "a whole number of the smallest unit is expected, below 2^256": N_(
        "a whole number of the smallest unit is expected, below 2^256"
    ),
    "an address is expected; names are not looked up": N_("an address is expected; names are not looked up"),
    "3 to 32 letters, digits and underscores are expected": N_("3 to 32 letters, digits and underscores are expected"),
    "iban:..., card:... or account:... is expected": N_("iban:..., card:... or account:... is expected"),
    "a character is mistyped or missing": N_("a character is mistyped or missing"),
    "that is your own account": N_("that is your own account"),
    "that is the same currency": N_("that is the same currency"),
    "that is a token, and this is about money at the server": N_(
        "that is a token, and this is about money at the server"
    ),
    "7d, 12h, 30m or a date such as 2026-12-31 is expected": N_(
        "7d, 12h, 30m or a date such as 2026-12-31 is expected"
    ),
    "that is over already": N_("that is over already"),
    "day, week, month or a number of seconds from 60 is expected": N_(
        "day, week, month or a number of seconds from 60 is expected"
    ),
    "its number has hex digits, at least six of them": N_("its number has hex digits, at least six of them"),
    "more than one begins so": N_("more than one begins so"),
    "there is none of that number": N_("there is none of that number"),
    "it is there, but only its other side may do that": N_("it is there, but only its other side may do that"),
    "a limit is 0 or more, or none": N_("a limit is 0 or more, or none"),
    "no such order was sent from here": N_("no such order was sent from here"),
    "its file is damaged": N_("its file is damaged"),
    "a chain id is a number": N_("a chain id is a number"),
    "up to 40 letters and digits": N_("up to 40 letters and digits"),
    "`tandem networks` lists those that are known": N_("`tandem networks` lists those that are known"),
    "plain http is for this machine only; use https": N_("plain http is for this machine only; use https"),
    "the file cannot be read": N_("the file cannot be read"),
    "no URL": N_("no URL"),
    "days or times in UTC, in order": N_("days or times in UTC, in order"),
    "http://HOST:PORT or https://HOST is expected": N_("http://HOST:PORT or https://HOST is expected"),
    "user names, queries and fragments have no place in it": N_(
        "user names, queries and fragments have no place in it"
    ),
    "program": N_("program name"),
    "grant": N_("grant"),
    "127.0.0.1:PORT is expected": N_("127.0.0.1:PORT is expected"),
    "up to 32 small letters, digits, dots, dashes and underscores": N_(
        "up to 32 small letters, digits, dots, dashes and underscores"
    ),
    "`tandem grants` lists those that there are": N_("`tandem grants` lists those that there are"),
    # ApprovalRefused.reason
    "answered-already": N_("it was answered already"),
    "no-accounts-to-choose": N_("it asks for no accounts"),
    "no-account-chosen": N_("no account is chosen: choose one, or decline"),
    "word-missing": N_("the word was not typed"),
    "no-rule-to-make": N_("no rule can be made of it: it can be agreed to this once, without “always”"),
    "rule-unseen": N_("the rule is another than the one that was shown"),
    "token-approves-not": N_("the client was started without --token-approves"),
    # Values of a review: periods, kinds of movements, when a change takes effect
    "day": N_("day"),
    "week": N_("week"),
    "month": N_("month"),
    "transfer": N_("transfer"),
    "withdrawal": N_("withdrawal"),
    "all": N_("everything together"),
    "no limit": N_("no limit"),
    "at once": N_("at once"),
    "in 48 hours": N_("in 48 hours"),
    "recoverable": N_("recoverable: two officers may move everything to a new account of yours, after 14 days' notice"),
    "never": N_("never: without the phrase nobody brings this account back"),
    "unlimited": N_("unlimited"),
    "has no end": N_("has no end"),
    "everything of this contract": N_("everything of this contract"),
    "not simulated: the node cannot": N_("not simulated: the node cannot"),
    "not simulated: no node was asked": N_("not simulated: no node was asked"),
    "not simulated: it calls nothing and moves nothing": N_("not simulated: it calls nothing and moves nothing"),
    "it gives no reason": N_("it gives no reason"),
    "success": N_("success"),
    "the batch stopped before it": N_("the batch stopped before it"),
    "creation": N_("it makes a new contract"),
    "selector-unknown": N_("the function is not known"),
    "malformed": N_("its bytes are not as the function wants them"),
    "foreign-code": N_("another contract's code decides what it does"),
    "too-deep": N_("calls in calls, too deep"),
    "too-much": N_("too much to unfold"),
    # TerminalNeeded.what, YesRefused.reason
    "password": N_("password"),
    "confirmation": N_("confirmation"),
    "phrase": N_("phrase"),
    "words": N_("words"),
    "word": N_("word"),
    "reading": N_("reading"),
    "warnings": N_("warnings"),
    # ServerUnreachable.reason, NodeUnreachable.reason
    "connection": N_("no connection"),
    "timeout": N_("no answer in time"),
    "broken-off": N_("the connection broke off"),
    # ProofMissing.what, BytesNotUnderstood.kind, TokenChanged.field
    "ledger": N_("ledger"),
    "head": N_("head"),
    "receipt": N_("receipt"),
    "card": N_("card"),
    "address": N_("address"),
    "sign-in": N_("sign-in"),
    "transaction": N_("transaction"),
    "message": N_("message"),
    "typed-data": N_("typed data"),
    # BytesNotUnderstood.reason
    "ledger-domain": N_("it has the form of an order to your ledger"),
    "length": N_("too long"),
    "decimals": N_("decimals"),
    # HeadRefused.reason
    "it is older than one that was shown before": N_("it is older than one that was shown before"),
    "records that were shown before are missing or changed": N_(
        "records that were shown before are missing or changed"
    ),
    # ProofMissing.what and .reason
    "quote": N_("quote"),
    "it is for another order": N_("it is for another order"),
    "it does something else than was signed": N_("it does something else than was signed"),
    "it is for something else than was asked": N_("it is for something else than was asked"),
    "it is not signed by the operator, or does not add up": N_("it is not signed by the operator, or does not add up"),
    "its balances are not those that are shown": N_("its balances are not those that are shown"),
    # ControlRefused.reason
    "key_known": N_("this key may sign already, or soon"),
    "key_unknown": N_("this key is none of the account's"),
    "key_is_root": N_("the root key stays"),
    "keys_too_many": N_("the account has as many keys as it can have"),
    "not_frozen": N_("the account is not frozen"),
    "raise_pending": N_("a raise of this limit waits already; cancel it first"),
    "limits_too_many": N_("the account has as many limits as it can have"),
    "mandate_unknown": N_("there is no such mandate"),
    "mandate_revoked": N_("the mandate is revoked already"),
    "nothing_pending": N_("nothing of that number waits"),
    "contract_settled": N_("the contract has authorised its key already"),
    "contract_none": N_("the account's root is no contract"),
    "contract_used": N_("the account has given orders already"),
    # StateUnusable.reason
    "others may write to it": N_("others may write to it"),
    # ReceiverRefused.fault
    "zero-address": N_("the zero address"),
    "token-contract": N_("the token's own contract"),
    # UseRefused.reason
    "exceeds_pending_transfer_amount": N_("more than is reserved"),
    "pending_transfer_already_posted": N_("it was taken to its end"),
    "pending_transfer_already_voided": N_("it was let go"),
    "pending_transfer_expired": N_("its time is over"),
    "exceeds_credits": N_("the payer has not enough money"),
    "exceeds_mandate_period": N_("more than this period allows"),
    "mandate_ended": N_("the mandate is over"),
    "too_many_legs": N_("it was used too often"),
    # QuoteUnavailable.reason, and why there is no price
    "stale": N_("its price is old"),
    "missing": N_("there is no price"),
    "no-feed": N_("no feed"),
    "no-answer": N_("the feed does not answer"),
    "not-positive": N_("the feed says nothing sensible"),
    "incomplete": N_("the feed's round is not complete"),
    "from-the-future": N_("the feed's time is in the future"),
    "decimals-changed": N_("the feed's decimals have changed"),
    "out-of-bounds": N_("the feed is out of its bounds"),
    "jump": N_("the feed has jumped"),
    "disagrees": N_("the feed and the ECB's rate disagree"),
    **KEY_WORDS,
    **POLICY_WORDS,
    **PAGE_WORDS,
}
