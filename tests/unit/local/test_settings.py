"""Which server and token the client uses, and that profiles keep secrets to their owner."""

import stat
from pathlib import Path

import pytest

from storax._runtime import settings
from storax._runtime.settings import SettingsError, resolve, save_profile


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("URL", "TOKEN", "PROFILE"):
        monkeypatch.delenv(f"STORAX_{name}", raising=False)
    monkeypatch.setenv("STORAX_HOME", str(tmp_path))
    return tmp_path


def test_a_profile_is_readable_by_its_owner_only_and_replaced_whole(home: Path) -> None:
    path = save_profile("local", url="http://127.0.0.1:8360/", token='stx_"quoted"')
    assert path == home / "profiles" / "local.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    save_profile("local", url="http://127.0.0.1:9000", token="stx_new")
    assert [entry.name for entry in path.parent.iterdir()] == ["local.toml"]
    assert resolve().url == "http://127.0.0.1:9000"


def test_quotes_and_unicode_survive_the_file() -> None:
    save_profile("odd", url="http://h:1", token='stx_"\\ü\n')
    stored = settings.load_profile("odd")
    assert stored is not None
    assert stored.token is not None
    assert stored.token.get_secret_value() == 'stx_"\\ü\n'


def test_arguments_win_over_variables_and_variables_over_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("local", url="http://local:1", token="stx_local")
    assert (resolve().url, resolve().secret) == ("http://local:1", "stx_local")
    save_profile("default", url="http://default:1", token="stx_default")
    assert resolve().url == "http://default:1"
    save_profile("lab", url="http://lab:1", token="stx_lab")
    monkeypatch.setenv("STORAX_PROFILE", "lab")
    assert resolve().secret == "stx_lab"
    monkeypatch.setenv("STORAX_URL", "http://env:1")
    monkeypatch.setenv("STORAX_TOKEN", "stx_env")
    assert (resolve().url, resolve().secret) == ("http://env:1", "stx_env")
    assert resolve(profile="lab").secret == "stx_lab"
    assert resolve("http://given:1", token="stx_given").secret == "stx_given"


def test_a_token_is_never_sent_to_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    save_profile("local", url="http://local:1", token="stx_local")
    assert resolve("http://elsewhere:1").secret is None
    assert resolve("http://local:1/").secret == "stx_local"
    monkeypatch.setenv("STORAX_URL", "http://env:1")
    monkeypatch.setenv("STORAX_TOKEN", "stx_env")
    assert resolve("http://elsewhere:1").secret is None


def test_no_server_anywhere_says_what_to_run() -> None:
    with pytest.raises(SettingsError, match="storax up"):
        resolve()


def test_a_missing_profile_names_those_there_are() -> None:
    save_profile("lab", url="http://lab:1")
    with pytest.raises(SettingsError, match=r"no profile 'lap' \(there are: lab\)"):
        resolve(profile="lap")


@pytest.mark.parametrize("text", ["url = ", 'token = "x"', "\xff"])
def test_a_broken_profile_is_named(home: Path, text: str) -> None:
    path = save_profile("local", url="http://h:1")
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=str(path)):
        resolve()


@pytest.mark.parametrize("name", ["../evil", "", "a/b", ".hidden"])
def test_a_profile_name_cannot_leave_the_folder(name: str) -> None:
    with pytest.raises(SettingsError, match="not allowed"):
        save_profile(name, url="http://h:1")


def test_a_token_is_not_printed() -> None:
    save_profile("local", url="http://h:1", token="stx_secret")
    assert "stx_secret" not in repr(resolve())
