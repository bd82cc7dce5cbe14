"""Make the stack's random passwords at its first start: ``python make_secrets.py SECRETS LOGINS``.

``SECRETS`` keeps the passwords and is mounted nowhere else. Each folder of ``LOGINS`` is the volume of one service, and
holds only what that service logs in with: Postgres' own image reads ``postgres/password``, Redis ``redis/redis.conf``,
entry.py the others. Later starts change nothing, and add what a newer release needs.
"""

import json
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path

from storax._runtime.atomic_files import atomic_write
from storax.local.servers.postgres import DATABASE, LOGINS, OWNER, ROLES, USER
from storax.local.servers.valkey import USERS
from storax.local.servers.valkey_access import rule

THEIRS = ("postgres", "redis")  # services whose images have a user of their own
OF_LAST_RELEASE = ("database_url", "redis_url", "redis.conf", "redis_password")  # each service could read them all
PASSWORDS = ("postgres", *ROLES, *(f"redis_{part}" for part in USERS))


def files(passwords: Mapping[str, str]) -> dict[str, str]:
    """Return the text of every file of ``LOGINS``, from the passwords.

    Redis holds hints only, so it keeps nothing on disk. Its user ``probe`` may do nothing but PING: the health check
    needs no password.
    """
    by_role = {USER: passwords["postgres"], **{role: passwords[role] for role in ROLES}}
    urls = {role: f"postgresql://{role}:{password}@postgres:5432/{DATABASE}" for role, password in by_role.items()}
    logins = {f"{part}/database_url": urls[role] for part, role in LOGINS.items()}
    logins |= {f"{part}/redis_url": f"redis://{user}:{passwords[f'redis_{part}']}@redis:6379/0"
               for part, user in USERS.items()}  # fmt: skip
    users = "".join(f"user {user} {rule(part, passwords[f'redis_{part}'])}\n" for part, user in USERS.items())
    return {
        **logins,
        "postgres/password": passwords["postgres"],
        "owner/database_url": urls[OWNER],
        "migrate/database_url": urls[OWNER],
        "migrate/administrator_url": urls[USER],
        "migrate/role_passwords": json.dumps({role: passwords[role] for role in ROLES}),
        "redis/redis.conf": f"""\
user default off
user probe on nopass resetkeys resetchannels -@all +ping
{users}save ""
appendonly no
maxmemory-policy noeviction
dir /tmp
""",
    }


def make(folder: Path, logins: Path) -> list[str]:
    """Write the missing files and return their names; an existing password is kept."""
    passwords = {name: _read(folder / f"{name}_password") or secrets.token_urlsafe(32) for name in PASSWORDS}
    contents = {folder / f"{name}_password": password for name, password in passwords.items()}
    contents |= {logins / name: text for name, text in files(passwords).items()}
    missing = {path: text for path, text in contents.items() if _read(path) != text.strip()}
    for path, text in missing.items():
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, text, mode=0o444 if path.parent.name in THEIRS else 0o400)
    for name in OF_LAST_RELEASE:
        (folder / name).unlink(missing_ok=True)
    return [str(path.relative_to(folder if path.is_relative_to(folder) else logins)) for path in missing]


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip() if path.is_file() else ""


if __name__ == "__main__":
    written = make(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write(f"made {', '.join(written)}\n" if written else "all secrets are there\n")
