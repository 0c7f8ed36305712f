"""The journal: records, seals, accounts, transfers, holders, keys, orders, heads, with their triggers."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
