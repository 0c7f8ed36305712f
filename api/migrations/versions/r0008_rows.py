"""What every row paid for: foreign keys between the rows of one batch (PostgreSQL), an index of few rows (both)."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
