"""An index over heads, which every record paid for twice and nothing needs (PostgreSQL)."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from api.migrations import statements

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    connection = op.get_bind()
    for statement in statements(Path(__file__), connection.dialect.name):
        connection.exec_driver_sql(statement)
