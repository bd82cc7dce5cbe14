"""Entry point of every container: read secrets from files, refuse to start without them, then become the command.

``STORAX_DATABASE_URL_FILE=/secrets/database_url`` sets ``STORAX_DATABASE_URL`` to the file's text, and so on for every
``STORAX_*_FILE`` that is not empty, except for settings that name a file themselves. Secrets in files do not show in
``docker inspect``, nor in the environment of another ``docker exec``. It uses the standard library only: it runs before
anything else is known to work.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

ARE_FILES = frozenset({"STORAX_SEAL_KEY_FILE"})  # settings that name a file themselves
NEEDED = "STORAX_NEEDS"  # names of the settings that this image cannot do without, separated by spaces
GUESSABLE = frozenset({"storax", "postgres", "redis", "valkey", "password", "secret", "changeme", "admin", "test"})
EX_CONFIG = 78


class RefusedError(Exception):
    """A setting is missing or unsafe; the message says which, and the way out."""


def resolved(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment with every ``STORAX_*_FILE`` that names a file read into ``STORAX_*``.

    Raises:
        RefusedError: a file is missing or empty, a needed setting is absent, a password is one that anybody would try.
    """
    resolved_environment = dict(environment)
    for name, path in environment.items():
        if name.startswith("STORAX_") and name.endswith("_FILE") and path and name not in ARE_FILES:
            resolved_environment[name.removesuffix("_FILE")] = _text(name, Path(path))
    for name in resolved_environment.get(NEEDED, "").split():
        _require(name, resolved_environment.get(name, ""))
    return resolved_environment


def _text(name: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise RefusedError(
            f"{name} names {path}, which cannot be read: {error.strerror}. Make it, or set another"
        ) from None
    if not text:
        raise RefusedError(f"{name} names {path}, which is empty. Put the secret in it")
    return text


def _require(name: str, value: str) -> None:
    if not value:
        raise RefusedError(f"{name} is not set. Set it, or {name}_FILE to the file that holds it")
    if "://" in value and (urlsplit(value).password or "").lower() in GUESSABLE:
        raise RefusedError(f"the password in {name} is one that anybody would try. Choose a random one")


def main(argv: list[str]) -> None:
    """Replace this process by ``argv``."""
    try:
        environment = resolved(os.environ)
    except RefusedError as error:
        sys.stderr.write(f"storax: {error}.\n")
        raise SystemExit(EX_CONFIG) from None
    os.execvpe(argv[0], argv, environment)  # noqa: S606  (argv is the image's own command)


if __name__ == "__main__":
    main(sys.argv[1:])
