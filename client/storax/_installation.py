"""How to add an optional part of Storax, or a library, to the Python that runs."""

import importlib.util
import json
import shlex
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

# The extra that each of our packages needs.
EXTRAS = {
    "storax_agent": "agent", "storax_api": "server", "storax_core": "server", "storax_workers": "server",
    "storax_engine": "engine",
}  # fmt: skip


def add_extra(name: str) -> str:
    """Return the command that adds an extra, such as ``engine``, to this environment.

    It names the place that Storax was installed from (``direct_url.json``, PEP 610): a name alone asks an index.
    """
    return f"{_installer()} {_requirement(name, _origin())}"


def add_library(requirement: str) -> str:
    """Return the command that installs a library, such as ``polars``, in this environment."""
    return f"{_installer()} {shlex.quote(requirement)}"


def missing(error: ModuleNotFoundError) -> tuple[str, str]:
    """Return what is not installed, and how to add it; two empty texts where no extra brings it."""
    extra = _extra_of(error)
    return (f"The module {error.name!r} is not installed.", f"Install it: {add_extra(extra)}") if extra else ("", "")


def _extra_of(error: ModuleNotFoundError) -> str:
    """The extra of the innermost of our packages that asked for the module."""
    if (error.name or "").partition(".")[0] in (*EXTRAS, "storax"):
        return ""
    packages, trace = [], error.__traceback__
    while trace is not None:
        packages.append(str(trace.tb_frame.f_globals.get("__name__") or "").partition(".")[0])
        trace = trace.tb_next
    return next((EXTRAS[name] for name in reversed(packages) if name in EXTRAS), "")


def _installer() -> str:
    python = shlex.quote(sys.executable)
    return f"{python} -m pip install" if importlib.util.find_spec("pip") else f"uv pip install --python {python}"


def _origin() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        text = distribution("storax").read_text("direct_url.json")
    except PackageNotFoundError:
        return {}
    return json.loads(text) if text else {}


def _requirement(extra: str, origin: dict[str, Any]) -> str:
    url = origin.get("url", "")
    if not url:
        return f'"storax[{extra}]"'
    if "dir_info" in origin:
        folder = unquote(urlsplit(url).path)
        return ("--editable " if origin["dir_info"].get("editable") else "") + f'"{folder}[{extra}]"'
    if source := origin.get("vcs_info"):
        url = f"{source['vcs']}+{url}@{source['commit_id']}"
    return f'"storax[{extra}] @ {url}"'
