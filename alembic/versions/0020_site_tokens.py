"""Tokens of sites, which may do what the agent of one site does, and the tokens that made others.

Revision: 0020
Revises: 0019
"""

import sqlalchemy as sa

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("site_id", "parent_id"):
        op.add_column("token", sa.Column(name, sa.BigInteger(), nullable=True))
    # Few rows: one for each token of each user.
    op.create_index("token_parent", "token", ["parent_id"])
    op.create_index("token_site", "token", ["site_id"])


def downgrade() -> None:
    op.drop_index("token_site", "token")
    op.drop_index("token_parent", "token")
    for name in ("parent_id", "site_id"):
        op.drop_column("token", name)
