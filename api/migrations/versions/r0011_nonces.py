"""Numbers of transactions that are taken: prepared for somebody a moment ago, or sent and not in a block yet."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
