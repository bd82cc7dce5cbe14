"""Make the agent's token at its first start: ``python agent_token.py FILE USER``. A token that is there is kept.

The agent gets a token and nothing else: it runs its users' code, which must not reach Postgres or Redis.
"""

import asyncio
import os
import sys
from pathlib import Path

from storax._runtime.atomic_files import atomic_write
from storax_core.admin.users import bootstrap

DAYS = 365


def make(path: Path, user: str) -> bool:
    """Create the user where it is missing and write a token of it; return whether a token was made."""
    if path.is_file() and path.read_text(encoding="ascii").strip():
        return False
    account = asyncio.run(bootstrap(os.environ["STORAX_DATABASE_URL"], user, None, DAYS))
    atomic_write(path, account["token"], mode=0o400)
    return True


if __name__ == "__main__":
    new = make(Path(sys.argv[1]), sys.argv[2])
    sys.stdout.write("made a token\n" if new else "the token is there\n")
