"""Draft the next migration from the declarations: ``make migration NAME="job container"``. Read it before you keep it.

Compares the declarations with a database at the last migration, on a private Postgres that is stopped again. Grants and
row-level security are not seen by the comparison: a new table needs them written by hand, as in 0002_guards.py.
"""

import subprocess
import sys

from sqlalchemy.dialects.postgresql.base import ischema_names

from storax.local import Servers
from storax_core.admin import migrate
from storax_core.resources.columns import Xid8


def draft(name: str, database_url: str) -> None:
    """Write ``versions/NNNN_name.py``, numbered after the last one, by way of an empty database."""
    ischema_names["xid8"] = Xid8
    migrate.migrate_now(database_url)
    number = f"{int(migrate.head()) + 1:04d}"
    migrate.autogenerate(database_url, name, rev_id=number)
    (draft_file,) = (migrate.scripts() / "versions").glob(f"{number}_*.py")
    for arguments in (["check", "--fix", "--quiet", "--select", "F,I"], ["format", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, str(draft_file)], check=True)


if __name__ == "__main__":
    with Servers(fsync=False) as servers:
        draft(" ".join(sys.argv[1:]), servers.database_url)
