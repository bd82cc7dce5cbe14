"""Modules of the client that workers of functions need too: they run under interpreters without Storax, so copies lie
beside ``worker.py``. Each needs the standard library alone."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path("site_agent/storax_agent/prepare/functions")
# The client's module, and the name of its copy, which a module of an App must not have by chance.
COPIES = {
    "client/storax/_json_values.py": "json_values.py",
    "client/storax/_jobs/shipping/at_site.py": "worker_declarations.py",
    "client/storax/_runtime/output_files.py": "worker_output_files.py",
}


def rendered() -> dict[str, str]:
    """Return the text of every copy, by its path below the root of the repository."""
    return {str(WORKER / copy): _copy(source) for source, copy in COPIES.items()}


def stale(root: Path = ROOT) -> list[str]:
    """Return the copies that are missing or differ."""
    paths = {name: root / name for name in rendered()}
    return [name for name, text in rendered().items() if not paths[name].exists() or paths[name].read_text() != text]


def write(root: Path = ROOT) -> list[str]:
    """Bring the copies up to date; returns those that changed."""
    changed = stale(root)
    for name in changed:
        (root / name).write_text(rendered()[name], encoding="utf-8")
    return changed


def _copy(source: str) -> str:
    text = (ROOT / source).read_text(encoding="utf-8")
    docstring, end, code = text.partition('"""\n' if text.partition("\n")[0].endswith('."""') else '\n"""\n')
    return f"{docstring}{end}\n# A copy of {source}, written by `python -m tools.codegen`; do not edit.\n{code}"
