"""Which server a script without a server of its own gets: only the default stack replaces itself."""

from pathlib import Path

import pytest

from storax._runtime import settings
from storax.errors import NotConfigured
from storax.local import control, default_stack
from storax.local.config import StackConfig
from storax.local.errors import StartError
from storax.local.folder import FORMAT, Folder
from storax.local.state import Stack

URL = "http://127.0.0.1:8360"


@pytest.fixture(autouse=True)
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Folders whose stack was to be started; the default folder holds a stopped stack."""
    for name in ("URL", "TOKEN", "TOKEN_FILE", "PROFILE"):
        monkeypatch.delenv(f"STORAX_{name}", raising=False)
    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    stack, calls = Stack(url=URL, secrets={"token": "stx_own"}), []

    def up(config: StackConfig) -> tuple[Stack, bool]:
        calls.append(config.data)
        return stack, True

    monkeypatch.setattr(control, "up", up)
    folder = Folder(control.default_data())
    folder.prepare()
    folder.write(stack)
    return calls


def cannot_start(_: StackConfig) -> tuple[Stack, bool]:
    raise StartError("Postgres did not start.")


@pytest.mark.parametrize("token", [None, "stx_another"])
def test_a_stopped_stack_is_started_again_also_where_a_variable_holds_the_token(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    settings.save_profile("local", url=URL, token="stx_own")
    if token:
        monkeypatch.setenv("STORAX_TOKEN", token)
    default_stack.ensure_server(quiet=True)
    assert started == [control.default_data()]


@pytest.mark.parametrize("token", [None, "stx_of_another_server"])
def test_a_server_on_the_port_of_the_stopped_stack_is_not_replaced(
    started: list[Path], monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    settings.save_profile("local", url=URL, token=token)
    monkeypatch.setenv("STORAX_TOKEN", "stx_own")
    default_stack.ensure_server(quiet=True)
    assert started == []
    stored = settings.load_profile("local")
    assert stored is not None
    assert (stored.token and stored.token.get_secret_value()) == token


def test_a_stack_that_cannot_start_says_what_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "up", cannot_start)
    with pytest.raises(NotConfigured, match=r"^No server is set, and .*: Postgres did not start"):
        default_stack.ensure_server()
    settings.save_profile("local", url=URL, token="stx_own")
    with pytest.raises(NotConfigured, match=r"^The server is that of the profile 'local', and .*: Postgres did not"):
        default_stack.ensure_server()


def test_a_folder_of_a_newer_release_is_an_error_of_storax() -> None:
    settings.save_profile("local", url=URL, token="stx_own")
    (control.default_data() / "FORMAT").write_text(f"{FORMAT + 1}\n")
    with pytest.raises(NotConfigured, match="newer Storax"):
        default_stack.ensure_server()
