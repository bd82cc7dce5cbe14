"""Make the stack's random secrets at its first start: ``python make_secrets.py FOLDER``. Later starts change nothing.

Two passwords are drawn; the other files follow from them. Postgres' own image reads ``postgres_password``, Redis reads
``redis.conf``, entry.py reads ``database_url`` and ``redis_url``. Only containers that mount the folder see them, and
whoever is root on the host.
"""

import secrets
import sys
from pathlib import Path

from storax._runtime.atomic_files import atomic_write

USER = DATABASE = "storax"


def files(postgres: str, redis: str) -> dict[str, str]:
    """Return the text of every file, from the two passwords.

    Redis holds hints only, so it keeps nothing on disk. Its user ``probe`` may do nothing but PING: the health check
    needs no password.
    """
    return {
        "postgres_password": postgres,
        "redis_password": redis,
        "database_url": f"postgresql://{USER}:{postgres}@postgres:5432/{DATABASE}",
        "redis_url": f"redis://:{redis}@redis:6379/0",
        "redis.conf": f"""\
requirepass {redis}
user probe on nopass resetkeys resetchannels -@all +ping
save ""
appendonly no
maxmemory-policy noeviction
dir /tmp
""",
    }


def make(folder: Path) -> list[str]:
    """Write the missing files and return their names; an existing password is kept."""
    postgres, redis = (
        _read(folder / f"{name}_password") or secrets.token_urlsafe(32) for name in ("postgres", "redis")
    )
    contents = files(postgres, redis)
    missing = {name: text for name, text in contents.items() if _read(folder / name) != text.strip()}
    for name, text in missing.items():
        atomic_write(folder / name, text, mode=0o444)
    return list(missing)


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


if __name__ == "__main__":
    written = make(Path(sys.argv[1]))
    sys.stdout.write(f"made {', '.join(written)}\n" if written else "all secrets are there\n")
