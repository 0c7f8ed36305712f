"""Problems: the one table that turns every error into an RFC 9457 answer.

`type` is `/problems/<slug>`, stable for ever; `title` one sentence without the case's facts; the facts are extension
members (integers of the ledger as digit strings). An exception without a row is a 500 that says nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import api.errors as own
import chain.errors as on_chain
import fiat.errors as ledger

MEDIA_TYPE = "application/problem+json"
ERRORS_MAX = 20


@dataclass(frozen=True, slots=True)
class Row:
    """How one kind of error is answered."""

    status: int
    slug: str
    title: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One answer: its row and this case's facts."""

    row: Row
    facts: Mapping[str, object]

    def document(self) -> dict[str, object]:
        head = {"type": f"/problems/{self.row.slug}", "title": self.row.title, "status": self.row.status}
        return {**head, "slug": self.row.slug, **self.facts}

    def body(self) -> bytes:
        return json.dumps(self.document(), ensure_ascii=False, separators=(",", ":")).encode()


INTERNAL = Row(500, "internal", "Something broke on the server. Nothing is known to have changed; ask again.")
METHOD_NOT_ALLOWED = Row(405, "method_not_allowed", "This address does not take that method.")
BAD_REQUEST = Row(400, "bad_request", "The request cannot be read.")
BODY_TOO_SLOW = Row(408, "body_too_slow", "The request's body did not arrive in time.")
_UNAVAILABLE = "The chain's node does not answer. Tokens can still be sent through another node."

