"""The engine's process: ``python -m storax_engine serve FOLDER``. Clients start it by themselves.

The platform is found as every script finds it (STORAX_URL and STORAX_TOKEN, else a profile). It ends with status 75
when another process serves the folder, with 1 and one sentence when it cannot start.
"""

import argparse
import os
import sys
from pathlib import Path

from storax._engine.folder import EngineFolder
from storax.errors import StoraxError
from storax_engine.rpc.service import serve


def main() -> int:
    """Serve the folder until a SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m storax_engine", description="Hold data frames and pipelines.")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("folder", type=Path)
    folder = EngineFolder(parser.parse_args().folder.absolute())
    folder.prepare()
    if folder.lock() is None:  # the descriptor stays open, and with it the lock, until this process ends
        sys.stderr.write(f"Another engine serves {folder.path}.\n")
        return os.EX_TEMPFAIL
    try:
        serve(folder)
    except StoraxError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
