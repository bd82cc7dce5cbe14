"""What the Storax client inside a job needs to reach the server of its site."""

import os
from collections.abc import Mapping
from pathlib import Path

from storax._runtime.settings import DEFAULT_PROFILE, LOCAL_PROFILE, SettingsError, home, load_profile, profile_path
from storax_agent.settings.site import SiteFolder, SiteSettings

CHOSEN = (DEFAULT_PROFILE, LOCAL_PROFILE)  # profiles that a client takes by itself, the first that there is


class ClientVariables:
    """The variables that lead a client to the site's server, with the rights of the owner's profile.

    There are none where the owner's profiles lead there anyway; those are read again when they change. Where there is
    no profile, a client has the site's own token, which may lease and report. The variables name files, which only the
    owner can read, and never hold a token.
    """

    def __init__(self, folder: SiteFolder, settings: SiteSettings) -> None:
        self._url, self._token_file = settings.url.rstrip("/"), folder.token_file
        self._profile = settings.job_profile or settings.profile
        self._home = {"STORAX_HOME": str(home())} if os.environ.get("STORAX_HOME") else {}
        self._files = [profile_path(name) for name in CHOSEN]
        self._read_at: list[int] = []
        self._variables: Mapping[str, str] = {}

    def __call__(self) -> Mapping[str, str]:
        """Return the variables by the profiles of now."""
        stamps = [_stamp(path) for path in self._files]
        if stamps != self._read_at:
            self._read_at, self._variables = stamps, {**self._home, **self._needed()}
        return self._variables

    def _needed(self) -> Mapping[str, str]:
        if self._chosen() in (self._profile, f"={self._url}"):
            return {}
        if self._profile:
            return {"STORAX_PROFILE": self._profile}
        token = {"STORAX_TOKEN_FILE": str(self._token_file)} if self._token_file.is_file() else {}
        return {"STORAX_URL": self._url, **token}

    def _chosen(self) -> str:
        """The name of the profile that a client would take, or the address in it for a site that names no profile."""
        for name in CHOSEN:
            try:
                stored = load_profile(name)
            except SettingsError:
                return ""
            if stored:
                return name if self._profile else f"={stored.url.rstrip('/')}" if stored.token else ""
        return ""


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
