"""What is sent for a currency, and the transactions that were signed for it."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0014"
down_revision = "0012"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
