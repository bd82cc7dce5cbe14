"""``python -m tools.codegen``: write the client's models and the schemas of events declared since.

``--check``: say whether the models are up to date.
"""

import argparse
import sys
from pathlib import Path

from tools.codegen import copies, event_schemas
from tools.codegen.render import render_all

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "client" / "storax" / "models"


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
    names += copies.stale() if arguments.check else copies.write()
    status = "out of date; run `python -m tools.codegen`" if arguments.check else "written"
    for name in names:
        sys.stdout.write(f"{name}: {status}\n")
    return 1 if arguments.check and names else 0


if __name__ == "__main__":
    raise SystemExit(main())