TABLE: dict[type[Exception], Row] = {
    own.ApiError: INTERNAL,
    own.MalformedJson: Row(400, "malformed_json", "The body is not JSON as this server accepts it."),
    own.BodyTooLarge: Row(413, "body_too_large", "The body is too large."),
    own.UnsupportedMediaType: Row(415, "unsupported_media_type", "The body must be application/json."),
    own.InvalidInput: Row(422, "invalid_input", "A field is missing, unknown or not as it must be."),
    own.NotFound: Row(404, "not_found", "There is nothing here, or it is not yours."),
    own.TooManyRequests: Row(429, "too_many_requests", "Too many requests from this address; wait a little."),
    own.NotBuiltYet: Row(422, "not_built_yet", "This is not built yet."),
    own.SignInRefused: Row(401, "sign_in_refused", "The sign-in was refused."),
    own.SessionRequired: Row(401, "session_required", "Sign in first."),
    own.SessionExpired: Row(401, "session_expired", "The session has ended; sign in again."),
    own.ChallengeUnknown: Row(401, "challenge_unknown", "This sign-in text was used, has expired or is not ours."),
    own.SignatureInvalid: Row(401, "signature_invalid", "The signature does not belong to that key and text."),
    own.HandleRefused: Row(422, "handle_refused", "The handle was refused."),
    own.HandleInvalid: Row(422, "handle_invalid", "The handle is not one that can be had."),
    own.HandleTaken: Row(409, "handle_taken", "Someone else has this handle."),
    own.HandleLooksAlike: Row(409, "handle_looks_alike", "The handle looks like one that someone else has."),
    own.HolderRegistered: Row(409, "holder_already_registered", "This key already has an account here."),
    own.ProofInvalid: Row(422, "proof_invalid", "A proof of possession does not hold."),
    own.IdConflict: Row(409, "id_conflict", "This id was used before with other content."),
    own.TextsWrong: Row(422, "texts_mismatch", "A text does not belong to the signed order."),
    own.DestinationInvalid: Row(422, "destination_invalid", "The destination is not one that money can be paid to."),
    own.ExponentWrong: Row(422, "exponent_mismatch", "The currency has another number of decimals."),
    own.AmountOutOfRange: Row(422, "amount_out_of_range", "The amount is outside what is possible."),
    own.PayeeIsSelf: Row(422, "payee_is_self", "Payer and payee are the same."),
    own.MachineRefused: Row(422, "machine_refused", "The ledger refused the order, and will again for this nonce."),
    own.ReceiverUnproven: Row(422, "receiver_unproven", "Tokens are sent to an address that you proved, on its chain."),
    own.QuoteRefused: Row(422, "quote_refused", "The quote was refused."),
    own.QuoteUnavailable: Row(503, "quote_unavailable", "There is no current price for this; ask again later."),
    own.QuoteUnknown: Row(422, "quote_unknown", "The order accepts a quote that is not yours, or for something else."),
    own.QuoteExpired: Row(422, "quote_expired", "The quote is over; ask for a new one."),
    own.DepositRefused: Row(422, "deposit_refused", "The deposit was refused; nothing was written."),
    own.DepositsClosed: Row(503, "deposits_closed", "No tokens are taken here now."),
    own.SenderUnproved: Row(422, "sender_unproved", "This is no address that you have proved to be yours."),
    own.AssetFrozen: Row(503, "asset_frozen", "This asset is not exchanged or sent until the operator has looked."),
    own.ChainUnavailable: Row(503, "chain_unavailable", _UNAVAILABLE),
    own.TransactionRefused: Row(422, "transaction_refused", "The transaction was refused; nothing was sent."),
    own.FundingRefused: INTERNAL,
    own.SettingWrong: INTERNAL,
    ledger.JournalUnsafe: INTERNAL,
    own.StageFailed: INTERNAL,
    own.OfficerKeyRefused: INTERNAL,
    own.OfficerDocumentMalformed: INTERNAL,
    ledger.FiatError: INTERNAL,
    ledger.CurrencyUnknown: Row(422, "currency_unknown", "This currency is not offered here."),
    ledger.CurrencyMismatch: INTERNAL,
    ledger.AmountRefused: Row(422, "amount_refused", "The amount was refused."),
    ledger.AmountMalformed: Row(422, "amount_malformed", "The amount is not plain decimal digits."),
    ledger.AmountNotPositive: Row(422, "amount_not_positive", "The amount is zero or below."),
    ledger.AmountTooPrecise: Row(422, "amount_too_precise", "The amount has more decimals than its currency."),
    ledger.AmountTooLarge: Row(422, "amount_too_large", "The amount is above the largest of one posting."),
    ledger.FeeScheduleWrong: INTERNAL,
    ledger.FeeExceedsAmount: Row(422, "fee_exceeds_amount", "The fee would take the whole amount."),
    ledger.StatementTooLong: Row(422, "statement_too_long", "This period has more lines than one statement takes."),
    ledger.BankFileMalformed: INTERNAL,
    ledger.RecordMalformed: INTERNAL,
    ledger.ProofRefused: INTERNAL,
    ledger.OrderRefused: Row(422, "order_refused", "The order was refused; its nonce stays free."),
    ledger.OrderMalformed: Row(422, "order_malformed", "A field of the order is not in its one spelling."),
    ledger.OrderExpired: Row(422, "order_expired", "The order's time is over; sign a new one."),
    ledger.OrderNotYetValid: Row(422, "order_not_yet_valid", "The order is not valid yet; is a clock wrong?"),
    ledger.OrderWindowTooLong: Row(422, "order_window_too_long", "The order would be valid for too long."),
    ledger.OrderSignatureWrong: Row(422, "order_signature_wrong", "The order's signature is malformed."),
    ledger.OrderKeyUnknown: Row(422, "order_key_unknown", "The order is not signed by a key of its holder here."),
    ledger.OrderEpochWrong: Row(422, "order_epoch_wrong", "The holder's keys have changed since; sign again."),
    ledger.OrderHeadUnknown: Row(422, "order_head_unknown", "The order was made on a history this ledger lacks."),
    ledger.OrderTextWrong: Row(422, "texts_mismatch", "A text does not give the hash that was signed."),
    ledger.OrderTotalTooSmall: Row(422, "order_total_too_small", "Amount and fees exceed the order's maximum."),
    ledger.OrderTypeUnbuilt: Row(422, "not_built_yet", "Orders of this type are not built yet."),
    ledger.PayeeUnknown: Row(422, "payee_unknown", "The payee has no account here."),
    ledger.HolderFrozen: Row(422, "holder_frozen", "The account is frozen."),
    ledger.LimitExceeded: Row(422, "limit_exceeded", "The order would pass a limit of a day or a month."),
    ledger.ControlNeedsRoot: Row(422, "control_needs_root", "Only the account's root key may order this."),
    ledger.ControlRefused: Row(422, "control_refused", "This change cannot be made to the account as it is."),
    ledger.HolderUnknown: Row(404, "holder_unknown", "There is no such account here."),
    ledger.OrderUntilWrong: Row(422, "order_until_wrong", "The order would be over at once, or last too long."),
    ledger.OrderUnknown: Row(404, "not_found", "There is nothing here, or it is not yours."),
    ledger.ReceiveTooLittle: Row(422, "receive_too_little", "The conversion would give less than was signed."),
    ledger.LiquidityMissing: Row(503, "liquidity_missing", "The operator cannot give this currency now."),
    ledger.InventoryMissing: Row(422, "inventory_missing", "The operator cannot give as much of this token now."),
    ledger.QuoteUsed: Row(409, "quote_used", "Another order accepted this quote before."),
    ledger.UseRefused: Row(422, "use_refused", "The order does not allow this now; nothing was written."),
    ledger.NonceConflict: Row(409, "nonce_conflict", "This nonce was used before with another order."),
    ledger.JournalBusy: Row(503, "busy", "The ledger is busy; nothing was written. Send the same again."),
    ledger.JournalUnknown: Row(503, "outcome_unknown", "Whether this was written is not known. Send the same again."),
    ledger.JournalBroken: INTERNAL,
    ledger.DebitUnauthorised: INTERNAL,
    ledger.SourceMissing: INTERNAL,
    ledger.ReservesExceeded: Row(422, "reserves_exceeded", "People would be credited more than the recorded reserves."),
    ledger.EntryRefused: Row(422, "entry_refused", "The operator entry breaks a rule; nothing was written."),
    ledger.JournalClockWrong: Row(503, "clock_wrong", "The server's clocks disagree; nothing was written."),
    on_chain.ChainError: INTERNAL,
    on_chain.JsonMalformed: Row(400, "malformed_json", "The body is not JSON as this server accepts it."),
    on_chain.AddressMalformed: Row(422, "address_invalid", "This is no address."),
    on_chain.AddressChecksumWrong: Row(422, "address_checksum_wrong", "The address has a typing error."),
    on_chain.AmountMalformed: Row(422, "amount_malformed", "The amount is not plain decimal digits."),
    on_chain.AmountTooPrecise: Row(422, "amount_too_precise", "The amount has more decimals than the token."),
    on_chain.AmountTooLarge: Row(422, "amount_too_large", "The amount is 2^256 units or more."),
    on_chain.TokensDiffer: INTERNAL,
    on_chain.TokenListMalformed: INTERNAL,
    on_chain.ReceiverRefused: Row(422, "receiver_refused", "This address is no place to send to."),
    on_chain.TransactionMalformed: Row(422, "transaction_malformed", "These are no canonical bytes of a transaction."),
    on_chain.CalldataMalformed: Row(422, "calldata_malformed", "The calldata does not decode."),
    on_chain.TypedDataMalformed: Row(422, "typed_data_malformed", "The typed data is malformed."),
    on_chain.DescriptorMalformed: INTERNAL,
    on_chain.InsufficientNative: Row(422, "insufficient_native", "The coins do not suffice for value and fee."),
    on_chain.GasMissing: Row(422, "gas_missing", "The account has no coins for the fee."),
    on_chain.InsufficientToken: Row(422, "insufficient_token", "The tokens do not suffice."),
    on_chain.TokenWithoutCode: Row(422, "token_without_code", "No contract lives at the token's address."),
    on_chain.FeeTooHigh: Row(503, "fee_too_high", "The chain asks for more gas money than the cap allows."),
    on_chain.NodeError: Row(503, "chain_unavailable", _UNAVAILABLE),
    on_chain.NodeUnreachable: Row(503, "chain_unavailable", _UNAVAILABLE),
    on_chain.NodeRefused: Row(502, "node_refused", "The chain's node refused the call."),
    on_chain.ExecutionReverted: Row(422, "execution_reverted", "The call would revert."),
    on_chain.AnswerTooLarge: Row(502, "answer_too_large", "The chain's node answered more than can be passed on."),
    on_chain.AnswerMalformed: Row(502, "answer_malformed", "The chain's node answered nonsense."),
    on_chain.WrongChain: Row(503, "wrong_chain", "The server's node is on another chain."),
    on_chain.WrongGenesis: Row(503, "wrong_chain", "The server's node is on another chain of the same number."),
    on_chain.TransactionUnseen: Row(503, "transaction_unseen", "The transaction is not in a block yet."),
    on_chain.NodeBehind: Row(503, "chain_unavailable", _UNAVAILABLE),
    on_chain.StretchTooLong: INTERNAL,
    on_chain.DevnetError: INTERNAL,
    on_chain.DevnetMissing: INTERNAL,
    on_chain.DevnetDied: INTERNAL,
    on_chain.DevnetSlow: INTERNAL,
    on_chain.DevnetCannot: INTERNAL,
    on_chain.DevAccountMissing: INTERNAL,
    on_chain.DevAccountUnfunded: INTERNAL,
    on_chain.DemoContractMissing: INTERNAL,
}
"""Every error class of fiat, chain and api has its row here (a house test counts them)."""

