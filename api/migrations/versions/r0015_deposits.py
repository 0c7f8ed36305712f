"""Deposits of tokens: intents, what came to the treasury, and cases of what vanished after it was credited."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
