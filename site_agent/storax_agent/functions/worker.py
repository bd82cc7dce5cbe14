"""Compatibility: an entry point of the previous release. Other interpreters start it by its path.

It runs the worker, and imports nothing of Storax.
"""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "prepare" / "functions" / "worker.py"), run_name="__main__")
