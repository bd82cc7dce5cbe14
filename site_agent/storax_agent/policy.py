"""What this site runs. The server is not asked: a site refuses what its own ``site.toml`` does not allow."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# What decides which code runs: a change of any of these is another program.
DIGESTED = ("name", "command_template", "use_shell", "source_code", "environment", "parameters")


@dataclass(frozen=True)
class Policy:
    """Rules of the site. None allows all; an empty set allows nothing."""

    allow_functions: bool = False
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
        if not app.get("command_template"):
            return self._function_objection(app)
        return ""

    def _function_objection(self, app: Mapping[str, Any]) -> str:
        if not self.allow_functions:
            return (
                f"site policy: App {app.get('name')!r} has no command_template, and this site runs no Python functions"
            )
        return f"App {app.get('name')!r} has no command_template; this agent runs commands only"


def app_digest(app: Mapping[str, Any]) -> str:
    """SHA-256 over what the App runs, as ``sha256:...``; `storax site check` prints it for each App."""
    told = {name: app.get(name) for name in DIGESTED}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
