"""The server's refusals in our words, by the slug of its problem; its own sentence is shown as its claim."""

from __future__ import annotations

from wallet.texts import N_

_REFUSED, _USAGE, _NETWORK = 1, 2, 4
Row = tuple[str, int]

UNKNOWN: Row = (N_("{server} refused ({slug}); it says: “{title}”."), _REFUSED)

SLUGS: dict[str, Row] = {
    "malformed_json": (N_("{server} did not understand what this client sent ({reason})."), _REFUSED),
    "body_too_large": (N_("That is more than {server} takes at once."), _REFUSED),
    "unsupported_media_type": (N_("{server} did not understand what this client sent ({slug})."), _REFUSED),
    "invalid_input": (N_("{server} did not accept what was sent; it says: “{title}”."), _REFUSED),
    "session_required": (N_("You are not signed in at {server}: `tandem login`."), _REFUSED),
    "session_expired": (N_("Your session at {server} has ended: `tandem login`."), _REFUSED),
    "challenge_unknown": (N_("The sign-in took too long or was used before: `tandem login` again."), _REFUSED),
    "signature_invalid": (
        N_("{server} does not accept the signature of this key ({what}); nothing was changed."),
        _REFUSED,
    ),
    "not_found": (N_("{server} knows no such {what}."), _REFUSED),
    "handle_taken": (N_("The handle @{handle} is taken: choose another."), _REFUSED),
    "handle_looks_alike": (N_("The handle looks like @{handle}, which is taken: choose another."), _REFUSED),
    "handle_invalid": (N_("That is no handle ({reason}): 3 to 32 letters, digits and underscores."), _USAGE),
    "holder_already_registered": (N_("This wallet has an account at {server} already: @{handle}."), _REFUSED),
    "nonce_conflict": (
        N_("An order with this number was sent before with other content; nothing was changed."),
        _REFUSED,
    ),
    "id_conflict": (N_("A top-up with this number was sent before with other content; nothing was changed."), _REFUSED),
    "texts_mismatch": (N_("The order's {field} does not fit its signature; nothing was changed."), _REFUSED),
    "currency_unknown": (N_("{server} keeps no {currency}."), _USAGE),
    "exponent_mismatch": (N_("{server} counts {currency} with {expected} decimals; nothing was changed."), _REFUSED),
    "amount_out_of_range": (N_("The amount is out of range: from {minimum} to {maximum} minor units."), _REFUSED),
    "order_total_too_small": (
        N_("The fee rose above what the order allows; look again and repeat. Nothing was changed."),
        _REFUSED,
    ),
    "fee_exceeds_amount": (N_("The fee of {fee_minor} minor units would take the whole amount."), _REFUSED),
    "statement_too_long": (N_("More than {lines_max} lines are in this period: choose a shorter one."), _USAGE),
    "quote_unavailable": (
        N_("{server} has no current price for {from} to {to} ({reason}); nothing was changed. Try again later."),
        _NETWORK,
    ),
    "quote_unknown": (N_("{server} does not know the quote that the order accepts; nothing was changed."), _REFUSED),
    "quote_expired": (N_("The quote is over: convert again for a new one. Nothing was changed."), _REFUSED),
    "quote_used": (N_("The quote was used before: convert again for a new one. Nothing was changed."), _REFUSED),
    "receive_too_little": (
        N_("The conversion would give {receive_minor} minor units, less than you signed; nothing was changed."),
        _REFUSED,
    ),
    "liquidity_missing": (
        N_("{server} cannot give that much {currency} now; nothing was changed. Try again later."),
        _NETWORK,
    ),
    "inventory_missing": (
        N_("{server} has not as much of this token now; nothing was held or changed. Try a smaller amount."),
        _REFUSED,
    ),
    "receiver_unproven": (
        N_("{server} sends tokens only to an address that you proved there: {address} is none."),
        _REFUSED,
    ),
    "deposits_closed": (N_("{server} takes no tokens now; nothing was sent. Try again later."), _NETWORK),
    "deposit_refused": (N_("{server} does not take that; nothing was sent."), _REFUSED),
    "sender_unproved": (
        N_("{server} takes tokens only from an address that you proved there: {sender} is none. Nothing was sent."),
        _REFUSED,
    ),
    "asset_frozen": (
        N_("{server} exchanges no {asset} until its operator has looked at what vanished from the chain."),
        _NETWORK,
    ),
    "order_until_wrong": (
        N_("The order would be over at once, or last longer than a year; nothing was changed."),
        _REFUSED,
    ),
    "use_refused": (
        N_("That cannot be taken ({reason}): {rest} {currency} are left. Nothing was moved."),
        _REFUSED,
    ),
    "payee_unknown": (N_("{server} knows no such payee; nothing was sent."), _REFUSED),
    "payee_is_self": (N_("That is your own account; nothing was sent."), _USAGE),
    "destination_invalid": (N_("The destination is not right ({reason}); nothing was sent."), _USAGE),
    "order_malformed": (N_("{server} finds the order malformed; nothing was changed."), _REFUSED),
    "order_expired": (N_("The order's time was up before it arrived; nothing was changed. Try again."), _REFUSED),
    "order_not_yet_valid": (
        N_("By {server}'s clock the order is not valid yet: is your clock right? Nothing was changed."),
        _REFUSED,
    ),
    "order_window_too_long": (N_("The order is valid for longer than {server} allows; nothing was changed."), _REFUSED),
    "order_head_unknown": (
        N_("{server} does not know the history that this order rests on; nothing was changed."),
        _REFUSED,
    ),
    "order_epoch_wrong": (N_("The keys of your account changed (epoch {expected}); nothing was changed."), _REFUSED),
    "order_key_unknown": (
        N_("The order is signed by a key that is not yours at this ledger; nothing was changed."),
        _REFUSED,
    ),
    "holder_frozen": (N_("The account is frozen; nothing was changed. `tandem unfreeze` ends that."), _REFUSED),
    "limit_exceeded": (
        N_("The limit is {limit} {currency} a {period} ({kind}), and {used} {currency} are used; nothing was moved."),
        _REFUSED,
    ),
    "control_needs_root": (N_("Only the root key of the account may order this; nothing was changed."), _REFUSED),
    "reserves_exceeded": (
        N_("The ledger's reserves do not cover this now; nothing was changed. Try again later."),
        _REFUSED,
    ),
    "entry_refused": (N_("The operator's entry was refused: {rule}."), _REFUSED),
    "control_refused": (N_("That cannot be done: {reason}. Nothing was changed."), _REFUSED),
    "not_built_yet": (N_("{server} has not built this yet ({what})."), _REFUSED),
    "address_invalid": (N_("The address is not right ({reason})."), _USAGE),
    "proof_invalid": (N_("The proof that {account} is yours was not accepted; nothing was changed."), _REFUSED),
    "too_many_requests": (N_("Too many requests: try again in {retry_after_seconds} seconds."), _NETWORK),
    "busy": (N_("{server} is busy; nothing was changed. Try again."), _NETWORK),
    "chain_unavailable": (N_("{server} cannot reach chain {chain_id}; nothing was sent. Try again later."), _NETWORK),
    "transaction_refused": (N_("{server} refused the transaction ({reason}); nothing was sent."), _REFUSED),
    "outcome_unknown": (
        N_("{server} does not know yet what became of it; repeat the same command with --again."),
        _NETWORK,
    ),
    "internal": (
        N_("{server} failed inside; repeat the same command with --again to learn what became of it."),
        _NETWORK,
    ),
}

