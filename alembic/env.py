"""Alembic's entry: runs the migrations on the connection that storax_core.admin.migrate hands over."""

from sqlmodel import SQLModel

import storax_core.database.tables
import storax_core.resources  # noqa: F401  (both declare tables)
from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
