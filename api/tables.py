"""The server's own tables: who has which handle, who is signed in, where people receive, what the gateways do.

They describe; they never say how much money anyone has (that is the ledger's question). Times are Unix nanoseconds.
Columns compile to INTEGER, BLOB and TEXT on SQLite, as STRICT tables demand.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)


def whole() -> BigInteger:
    """63-bit integers: BIGINT on PostgreSQL, INTEGER on SQLite."""
    return BigInteger().with_variant(Integer(), "sqlite")


users = Table(
    "users",
    metadata,
    Column("holder", LargeBinary, primary_key=True),
    Column("handle", Text, nullable=False, unique=True),
    Column("skeleton", Text, nullable=False, unique=True),
    Column("genesis", LargeBinary, nullable=False),
    Column("created_at", whole(), nullable=False),
    CheckConstraint("length(holder) = 32", name="holder_width"),
    sqlite_strict=True,
)

addresses = Table(
    "addresses",
    metadata,
    Column("chain_id", whole(), primary_key=True, autoincrement=False),
    Column("address", LargeBinary, primary_key=True),
    Column("holder", LargeBinary, ForeignKey("users.holder"), nullable=False, index=True),
    Column("valid_before", whole(), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    Column("created_at", whole(), nullable=False),
    CheckConstraint("length(address) = 20", name="address_width"),
    sqlite_strict=True,
)
"""Chain accounts, each proved by its own signature; `valid_before` (s) and `signature`: the root key's attestation."""

address_requests = Table(
    "address_requests",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("payee", LargeBinary, ForeignKey("users.holder"), nullable=False, index=True),
    Column("payer", LargeBinary, ForeignKey("users.holder"), nullable=False),
    Column("chain_id", whole(), nullable=False),
    Column("asset", Text, nullable=False),
    Column("address", LargeBinary, nullable=False),
    Column("created_at", whole(), nullable=False),
    sqlite_strict=True,
)

challenges = Table(
    "challenges",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("address", LargeBinary, nullable=False),
    Column("expires_at", whole(), nullable=False, index=True),
    sqlite_strict=True,
)
"""Sign-in texts given out and not used yet, by SHA-256 of the text; using one deletes it."""

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("holder", LargeBinary, ForeignKey("users.holder"), nullable=False, index=True),
    Column("key", LargeBinary, nullable=False),
    Column("created_at", whole(), nullable=False),
    Column("expires_at", whole(), nullable=False, index=True),
    sqlite_strict=True,
)

