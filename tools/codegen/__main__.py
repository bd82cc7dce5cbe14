"""``python -m tools.codegen``: write the client's models and the schemas of events declared since.

``--check``: say whether the models are up to date.
"""

import argparse
import sys
from pathlib import Path

from tools.codegen import event_schemas
from tools.codegen.render import render_all

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "client" / "storax" / "models"
# Workers of functions run under interpreters without Storax, so the rule for values lies beside them as well.
VALUES = ROOT / "client" / "storax" / "_json_values.py"
VALUES_COPY = ROOT / "site_agent" / "storax_agent" / "prepare" / "functions" / "json_values.py"
COPY_HEAD = "# A copy of client/storax/_json_values.py, written by `python -m tools.codegen`; do not edit.\n"


def stale(folder: Path = MODELS) -> list[str]:
    """Names of the files in ``folder`` that are missing, should not be there, or differ from the declarations."""
    wanted = render_all()
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.py")}
    return sorted(name for name in wanted.keys() | present.keys() if wanted.get(name) != present.get(name))


def write(folder: Path = MODELS) -> list[str]:
    """Bring ``folder`` up to date; returns the names of the files that changed."""
    changed, wanted = stale(folder), render_all()
    for name in changed:
        if name in wanted:
            (folder / name).write_text(wanted[name], encoding="utf-8")
        else:
            (folder / name).unlink()
    return changed


def copy_is_stale() -> bool:
    """Whether the workers' copy of the rule for values differs from the client's."""
    return not VALUES_COPY.exists() or VALUES_COPY.read_text(encoding="utf-8") != _copy()


def _copy() -> str:
    docstring, end, code = VALUES.read_text(encoding="utf-8").partition('\n"""\n')
    return f"{docstring}{end}\n{COPY_HEAD}{code}"


def _freeze_schemas() -> None:
    try:
        event_schemas.write()
    except ValueError as refusal:
        raise SystemExit(f"core/storax_core/log/schemas.json:\n{refusal}") from None


def main() -> int:
    """Write or check; exit code 1 where a check finds stale files."""
    parser = argparse.ArgumentParser(prog="python -m tools.codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a file is out of date")
    arguments = parser.parse_args()
    if not arguments.check:
        _freeze_schemas()
    names = [f"client/storax/models/{name}" for name in (stale() if arguments.check else write())]
    if copy_is_stale():
        names.append(str(VALUES_COPY.relative_to(ROOT)))
        if not arguments.check:
            VALUES_COPY.write_text(_copy(), encoding="utf-8")
    status = "out of date; run `python -m tools.codegen`" if arguments.check else "written"
    for name in names:
        sys.stdout.write(f"{name}: {status}\n")
    return 1 if arguments.check and names else 0


if __name__ == "__main__":
    raise SystemExit(main())
