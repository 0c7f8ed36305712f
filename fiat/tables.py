"""The journal's tables, on SQLite (STRICT) and PostgreSQL. Core only; nothing here reads or writes.

The database checks again what the types forbid: balances within their flags' bounds, a person's debit only by their own
order, by the resolving of what they reserved, or by an operator record; records, transfers, seals and heads are only
ever inserted; a nonce, an id and an outside event are used once.

Migrations spell the same schema out (api/migrations); a test holds the two together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    DDL,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)

from fiat.tables_guard import triggers
from fiat.tables_types import U128, Integer64

metadata = MetaData()


def _integer(name: str, *rest: Any, **options: Any) -> Column[int]:
    return Column(name, Integer64, *rest, **({"nullable": False} | options))


def _bytes(name: str, *rest: Any, **options: Any) -> Column[bytes]:
    return Column(name, LargeBinary, *rest, **({"nullable": False} | options))


def _id(name: str, *rest: Any, **options: Any) -> Column[int]:
    return Column(name, U128(), *rest, **({"nullable": False} | options))


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, **({"nullable": False} | options))


def _key(name: str, *rest: Any) -> Column[int]:
    return _integer(name, *rest, primary_key=True, autoincrement=False)


def _check(table: str, name: str, condition: str) -> CheckConstraint:
    return CheckConstraint(condition, name=f"{table}_{name}")


def _lengths(table: str, **lengths: int) -> list[CheckConstraint]:
    return [_check(table, f"{name}_length", f"length({name}) = {length}") for name, length in lengths.items()]


def _table(name: str, *items: Any, **options: Any) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, **options)


def _partial(name: str, condition: str, *columns: Column[Any]) -> None:
    """An index over the rows that the condition holds for."""
    Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


def _written_together(name: str, column: str, target: str) -> ForeignKeyConstraint:
    """A foreign key between rows of one batch: on SQLite only (docs/adr/0009).

    On PostgreSQL each one is a look-up and a row lock a row, together as dear as everything else that the server does.
    """
    return ForeignKeyConstraint([column], [target], name=name).ddl_if(dialect="sqlite")


# Rows that every batch updates: half of each page stays free, so that a new version lies beside the old one and no
# index has to be told.
_UPDATED = {"postgresql_with": {"fillfactor": 50}}


journal_head = _table(
    "journal_head",
    _key("one"),
    _integer("version"),  # moves at every commit, also of one that only records refusals: what writers compare and swap
    _integer("sequence"),
    _integer("timestamp"),
    _integer("seal_number"),
    _bytes("seal_digest"),
    _bytes("token"),  # of the last commit, so that a writer whose connection broke can tell whether it was its own
    _check("journal_head", "single", "one = 1"),
)

seals = _table(
    "seals",
    _key("number"),
    _bytes("previous"),
    _integer("first_sequence"),
    _integer("size"),
    _bytes("root"),
    _bytes("counters"),
    _integer("timestamp"),
    _bytes("signature"),
    UniqueConstraint("first_sequence", name="seals_first_sequence_once"),
    *_lengths("seals", previous=32, root=32, counters=32, signature=65),
)

records = _table(
    "records",
    _key("sequence"),
    _integer("kind"),
    _integer("timestamp"),
    _integer("seal_number"),
    _bytes("body"),
    _written_together("records_seal", "seal_number", "seals.number"),
    UniqueConstraint("timestamp", name="records_timestamp_once"),
    _check("records", "kind_known", "kind BETWEEN 0 AND 5"),
)

# The operator's own accounts have no holder here: null where records say 32 zero bytes.
accounts = _table(
    "accounts",
    _id("id", primary_key=True),
    _bytes("holder", nullable=True),
    _text("currency"),
    _integer("exponent"),
    _text("purpose"),
    _integer("ledger"),
    _integer("code"),
    _integer("flags"),
    _id("user_data_128"),
    _integer("user_data_64"),
    _integer("user_data_32"),
    _integer("timestamp"),
    _integer("sequence", ForeignKey("records.sequence", name="accounts_record")),
    _integer("version"),
    _integer("debits_pending"),
    _integer("debits_posted"),
    _integer("credits_pending"),
    _integer("credits_posted"),
    UniqueConstraint("holder", "currency", "purpose", name="accounts_purpose_once"),
    _check(
        "accounts",
        "not_negative",
        "debits_pending >= 0 AND debits_posted >= 0 AND credits_pending >= 0 AND credits_posted >= 0",
    ),
    # Written as differences: a sum of two could pass 2^63.
    _check(
        "accounts",
        "debits_within_credits",
        "(flags & 2) = 0 OR debits_pending <= credits_posted - debits_posted",
    ),
    _check(
        "accounts",
        "credits_within_debits",
        "(flags & 4) = 0 OR credits_pending <= debits_posted - credits_posted",
    ),
    *_lengths("accounts", id=16, holder=32),
    **_UPDATED,
)

orders = _table(
    "orders",
    _bytes("holder", primary_key=True),
    _bytes("nonce", primary_key=True),
    _bytes("digest"),
    _integer("type"),
    _integer("sequence", nullable=True),
    _integer("status", nullable=True),
    _integer("dead_at", nullable=True),  # Unix seconds; a recorded refusal is kept until then
    _written_together("orders_record", "sequence", "records.sequence"),
    Index("orders_by_record", "sequence", unique=True),
    _check("orders", "accepted_or_refused", "(sequence IS NULL) = (status IS NOT NULL)"),
    _check("orders", "refusals_die", "(status IS NULL) = (dead_at IS NULL)"),
    *_lengths("orders", holder=32, nonce=32, digest=32),
)

# One wide row a movement: what moved, and both accounts as they are after it. An expiry has no id of its own.
transfers = _table(
    "transfers",
    _key("sequence"),
    _integer("kind"),
    _id("id", nullable=True),
    _id("debit_account_id"),
    _id("credit_account_id"),
    _integer("amount"),
    _id("pending_id", nullable=True),
    _id("user_data_128"),
    _integer("user_data_64"),
    _integer("user_data_32"),
    _integer("timeout"),
    _integer("ledger"),
    _integer("code"),
    _integer("flags"),
    _integer("timestamp"),
    _bytes("debit_holder", nullable=True),
    _bytes("credit_holder", nullable=True),
    _bytes("order_holder", nullable=True),
    _bytes("order_nonce", nullable=True),
    _integer("leg"),
    _integer("source_kind", nullable=True),
    _bytes("source_id", nullable=True),
    *[_integer(f"{side}_version") for side in ("debit", "credit")],
    *[
        _integer(f"{side}_{balance}")
        for side in ("debit", "credit")
        for balance in ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
    ],
    _written_together("transfers_record", "sequence", "records.sequence"),
    _written_together("transfers_debit", "debit_account_id", "accounts.id"),
    _written_together("transfers_credit", "credit_account_id", "accounts.id"),
    UniqueConstraint("id", name="transfers_id_once"),
    UniqueConstraint("source_kind", "source_id", name="transfers_source_once"),
    UniqueConstraint("debit_account_id", "debit_version", name="transfers_debit_version_once"),
    UniqueConstraint("credit_account_id", "credit_version", name="transfers_credit_version_once"),
    _check("transfers", "accounts_differ", "debit_account_id <> credit_account_id"),
    _check("transfers", "amount_not_negative", "amount >= 0"),
    _check("transfers", "kind_known", "kind BETWEEN 3 AND 5 AND (kind = 4) = (id IS NULL)"),
    _check("transfers", "expiry_names_pending", "kind <> 4 OR pending_id IS NOT NULL"),
    _check(
        "transfers",
        "debit_authorised",
        "debit_holder IS NULL OR kind = 5 OR pending_id IS NOT NULL"
        " OR (order_holder IS NOT NULL AND order_nonce IS NOT NULL AND order_holder = debit_holder)",
    ),
    _check("transfers", "source_whole", "(source_kind IS NULL) = (source_id IS NULL)"),
    _check(
        "transfers",
        "balances_not_negative",
        " AND ".join(
            f"{side}_{balance} >= 0"
            for side in ("debit", "credit")
            for balance in ("debits_pending", "debits_posted", "credits_pending", "credits_posted")
        ),
    ),
    *_lengths("transfers", debit_account_id=16, credit_account_id=16),
)

AGREED_LEGS = "code IN (6, 8, 9, 10, 11, 12)"
"""What may be a leg of a hold or mandate, or a use of one: a fee, and TransferCode's HOLD to COLLECTION."""
_partial("transfers_by_agreement", AGREED_LEGS, transfers.c.order_holder, transfers.c.order_nonce)