topups = Table(
    "topups",
    metadata,
    Column("holder", LargeBinary, ForeignKey("users.holder"), primary_key=True),
    Column("id", LargeBinary, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("exponent", whole(), nullable=False),
    Column("amount_minor", whole(), nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", whole(), nullable=False),
    Column("due_at", whole(), nullable=False),
    Column("settled_at", whole()),
    Column("sequence", whole()),
    Column("waiting", Text),
    CheckConstraint("length(id) = 32", name="id_width"),
    CheckConstraint("amount_minor > 0 AND amount_minor <= 100000000000000000", name="amount_bounds"),
    CheckConstraint("state IN ('pending', 'settled')", name="state_known"),
    CheckConstraint("(state = 'settled') = (settled_at IS NOT NULL)", name="settled_when"),
    Index("ix_topups_due", "state", "due_at"),
    sqlite_strict=True,
)

gateway_events = Table(
    "gateway_events",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("gateway", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("amount_minor", whole(), nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", whole(), nullable=False),
    Column("sequence", whole()),
    CheckConstraint("length(id) = 32", name="id_width"),
    Index("ix_gateway_events_open", "gateway", "sequence"),
    sqlite_strict=True,
)
"""What a gateway said, kept as evidence: `id` is the SHA-256 of `body` and the journal's source of what it caused.

`sequence` is the record that answered to it; null until that stands."""

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("sequence", whole(), primary_key=True, autoincrement=False),
    Column("holder", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("gateway", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("exponent", whole(), nullable=False),
    Column("amount_minor", whole(), nullable=False),
    Column("destination", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("due_at", whole(), nullable=False),
    Column("updated_at", whole(), nullable=False),
    Column("settled_sequence", whole()),
    CheckConstraint("state IN ('accepted', 'paid', 'returned')", name="state_known"),
    CheckConstraint("(state = 'accepted') = (settled_sequence IS NULL)", name="settled_when"),
    Index("uq_withdrawals_order", "holder", "nonce", unique=True),
    Index("ix_withdrawals_due", "state", "due_at"),
    sqlite_strict=True,
)
"""One row an accepted withdrawal order, made from the journal's record; `destination` is the order's salted hash."""

quotes = Table(
    "quotes",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("holder", LargeBinary, ForeignKey("users.holder"), nullable=False),
    Column("expires_at", whole(), nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("accepted_sequence", whole()),
    CheckConstraint("length(id) = 32", name="id_width"),
    sqlite_strict=True,
)
"""Quotes by their digest; `expires_at` in Unix seconds, `document` the signed fields. Accepted ones are evidence."""

cursors = Table(
    "cursors",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("sequence", whole(), nullable=False),
    sqlite_strict=True,
)
"""How far each reader of the journal has come."""

price_rounds = Table(
    "price_rounds",
    metadata,
    Column("chain_id", whole(), primary_key=True, autoincrement=False),
    Column("pair", Text, primary_key=True),
    Column("updated_at", whole(), primary_key=True, autoincrement=False),
    Column("round", LargeBinary, primary_key=True),
    Column("answer", LargeBinary, nullable=False),
    Column("decimals", whole(), nullable=False),
    CheckConstraint("length(round) = 10", name="round_width"),
    CheckConstraint("length(answer) = 24", name="answer_width"),
    CheckConstraint("decimals >= 0 AND decimals <= 18", name="decimals_bounds"),
    sqlite_strict=True,
)
"""Rounds of price feeds that counted, as they were seen; `updated_at` in Unix seconds, numbers big endian."""

reference_rates = Table(
    "reference_rates",
    metadata,
    Column("day", Text, primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("rate", Text, nullable=False),
    Column("imported_at", whole(), nullable=False),
    sqlite_strict=True,
)
"""The European Central Bank's: units of the currency for one euro, as the file writes them (`2026-11-27`, `1.0812`)."""

taken_nonces = Table(
    "taken_nonces",
    metadata,
    Column("chain_id", whole(), primary_key=True, autoincrement=False),
    Column("address", LargeBinary, primary_key=True),
    Column("nonce", whole(), primary_key=True, autoincrement=False),
    Column("expires_at", whole(), nullable=False),
    CheckConstraint("length(address) = 20", name="address_width"),
    sqlite_strict=True,
)
"""Numbers of transactions that were prepared for their account's owner, or sent, and may not be in a block yet."""

payouts = Table(
    "payouts",
    metadata,
    Column("sequence", whole(), primary_key=True, autoincrement=False),
    Column("holder", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("asset", Text, nullable=False),
    Column("units", LargeBinary, nullable=False),
    Column("receiver", LargeBinary, nullable=False),
    Column("state", Text, nullable=False),
    Column("since", whole(), nullable=False),
    Column("why", Text),
    Column("due_at", whole(), nullable=False),
    Column("sender", LargeBinary),
    Column("number", whole()),
    Column("transaction_hash", LargeBinary),
    Column("settled_sequence", whole()),
    CheckConstraint("length(units) = 32", name="units_width"),
    CheckConstraint("length(receiver) = 20", name="receiver_width"),
    CheckConstraint(
        "state IN ('pending_anchor', 'pending_external', 'on_hold', 'completed', 'refunded')", name="state_known"
    ),
    CheckConstraint("(number IS NULL) = (sender IS NULL)", name="sender_numbers"),
    Index("uq_payouts_order", "holder", "nonce", unique=True),
    Index("uq_payouts_number", "sender", "number", unique=True),
    Index("ix_payouts_due", "state", "due_at"),
    sqlite_strict=True,
)
"""One row an accepted order that gives a currency for a token: what is sent, where, and how far it has come.

`sequence` is leg 0's record, `asset` CAIP-19, `number` the place in `sender`'s order (its nonce on the chain), which a
payment keeps for ever; `transaction_hash` the sending that counted, or the last one. It moves on after the ledger does.
"""

payout_sendings = Table(
    "payout_sendings",
    metadata,
    Column("transaction_hash", LargeBinary, primary_key=True),
    Column("sequence", whole(), ForeignKey("payouts.sequence"), nullable=False, index=True),
    Column("raw", LargeBinary, nullable=False),
    Column("signed_at", whole(), nullable=False),
    CheckConstraint("length(transaction_hash) = 32", name="hash_width"),
    sqlite_strict=True,
)
"""Signed transactions, kept before they are sent: the same bytes may be sent as often as one likes."""

deposit_intents = Table(
    "deposit_intents",
    metadata,
    Column("holder", LargeBinary, ForeignKey("users.holder"), primary_key=True),
    Column("id", LargeBinary, primary_key=True),
    Column("chain_id", whole(), nullable=False),
    Column("treasury", LargeBinary, nullable=False),
    Column("asset", Text, nullable=False),
    Column("token", LargeBinary),
    Column("decimals", whole(), nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("units", LargeBinary, nullable=False),
    Column("currency", Text, nullable=False),
    Column("quote", LargeBinary, unique=True),
    Column("quote_document", Text),
    Column("if_late", Text, nullable=False),
    Column("created_at", whole(), nullable=False),
    Column("ends", whole(), nullable=False),
    Column("signature", LargeBinary, nullable=False),
    CheckConstraint("length(id) = 32", name="id_width"),
    CheckConstraint("length(sender) = 20", name="sender_width"),
    CheckConstraint("length(treasury) = 20", name="treasury_width"),
    CheckConstraint("length(units) = 32", name="units_width"),
    CheckConstraint("if_late IN ('requote', 'return')", name="if_late_known"),
    CheckConstraint("(quote IS NULL) = (quote_document IS NULL)", name="quote_whole"),
    Index("ix_deposit_intents_sender", "chain_id", "sender"),
    sqlite_strict=True,
)
"""What people said they would pay to the treasury. `ends` in Unix seconds, `units` 32 bytes big endian; `token` null is
the chain's own coin. `signature` is the operator's over the terms, the treasury's address among them."""

deposits = Table(
    "deposits",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("chain_id", whole(), nullable=False),
    Column("treasury", LargeBinary, nullable=False),
    Column("transaction_hash", LargeBinary, nullable=False, index=True),
    Column("asset", Text, nullable=False),
    Column("token", LargeBinary),
    Column("decimals", whole(), nullable=False),
    Column("sender", LargeBinary, nullable=False),
    Column("units", LargeBinary, nullable=False),
    Column("block_number", whole(), nullable=False),
    Column("block_time", whole(), nullable=False),
    Column("stage", Text, nullable=False),
    Column("reason", Text),
    Column("waiting", Text),
    Column("holder", LargeBinary, index=True),
    Column("intent", LargeBinary),
    Column("currency", Text),
    Column("rate", Text),
    Column("released", whole(), nullable=False),
    Column("pending_minor", whole()),
    Column("arrived", LargeBinary),
    Column("received_minor", whole()),
    Column("exchanged_minor", whole()),
    Column("fee_minor", whole()),
    Column("receive_minor", whole()),
    Column("spent_by", LargeBinary),
    Column("attempt", whole(), nullable=False),
    Column("life", whole(), nullable=False),
    Column("sequence", whole()),
    Column("refund", LargeBinary, unique=True),
    Column("refund_units", LargeBinary),
    Column("created_at", whole(), nullable=False),
    Column("updated_at", whole(), nullable=False),
    CheckConstraint("length(id) = 32", name="id_width"),
    CheckConstraint("length(treasury) = 20", name="treasury_width"),
    CheckConstraint("length(units) = 32", name="units_width"),
    CheckConstraint("released IN (0, 1)", name="released_flag"),
    CheckConstraint("stage != 'credited' OR sequence IS NOT NULL", name="credited_where"),
    Index("uq_deposits_intent", "holder", "intent", unique=True),
    Index("ix_deposits_stage", "chain_id", "stage"),
    Index("ix_deposits_block", "chain_id", "block_number"),
    sqlite_strict=True,
)
"""Transfers to the treasury, by deposits.deposit_id. What is credited is written here before it is posted; the ledger
alone says what stands. `rate` is that of the credit as one JSON text; `spent_by` the deposit that dust became part of;
`refund` the transfer that sent it back."""

bridge_cases = Table(
    "bridge_cases",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("chain_id", whole(), nullable=False),
    Column("asset", Text, nullable=False),
    Column("deposit", LargeBinary, nullable=False),
    Column("minor", whole(), nullable=False),
    Column("exponent", whole(), nullable=False),
    Column("state", Text, nullable=False),
    Column("opened_at", whole(), nullable=False),
    Column("regained_at", whole()),
    Column("closed_at", whole()),
    CheckConstraint("length(id) = 32", name="id_width"),
    CheckConstraint("state IN ('open', 'closed')", name="state_known"),
    CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", name="closed_when"),
    Index("ix_bridge_cases_open", "chain_id", "state"),
    sqlite_strict=True,
)
"""Credits whose block vanished though it was final, `minor` in the token's ledger currency. While one is open, its
asset is converted and sent by nobody."""
