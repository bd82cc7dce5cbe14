"""``storax admin``: migrate, roles, users, verify, rebuild, seals, restores. Talks to Postgres itself.

No database is taken for granted: one must be named. The client's ``storax admin`` finds the stack of its machine.
"""

import json
import os
import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from storax_core.admin import archive_cli
from storax_core.admin.options import EXIT_DIFFERENT, SealExport, SealKey, Url, fail, named, run
from storax_core.errors import Invalid

ROLE_PASSWORDS = "STORAX_ROLE_PASSWORDS"
app = typer.Typer(help="Operate the database: migrate, users, verify, rebuild, archive.", no_args_is_help=True)
app.command()(archive_cli.archive)
app.command()(archive_cli.archives)


@app.command()
def migrate(
    database_url: Url = None,
    to: Annotated[str, typer.Option(help="Target revision; head is the newest.")] = "head",
    down: Annotated[bool, typer.Option("--down", help="Downgrade to the revision instead of upgrading.")] = False,
    administrator_url: Annotated[
        str, typer.Option(envvar="STORAX_ADMINISTRATOR_URL", help="Address of a superuser, who first creates the login "
                          "roles. Default: they are there, or one login does everything.")
    ] = "",
) -> None:  # fmt: skip
    """Upgrade the database to the schema of this program, and hold its roles to their privileges.

    With the address of an administrator, the login roles get the passwords in the variable STORAX_ROLE_PASSWORDS, a
    JSON object by name. Without it, see `storax admin roles`.

    \b
    Examples:
      storax admin migrate --database-url postgresql://storax_owner@db/storax
    """
    from storax_core.admin.migrate import migrate as work
    from storax_core.admin.roles import create

    url = named(database_url)
    if administrator_url:
        run(create(administrator_url, _passwords()))
    run(work(url, to, down=down))


def _passwords() -> dict[str, str]:
    """The passwords of roles, from a variable: every user of a machine can read arguments."""
    try:
        return {str(name): str(text) for name, text in json.loads(os.environ.get(ROLE_PASSWORDS, "{}")).items()}
    except (ValueError, AttributeError):
        raise fail(Invalid(f"{ROLE_PASSWORDS} is no JSON object of passwords by role")) from None


@app.command()
def roles() -> None:
    """Print the SQL that creates the login roles of the API, the workers, migrations and backups.

    An administrator runs it in the database, before the first `migrate` or on a database of an earlier release, and
    then sets the passwords with \\password. It can be repeated.

    \b
    Examples:
      storax admin roles | psql postgresql://postgres@db.example.org/storax
    """
    from storax_core.database.roles import LOGINS, script

    for login in LOGINS:
        print(f"-- {login.name}: {login.purpose}")
    print(script(), end="")


@app.command()
def bootstrap(
    user: Annotated[str, typer.Option(help="User name; created if it does not exist.")],
    database_url: Url = None,
    password_env: Annotated[
        str, typer.Option(metavar="NAME", help="Variable with the password of a new user. Default: no password.")
    ] = "",
    days: Annotated[int, typer.Option(help="Days until the token expires, 1 to 3650.")] = 365,
) -> None:
    """Create a user and a token, and print both as JSON. The token is shown only once.

    \b
    Examples:
      storax admin bootstrap --user alice
      PW=... storax admin bootstrap --user alice --password-env PW
    """
    from storax_core.admin.users import bootstrap as work

    password = _variable(password_env) if password_env else None
    print(json.dumps(run(work(named(database_url), user, password, days)), default=str))


@app.command()
def set_password(
    user: Annotated[str, typer.Option(help="Name of an existing user.")],
    database_url: Url = None,
    password_env: Annotated[
        str, typer.Option(metavar="NAME", help="Variable with the password. Default: prompt, or a line of stdin.")
    ] = "",
    revoke_tokens: Annotated[
        bool, typer.Option("--revoke-tokens", help="Revoke all tokens of the user, also those of sites and scripts.")
    ] = False,
) -> None:
    """Set the password of a user, with at least 12 characters. Tokens stay valid.

    \b
    Examples:
      storax admin set-password --user alice
      storax admin set-password --user alice --revoke-tokens < password.txt
    """
    from storax_core.admin.users import set_password as work

    password = _variable(password_env) if password_env else _typed()
    revoked = run(work(named(database_url), user, password, revoke_tokens=revoke_tokens))
    print(f"Set the password of {user}; {f'{revoked} tokens revoked' if revoke_tokens else 'tokens stay valid'}.")


def _variable(name: str) -> str:
    if name not in os.environ:
        raise fail(Invalid(f"the variable {name} of --password-env is not set", hint="Export it first."))
    return os.environ[name]


def _typed() -> str:
    """A password from a pipe, or from whoever sits there. Never an argument, which every user of a machine can read."""
    if sys.stdin.isatty():
        return str(typer.prompt("New password", hide_input=True, confirmation_prompt=True, err=True))
    try:
        return sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise fail(Invalid("the password on stdin is not UTF-8 text")) from None


