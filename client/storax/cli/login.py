"""`storax login`, `logout`, `whoami` and `open`: which server, who we are there, and its web page."""

import sys
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from storax.cli.terminal.failures import NOT_FOUND, CommandError, UsageError
from storax.cli.terminal.output import Form, Output, note, show_one
from storax.cli.terminal.visible import say_exactly

HERE = ("127.0.0.1", "localhost", "::1")  # hosts of this machine
Stored = Annotated[str, typer.Option("--profile", metavar="NAME", help="Name of the profile.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this file to the root command."""
    for command in (login, logout, whoami):
        app.command()(command)
    app.command("open")(open_page)


def login(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Address of the server, such as http://host:8360.")],
    *,
    username: Annotated[str | None, typer.Option("--username", "-u", metavar="NAME", help="Login name.")] = None,
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from stdin.")] = False,
    token_stdin: Annotated[bool, typer.Option("--token-stdin", help="Store a token from stdin instead.")] = False,
    profile: Stored = "default",
) -> None:
    """Log in, and store the token (mode 0600) for later commands and scripts.

    \b
    Examples:
      storax login http://storax.example.org:8360 -u alice
      storax login http://storax.example.org:8360 --token-stdin < token.txt
    """
    from storax._runtime import settings

    name = _profile_name(context, profile)
    settings.profile_path(name)
    token = _read_secret("token") if token_stdin else _token_for(url, username, from_stdin=password_stdin)
    user = _me(url, token)
    path = settings.save_profile(name, url=url, token=token)
    note(f"Logged in at {url} as {user['username']} (profile {name}, {path})")


def logout(
    context: typer.Context,
    *,
    profile: Stored = "default",
    keep: Annotated[bool, typer.Option("--keep", help="Delete the token here, and leave it valid.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Revoke the tokens that were created with it too.")] = False,
) -> None:
    """Revoke the stored token at its server, and delete it here.

    The tokens that were created with it, such as those of sites, are revoked too: `--yes` confirms this.

    \b
    Examples:
      storax logout
      storax logout --profile cluster
      storax logout --keep
    """
    from storax._runtime import settings

    name = _profile_name(context, profile)
    stored = settings.load_profile(name)
    if stored is None:
        known = ", ".join(settings.profile_names()) or "none"
        raise CommandError(f"The profile {name!r} does not exist.", hint=f"Profiles: {known}.", status=NOT_FOUND)
    if stored.token and not keep:
        _revoke(stored.url, stored.token.get_secret_value(), family=yes)
    settings.delete_profile(name)
    note(f"Logged out of {stored.url} (profile {name})")


def whoami(*, output: Output = Form.TABLE) -> None:
    """Show the server in use, the source of its address, and the user.

    \b
    Examples:
      storax whoami
      storax whoami -o json
    """
    from storax.client import current_client

    client = current_client()
    user = client.request("GET", "/auth/me")
    show_one(
        {"username": user["username"], "user_id": user["user_id"], "url": client.url, "found": _source()}, form=output
    )


def open_page(
    *, show: Annotated[bool, typer.Option("--print", help="Print the address, and open nothing.")] = False
) -> None:
    """Open the server's web page in the browser.

    For a server on this machine, such as that of `storax up`, the address signs you in: once, within a minute. At
    another server the page asks for your password.

    \b
    Examples:
      storax open
      storax open --print      for a machine without a browser, or for another browser
    """
    import webbrowser

    from storax.client import current_client

    client = current_client()
    address = f"{client.url}/ui/"
    if urlsplit(client.url).hostname in HERE:
        code = client.request("POST", "/auth/login-codes", {})["code"]
        address = f"{client.url}/ui/enter?code={code}"
    if not show and webbrowser.open(address):
        note(f"Opened {client.url}/ui/")
        return
    say_exactly(address)
    if not show:
        note("No browser could be started; open the address above within a minute.")


def _source() -> str:
    from storax._runtime.settings import SettingsError, resolve

    try:
        return resolve().source
    except SettingsError:
        return ""


def _profile_name(context: typer.Context, profile: str) -> str:
    """Return the name after `login --profile`, else after `storax --profile`."""
    outer = (context.obj or {}).get("profile")
    return outer if outer and profile == "default" else profile


def _token_for(url: str, username: str | None, *, from_stdin: bool) -> str:
    if not username:
        if not sys.stdin.isatty():
            raise UsageError("No user name is given.", hint="Write storax login URL -u NAME --password-stdin")
        username = str(typer.prompt("Username", err=True))
    answer = _anonymous(url).request("POST", "/auth/login", {"username": username, "password": _password(from_stdin)})
    return str(answer["token"])


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return _read_secret("password")
    if not sys.stdin.isatty():
        raise UsageError("Cannot prompt for the password without a terminal.", hint="Pipe it to --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, err=True))


def _read_secret(what: str) -> str:
    secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise UsageError(f"No {what} on stdin.", hint=f"Pipe it in: ... < {what}.txt")
    return secret


def _anonymous(url: str) -> Any:
    from storax.client import Client

    # A token that is stored for this address must not be used for another login.
    return Client(url, "none")


def _me(url: str, token: str) -> dict[str, Any]:
    from storax.client import Client

    user: dict[str, Any] = Client(url, token).request("GET", "/auth/me")
    return user


def _revoke(url: str, token: str, *, family: bool) -> None:
    """Revoke a token at its server, unless it is refused already or the server is gone.

    Raises CommandError where others were created with it, unless ``family`` says to revoke them too.
    """
    from storax.client import Client
    from storax.errors import Unauthorized, Unavailable

    client = Client(url, token, connect_within=2.0)
    try:
        me = client.request("GET", "/auth/me")
        if (others := me.get("tokens_created", 0)) and not family:
            raise CommandError(
                f"{others} tokens were created with this one and would be revoked too, such as those of sites.",
                hint="See `storax token ls`. --yes revokes them, --keep deletes the token only here.",
            )
        client.request("DELETE", f"/tokens/{me['token_id']}")
    except Unauthorized:
        note("The token was no longer valid.")
    except Unavailable:
        note(f"No server answers at {url}: the token is deleted here, but not revoked there.")
