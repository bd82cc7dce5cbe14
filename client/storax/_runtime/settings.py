"""Settings of the client: its server, from arguments, ``STORAX_*`` variables and TOML profiles.

A profile is ``STORAX_HOME/profiles/<name>.toml`` (mode 0600) with the keys ``url`` and ``token``.
"""

import json
import re
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from storax._runtime.atomic_files import atomic_write

DEFAULT_PROFILE = "default"
LOCAL_PROFILE = "local"
LOCAL_SOURCE = f"profile {LOCAL_PROFILE}"

_chosen: list[str | None] = [None]
_PROFILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class SettingsError(LookupError):
    """The settings name no server, or a profile cannot be used; ``hint`` says what to do."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.args[0]}. {self.hint}" if self.hint else str(self.args[0])


class NoServerError(SettingsError):
    """No argument, variable or profile names a server."""


def _default_home() -> Path:
    from platformdirs import user_data_dir

    return Path(user_data_dir("storax"))


class ClientSettings(BaseSettings):
    """Settings of one client process, from ``STORAX_*`` variables."""

    model_config = SettingsConfigDict(env_prefix="STORAX_", env_ignore_empty=True, extra="ignore")

    home: Path = Field(default_factory=_default_home, description="Folder of every file kept: profiles, local data.")
    url: str | None = Field(default=None, description="Address of the server, as http://host:port.")
    token: SecretStr | None = Field(default=None, description="Access token, stx_...")
    token_file: Path | None = Field(
        default=None, description="File that holds the access token, instead of STORAX_TOKEN."
    )
    profile: str | None = Field(default=None, description="Name of the profile to use.")
    database_url: str | None = Field(default=None, description="Postgres used by `storax up` in place of its own.")
    redis_url: str | None = Field(default=None, description="Redis used by `storax up` in place of its own.")

    @property
    def secret(self) -> str | None:
        """The token as plain text: STORAX_TOKEN, else what STORAX_TOKEN_FILE holds; None where neither is set.

        Raises:
            SettingsError: the file cannot be read.
        """
        if self.token or self.token_file is None:
            return self.token.get_secret_value() if self.token else None
        try:
            return self.token_file.read_text(encoding="utf-8").strip() or None
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                f"STORAX_TOKEN_FILE={self.token_file} cannot be read: {error}", hint="Name a file that holds a token"
            ) from error


class Profile(BaseModel):
    """One server and the token to use there."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: str = Field(description="Address of the server, as http://host:port.")
    token: SecretStr | None = Field(default=None, description="Access token, stx_...")


class Connection(BaseModel):
    """A server and a token; ``source`` names where they come from, such as ``profile local``."""

    model_config = ConfigDict(frozen=True)

    url: str
    token: SecretStr | None = None
    source: str

    @property
    def secret(self) -> str | None:
        """The token as plain text, for the ``Authorization`` header; None when there is none."""
        return self.token.get_secret_value() if self.token else None


def home() -> Path:
    """Return the folder of all files: ``STORAX_HOME``, by default the user's data folder for storax."""
    return ClientSettings().home.expanduser().absolute()


def profile_path(name: str) -> Path:
    """The file of profile ``name``.

    Raises:
        SettingsError: the name holds anything but letters, digits, ``.``, ``_`` and ``-``.
    """
    if not _PROFILE_NAME.fullmatch(name):
        raise SettingsError(f"profile name {name!r} is not allowed", hint="Use letters, digits, '.', '_' and '-'")
    return home() / "profiles" / f"{name}.toml"


def profile_names() -> list[str]:
    """Names of the stored profiles, sorted."""
    return sorted(path.stem for path in (home() / "profiles").glob("*.toml"))


def load_profile(name: str) -> Profile | None:
    """The stored profile, or None when there is none of that name.

    Raises:
        SettingsError: the file is not TOML with a ``url``, or may not be read.
    """
    path = profile_path(name)
    try:
        return Profile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValidationError) as error:
        raise SettingsError(
            f'profile file {path} needs the lines url = "..." and token = "..." ({_short(error)})',
            hint="Mend or delete it, then run `storax login URL`",
        ) from error
    except OSError as error:
        raise SettingsError(
            f"profile file {path} cannot be read: {error.strerror}", hint="It must belong to you"
        ) from error


def save_profile(name: str, *, url: str, token: str | None = None) -> Path:
    """Write profile ``name`` (mode 0600, replaced in one step) and return its file."""
    path = profile_path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = {"url": url.rstrip("/")} | ({"token": token} if token else {})
    # A JSON string is a TOML basic string as well.
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
    atomic_write(path, text, mode=0o600)
    return path


def delete_profile(name: str) -> bool:
    """Forget profile ``name``; False when there was none."""
    path = profile_path(name)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def choose_profile(name: str | None) -> None:
    """Use this stored profile wherever nothing else is named; None: the server that scripts would use."""
    _chosen[0] = name


def chosen_profile() -> str | None:
    """Return the profile that ``choose_profile`` named last; None where it named none."""
    return _chosen[0]


def resolve(url: str | None = None, *, token: str | None = None, profile: str | None = None) -> Connection:
    """Choose the server.

    The first of these wins: ``url``/``token``; ``profile``; the profile that the command line names;
    STORAX_URL/STORAX_TOKEN(_FILE); STORAX_PROFILE; the profile ``default``; the profile ``local``, which `storax up`
    writes. A token is only ever sent to the server it was stored for: an address without a token takes one from a
    profile of the same address, or none.

    Raises:
        NoServerError: nothing names a server.
        SettingsError: a named profile is missing or broken.
    """
    settings = ClientSettings()
    if url:
        return _address(url, token=token, settings=settings, source="argument url")
    profile = profile or chosen_profile()
    if profile:
        return _profile(profile, token=token, source=f"profile {profile}")
    if settings.url:
        return _address(settings.url, token=token, settings=settings, source="STORAX_URL")
    if settings.profile:
        return _profile(settings.profile, token=token or settings.secret, source=f"STORAX_PROFILE={settings.profile}")
    for name in (DEFAULT_PROFILE, LOCAL_PROFILE):
        if load_profile(name):
            return _profile(name, token=token or settings.secret, source=f"profile {name}")
    raise NoServerError("no server is set", hint="Start one with `storax up`, or log in with `storax login URL`")


def _address(url: str, *, token: str | None, settings: ClientSettings, source: str) -> Connection:
    url = url.rstrip("/")
    if not token and (settings.url or url).rstrip("/") == url:
        token = settings.secret
    return Connection(url=url, token=_secret(token) or _stored_token(url), source=source)


def _profile(name: str, *, token: str | None, source: str) -> Connection:
    stored = load_profile(name)
    if stored is None:
        known = ", ".join(profile_names()) or "none"
        raise SettingsError(
            f"there is no profile {name!r} (there are: {known})", hint=f"Run `storax login URL --profile {name}`"
        )
    return Connection(url=stored.url.rstrip("/"), token=_secret(token) or stored.token, source=source)


def _stored_token(url: str) -> SecretStr | None:
    for name in profile_names():
        stored = load_profile(name)
        if stored and stored.url.rstrip("/") == url:
            return stored.token
    return None


def _secret(token: str | None) -> SecretStr | None:
    return SecretStr(token) if token else None


def _short(error: Exception) -> str:
    return str(error).splitlines()[0]
