"""The chain index: several chains, kinds of tokens, approvals, and lives of a chain that are over."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
