"""Alembic's entry: runs the migrations on the connection that storax_core.admin.migrate hands over."""

from alembic import context
from sqlmodel import SQLModel

import storax_core.resources
import storax_core.store.tables  # noqa: F401  (declares its tables)

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
