"""``python -m storax_core.admin``: the operator's commands without the client."""

from storax_core.admin.cli import app

app()
