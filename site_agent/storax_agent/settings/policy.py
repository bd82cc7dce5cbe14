"""What this site runs. The server is not asked: a site refuses what its own ``site.toml`` does not allow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# What decides which code runs: a change of any of these is another program.
DIGESTED = (
    *("name", "command_template", "use_shell", "source_code", "environment", "parameters"),
    *("hooks", "python_exe", "shell_preamble"),
)


@dataclass(frozen=True)
class Policy:
    """Rules of the site. None allows all; an empty set allows nothing."""

    allow_functions: bool = False
    allow_pickle: bool = False
    allowed_apps: frozenset[str] | None = None
    allowed_submitters: frozenset[str] | None = None

    def objection(self, app: Mapping[str, Any], *, submitter: str) -> str:
        """Why work of this App is refused, or an empty text."""
        if self.allowed_submitters is not None and submitter not in self.allowed_submitters:
            return f"site policy: {submitter or 'an unknown user'} is not in allowed_submitters of this site"
        if self.allowed_apps is not None and (digest := app_digest(app)) not in self.allowed_apps:
            return (
                f"site policy: App {app.get('name')!r} has digest {digest}, which is not in allowed_apps of this site"
            )
        return self._code_objection(app)

    def _code_objection(self, app: Mapping[str, Any]) -> str:
        what = ", ".join(app.get("hooks") or ())
        if self.allow_functions or (app.get("command_template") and not what):
            return ""
        what = f"hooks ({what})" if what else "no command_template"
        return (
            f"site policy: App {app.get('name')!r} has {what}, and this site runs no Python functions"
            " (allow_functions in its site.toml)"
        )


class PolicySettings(BaseModel):
    """What the site may run. The server cannot change it."""

    model_config = ConfigDict(extra="forbid")

    allow_functions: bool = Field(default=False, description="Whether Apps with a Python run() may run here.")
    allow_pickle: bool = Field(default=False, description="Whether values of functions may be pickled (cloudpickle).")
    allowed_apps: list[str] | None = Field(default=None, description="Digests of the Apps that may run; unset: all.")
    allowed_submitters: list[str] | None = Field(default=None, description="Users whose jobs may run; unset: all.")

    def policy(self) -> Policy:
        """The rules as the agent asks them."""
        apps = None if self.allowed_apps is None else frozenset(self.allowed_apps)
        users = None if self.allowed_submitters is None else frozenset(self.allowed_submitters)
        return Policy(self.allow_functions, self.allow_pickle, apps, users)


def app_digest(app: Mapping[str, Any]) -> str:
    """SHA-256 over what the App runs, as ``sha256:...``; `storax site check` prints it for each App."""
    definition = {name: app.get(name) for name in DIGESTED}
    text = json.dumps(definition, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