# The client refuses these itself, before it asks; another client's words for them are the server's own.
_CLAIMED: Row = (N_("{server} did not accept what was sent; it says: “{title}”."), _REFUSED)
SLUGS |= dict.fromkeys(
    (
        "address_checksum_wrong",
        "amount_malformed",
        "amount_not_positive",
        "amount_refused",
        "amount_too_large",
        "amount_too_precise",
        "bad_request",
        "body_too_slow",
        "calldata_malformed",
        "execution_reverted",
        "fee_too_high",
        "handle_refused",
        "holder_unknown",
        "gas_missing",
        "insufficient_native",
        "insufficient_token",
        "machine_refused",
        "method_not_allowed",
        "node_refused",
        "order_refused",
        "quote_refused",
        "order_signature_wrong",
        "receiver_refused",
        "sign_in_refused",
        "token_without_code",
        "transaction_malformed",
        "transaction_unseen",
        "typed_data_malformed",
    ),
    _CLAIMED,
)
_BROKEN: Row = (N_("{server} failed ({slug}); nothing was changed. Try again later."), _NETWORK)
SLUGS |= dict.fromkeys(("answer_malformed", "answer_too_large", "clock_wrong", "wrong_chain"), _BROKEN)

MACHINE: dict[str, Row] = {
    "exceeds_credits": (N_("There is not enough money in your account; nothing was moved."), _REFUSED),
    "exceeds_debits": (N_("The receiving account cannot take that much; nothing was moved."), _REFUSED),
    "debit_account_not_found": (N_("You have no account in this currency; nothing was moved."), _REFUSED),
    "credit_account_not_found": (N_("The payee has no account in this currency; nothing was moved."), _REFUSED),
    "debit_account_already_closed": (N_("Your account is closed; nothing was moved."), _REFUSED),
    "credit_account_already_closed": (N_("The payee's account is closed; nothing was moved."), _REFUSED),
    "id_already_failed": (
        N_("This order was refused before, and a refused order stays refused; nothing was moved."),
        _REFUSED,
    ),
    "linked_event_failed": (N_("The ledger refused a part of the order; nothing was moved."), _REFUSED),
}
