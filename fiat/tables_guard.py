"""What the database refuses by itself: the triggers over the journal's tables, and the view of entries. Text only."""

from __future__ import annotations

_SIDE = (
    "{side}_account_id AS account_id, {side}_holder AS holder, '{side}' AS side, sequence, kind, id, amount,"
    " {other}_account_id AS other_account_id, {other}_holder AS other_holder, pending_id, user_data_128, ledger, code,"
    " flags, timestamp, order_holder, order_nonce, leg, {side}_version AS version,"
    " {side}_debits_pending AS debits_pending, {side}_debits_posted AS debits_posted,"
    " {side}_credits_pending AS credits_pending, {side}_credits_posted AS credits_posted FROM transfers"
)
ENTRIES = " UNION ALL ".join(
    "SELECT " + _SIDE.format(side=side, other=other) for side, other in (("debit", "credit"), ("credit", "debit"))
)
"""An entry is one account's side of a transfer, with the account's balances after it."""

_ALWAYS = "1 = 1"
_REFUSED: dict[str, dict[str, str]] = {
    "records": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "seals": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "transfers": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "holder_heads": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "keys": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "journal_head": {"UPDATE": "NEW.version <= OLD.version OR NEW.sequence < OLD.sequence", "DELETE": _ALWAYS},
    "accounts": {
        "UPDATE": "NEW.id <> OLD.id OR NEW.ledger <> OLD.ledger OR NEW.currency <> OLD.currency"
        " OR NEW.exponent <> OLD.exponent OR NEW.version <= OLD.version OR NEW.debits_posted < OLD.debits_posted"
        " OR NEW.credits_posted < OLD.credits_posted OR coalesce(NEW.holder <> OLD.holder,"
        " (NEW.holder IS NULL) <> (OLD.holder IS NULL))",
        "DELETE": _ALWAYS,
    },
    "holders": {
        # A contract's one key takes the root's place once, before anything else may have been signed.
        "UPDATE": "NEW.id <> OLD.id OR NEW.salt <> OLD.salt OR NEW.blind <> OLD.blind OR NEW.count <= OLD.count"
        " OR NEW.epoch < OLD.epoch OR ((NEW.root <> OLD.root OR NEW.contract <> OLD.contract)"
        " AND NOT (length(OLD.contract) = 0 AND NEW.contract = OLD.root))",
        "DELETE": _ALWAYS,
    },
    "orders": {"UPDATE": _ALWAYS, "DELETE": "OLD.sequence IS NOT NULL"},
    "pendings": {"UPDATE": "OLD.resolution <> 1", "DELETE": _ALWAYS},
    "burnt_ids": {"UPDATE": _ALWAYS, "DELETE": "OLD.dead_at IS NULL"},
    "texts": {"UPDATE": _ALWAYS},
    "operator_records": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "officer_changes": {"UPDATE": _ALWAYS, "DELETE": _ALWAYS},
    "operator_counters": {
        "UPDATE": "NEW.reason <> OLD.reason OR NEW.ledger <> OLD.ledger OR NEW.count <= OLD.count"
        " OR NEW.amount < OLD.amount",
        "DELETE": _ALWAYS,
    },
    "reserves": {"UPDATE": "NEW.ledger <> OLD.ledger", "DELETE": _ALWAYS},
}
"""What triggers refuse: table -> operation -> condition."""


def triggers(dialect: str) -> list[str]:
    """The statements that create the view and the triggers, after the tables. `dialect`: sqlite or postgresql."""
    statements = [f"CREATE VIEW entries AS {ENTRIES}"]
    if dialect == "postgresql":
        statements.append(
            "CREATE FUNCTION tandem_refuse() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION '% refuses %', TG_TABLE_NAME, TG_OP; END $$"
        )
    for table, operations in _REFUSED.items():
        for operation, condition in operations.items():
            name = f"{table}_no_{operation.lower()}"
            if dialect == "postgresql":
                statements.append(
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} FOR EACH ROW WHEN ({condition})"
                    " EXECUTE FUNCTION tandem_refuse()"
                )
            else:
                statements.append(
                    f"CREATE TRIGGER {name} BEFORE {operation} ON {table} WHEN {condition}"
                    f" BEGIN SELECT RAISE(ABORT, '{table} refuses {operation}'); END"
                )
        if dialect == "postgresql":
            statements.append(
                f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} EXECUTE FUNCTION tandem_refuse()"
            )
    return statements
