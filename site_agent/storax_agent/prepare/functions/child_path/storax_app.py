"""The App's source, as a child process of a call imports it.

``multiprocessing`` with spawn or forkserver starts a new interpreter, which imports the module of a function by its
name. This folder is on its ``sys.path``, and no other module is in it.
"""

import importlib
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
source = importlib.import_module("worker_source")
del sys.path[0]
source.load(os.environ[source.SOURCE_VARIABLE])
