"""Runs the worker, which other interpreters start by its path; so it imports nothing of Storax."""

import runpy
from pathlib import Path

runpy.run_path(str(Path(__file__).resolve().parents[1] / "prepare" / "functions" / "worker.py"), run_name="__main__")