@app.command()
def verify(
    database_url: Url = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    seal_export: SealExport = "",
    seal_key_file: SealKey = "",
    first_seal: Annotated[
        int, typer.Option("--from-seal", min=1, help="Number of the first seal whose events are read.")
    ] = 1,
    only_seals: Annotated[bool, typer.Option("--only-seals", help="Do not compare the tables with the log.")] = False,
) -> None:
    """Fold the log and compare it with every table, log and archives with their seals. Exit status 6 if they differ.

    \b
    Examples:
      storax admin verify
      storax admin verify --only-seals --from-seal 900 --seal-export /backup/seals.ndjson
    """
    from storax_core.admin.verify import verify as work
    from storax_core.log.sealing import Sealing

    async def checked() -> Any:
        sealing = Sealing.of(seal_export, seal_key_file)
        return await work(named(database_url), sealing, first_seal=first_seal, only_seals=only_seals)

    report = run(checked())
    print(json.dumps(report) if as_json else _summary(report))
    if report["differences"]:
        raise typer.Exit(EXIT_DIFFERENT)


def _summary(report: dict[str, Any]) -> str:
    rows = [f"{n:<14} {r['rows']:>9} rows {r['differences']:>6} differences" for n, r in report["entities"].items()]
    samples = [f"  {s}" for r in report["entities"].values() for s in r["samples"]]
    checks = [f"{n:<32} {v:>6} violations" for n, v in report["checks"].items()]
    end = f"{report['events']} events, {report['differences']} differences"
    lost = [f"  {sentence}" for sentence in report["lost"]]
    return "\n".join([*rows, *samples, *checks, *lost, *_sealed(report["seals"]), *_archived(report["archives"]), end])


def _archived(report: dict[str, Any]) -> list[str]:
    return [f"{report['archives']} archives", *(f"  {sentence}" for sentence in report["problems"])]


def _sealed(seals: dict[str, Any]) -> list[str]:
    exported = f", {seals['exported']} exported" if seals["exported"] else ""
    lost = f", {seals['lost']} lost in confirmed restores" if seals["lost"] else ""
    archived = f", {seals['archived']} archived" if seals["archived"] else ""
    line = f"{seals['seals']} seals{exported}{archived}{lost}, {seals['unsealed']} events not sealed yet"
    return [line, *(f"  {sentence}" for sentence in seals["problems"])]


@app.command()
def seal(database_url: Url = None, seal_export: SealExport = "", seal_key_file: SealKey = "") -> None:
    """Seal the log up to now, and export the seals. The server does this every STORAX_SEAL_SEC seconds.

    \b
    Examples:
      storax admin seal
      storax admin seal --seal-export s3://audit/storax --seal-key-file /etc/storax/seal.key
    """
    from storax_core.admin.seal_command import seal as work

    added, exported = run(work(named(database_url), seal_export, seal_key_file))
    print(f"{added} new seals, {exported} exported")


@app.command("mark-restored")
def mark_restored(
    database_url: Url = None,
    seal_export: SealExport = "",
    seal_key_file: SealKey = "",
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "an operator restored it",
) -> None:
    """Say that the database was restored to an older state, before its server starts.

    A new epoch begins: ids, positions and leases that were handed out after that state never come again, agents report
    again, readers of the event stream are told to start over. With exported seals, their loss is confirmed. A restored
    dump is noticed without this command; a copy of Postgres' files may not be.

    \b
    Examples:
      storax admin mark-restored
      storax admin mark-restored --reason "disk failure on node 3"
    """
    from storax_core.admin.seal_command import mark_restored as work

    epoch = run(work(named(database_url), reason, seal_export, seal_key_file))
    print(f"Epoch {epoch.number} begins; the log was kept up to position {epoch.kept_position}.")


@app.command()
def rebuild(
    database_url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt for confirmation.")] = False,
) -> None:
    """Restore all tables from the log. Writers wait only while differing rows are replaced.

    The log holds no hashes. A token or a password whose row was lost is named, with what to do.

    \b
    Examples:
      storax admin rebuild
      storax admin rebuild --yes
    """
    from storax_core.admin.rebuild import rebuild as work

    url = named(database_url)
    if not yes and not sys.stdin.isatty():
        question = f"this would rebuild every projection of {_place(url)} from the log"
        raise fail(Invalid(question, hint="Cannot prompt without a terminal: add --yes."))
    if not yes:
        typer.confirm(f"Rebuild every projection of {_place(url)} from the log?", abort=True)
    rebuilt = run(work(url))
    for name, count in rebuilt.rows.items():
        print(f"{name:<14} {count:>9} rows")
    for sentence in rebuilt.lost:
        print(f"Not restored: {sentence}.", file=sys.stderr)


def _place(url: str) -> str:
    """Host, port and database, without the password."""
    parts = urlsplit(url)
    return f"{parts.netloc.rpartition('@')[2]}{parts.path}"