_BY_HTTP_STATUS = {
    404: TABLE[own.NotFound],
    405: METHOD_NOT_ALLOWED,
    413: TABLE[own.BodyTooLarge],
    415: TABLE[own.UnsupportedMediaType],
}


def of(error: Exception) -> Problem:
    """The problem that answers `error`. Never raises; never shows what is not meant to be shown."""
    row = TABLE.get(type(error), INTERNAL)
    if row is INTERNAL:
        return Problem(INTERNAL, {})
    if isinstance(error, own.MachineRefused):
        words = error.status.replace("_", " ")
        facts = {name: value for name, value in error.fields.items() if name != "status"}  # RFC 9457 has its own
        return Problem(Row(row.status, error.status, f"{row.title[:-1]}: {words}."), facts)
    return Problem(row, dict(_facts(error)))


def of_http_status(status: int) -> Problem:
    """The problem for what the web framework itself refuses."""
    return Problem(_BY_HTTP_STATUS.get(status, INTERNAL if status >= 500 else BAD_REQUEST), {})


def of_validation(errors: list[Any]) -> Problem:
    """The problem for a body, path or query that does not fit its model. Never echoes what was sent."""
    told = [
        {"field": ".".join(str(part)[:40] for part in error["loc"])[:200], "reason": str(error["msg"])[:200]}
        for error in errors[:ERRORS_MAX]
    ]
    return Problem(TABLE[own.InvalidInput], {"errors": told})