# Holds and mandates of a holder, as payer and as captor or payee (history_orders.py).
for _party, _side in (("payer", "debit"), ("payee", "credit")):
    _partial(
        f"transfers_agreed_by_{_party}",
        "leg = 0 AND code IN (8, 11) AND order_nonce IS NOT NULL",
        transfers.c[f"{_side}_holder"],
        transfers.c.sequence,
    )

# Statements by effective date: bank lines alone (source kind 4) carry another date than the record's.
for _side in ("debit", "credit"):
    _account = transfers.c[f"{_side}_account_id"]
    _partial(f"transfers_{_side}_value_date", "source_kind = 4", _account, transfers.c.user_data_64)

pendings = _table(
    "pendings",
    _id("id", primary_key=True),
    _integer("sequence", ForeignKey("transfers.sequence", name="pendings_transfer")),
    _integer("expires_at", nullable=True),
    _integer("resolution"),
    _integer("resolved_by", ForeignKey("transfers.sequence", name="pendings_resolved"), nullable=True),
    _check("pendings", "resolution_known", "resolution BETWEEN 1 AND 4"),
    _check("pendings", "resolved_by_a_record", "(resolution = 1) = (resolved_by IS NULL)"),
)
_partial("pendings_due", "resolution = 1", pendings.c.expires_at)

