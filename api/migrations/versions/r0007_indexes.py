"""Indexes: two that nobody read go, two for bank lines by date come; room beside rows that every batch updates."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
