"""Prices: the feeds' rounds that counted, and the reference rates that were imported."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