burnt_ids = _table(
    "burnt_ids",
    _id("id", primary_key=True),
    _integer("status"),
    _integer("timestamp"),
    _integer("dead_at", nullable=True),  # Unix seconds for an order's legs; null: for ever
)

holders = _table(
    "holders",
    _bytes("id", primary_key=True),
    _bytes("root"),
    _bytes("salt"),
    _integer("recovery"),
    _bytes("blind"),
    _integer("sequence", ForeignKey("records.sequence", name="holders_record")),
    _integer("count"),
    _bytes("head"),
    _integer("epoch"),
    _integer("frozen"),
    _bytes("contract"),  # empty, or the root of the genesis document: an ERC-1271 account whose one key is root now
    _bytes("keyring"),
    _bytes("limits"),
    _bytes("spent"),
    Index("holders_by_root", "root"),
    _check("holders", "frozen_or_not", "frozen IN (0, 1)"),
    _check("holders", "contract_length", "length(contract) IN (0, 20)"),
    *_lengths("holders", id=32, root=20, salt=32, blind=32, head=32),
    **_UPDATED,
)

holder_heads = _table(
    "holder_heads",
    _bytes("holder", primary_key=True),
    _integer("count", primary_key=True, autoincrement=False),
    _bytes("head"),
    _integer("sequence"),
    _written_together("holder_heads_holder", "holder", "holders.id"),
    _written_together("holder_heads_record", "sequence", "records.sequence"),
    # Nothing looks for a head but among its holder's; an index with random keys costs PostgreSQL a page an entry.
    UniqueConstraint("head", name="holder_heads_head_once").ddl_if(dialect="sqlite"),
    *_lengths("holder_heads", head=32),
)

keys = _table(
    "keys",
    _key("sequence", ForeignKey("records.sequence", name="keys_record")),
    _bytes("holder", ForeignKey("holders.id", name="keys_holder")),
    _integer("action"),
    _integer("epoch"),
    _bytes("key"),
    _bytes("subject"),
    _integer("value"),
    _integer("effective_at"),
    Index("keys_by_holder", "holder", "action", "subject"),
    Index("keys_by_key", "key"),
    *_lengths("keys", key=20, subject=32),
)

# What people were shown, beside the orders that carry only the salted hash. May be erased; every proof stays valid.
texts = _table(
    "texts",
    _bytes("hash", primary_key=True),
    _bytes("salt"),
    _text("text"),
    *_lengths("texts", hash=32, salt=16),
)

# What the rules of operator entries look up; everything else about them stands in the record.
operator_records = _table(
    "operator_records",
    _key("sequence", ForeignKey("transfers.sequence", name="operator_records_transfer")),
    _integer("leg"),
    _id("id"),
    _bytes("nonce"),
    _integer("reason"),
    _integer("undoes"),
    _bytes("document"),
    _bytes("debit_holder", nullable=True),
    _bytes("credit_holder", nullable=True),
    UniqueConstraint("nonce", "leg", name="operator_records_nonce_once"),
    UniqueConstraint("id", name="operator_records_id_once"),
    Index("operator_records_by_undoes", "undoes"),
    Index("operator_records_by_document", "document"),
    Index("operator_records_by_debit_holder", "debit_holder", "sequence"),
    Index("operator_records_by_credit_holder", "credit_holder", "sequence"),
    _check("operator_records", "reason_known", "reason BETWEEN 1 AND 6"),
    *_lengths("operator_records", id=16, nonce=32, document=32),
)

officer_changes = _table(
    "officer_changes",
    _key("sequence", ForeignKey("records.sequence", name="officer_changes_record")),
    _integer("action"),
    _bytes("officer"),
    _bytes("nonce", nullable=True),  # of the order that asked for it; the first two were named without one
    _bytes("subject"),
    _integer("effective_at"),
    *_lengths("officer_changes", officer=20, nonce=32, subject=32),
)

# The counters that every seal carries the hash of.
operator_counters = _table(
    "operator_counters",
    _key("reason"),
    _key("ledger"),
    _integer("count"),
    _id("amount"),
    _check("operator_counters", "count_positive", "count > 0"),
    *_lengths("operator_counters", amount=16),
)

# Sums of posted balances: moved in the same commit as the accounts, and refused by the database where they may not be.
reserves = _table(
    "reserves",
    _key("ledger"),
    _integer("people_minor"),
    _integer("reserves_minor"),
    _check("reserves", "people_not_negative", "people_minor >= 0"),
    _check("reserves", "people_within_reserves", "people_minor <= reserves_minor"),
)

for _dialect in ("sqlite", "postgresql"):
    for _statement in triggers(_dialect):
        _ddl = DDL(_statement.replace("%", "%%"))  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
        event.listen(metadata, "after_create", _ddl.execute_if(dialect=_dialect))