def rows() -> Iterator[Row]:
    """Every row that can be answered, each slug once."""
    seen = set()
    for row in (*TABLE.values(), METHOD_NOT_ALLOWED, BAD_REQUEST, BODY_TOO_SLOW):
        if row.slug not in seen:
            seen.add(row.slug)
            yield row


def _facts(error: Exception) -> Iterator[tuple[str, object]]:
    if isinstance(error, own.ApiError):
        yield from error.fields.items()
    elif isinstance(error, ledger.FiatError):
        for name, value in error.fields().items():
            yield "reason" if name == "status" else name, str(value)  # RFC 9457 has its own status
        if isinstance(error, ledger.CurrencyUnknown):
            yield "currency", str(error.fields()["code"])
    elif isinstance(error, on_chain.AddressChecksumWrong):
        yield "reason", "EIP-55 checksum"
    elif isinstance(error, on_chain.TransactionMalformed):
        yield "reason", error.reason
    elif isinstance(error, on_chain.ReceiverRefused):
        yield from (("receiver", error.receiver), ("fault", error.fault.value))
    elif isinstance(error, on_chain.InsufficientNative):
        yield from (("available_wei", str(error.available_wei)), ("missing_wei", str(error.missing_wei)))
    elif isinstance(error, on_chain.InsufficientToken):
        yield from (("available_units", str(error.available_units)), ("missing_units", str(error.missing_units)))
