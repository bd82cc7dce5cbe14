"""The engine and a local stack: it starts with the first project, and ends with the stack that it works for."""

import os
import subprocess
import sys

import pytest

from storax._engine.folder import EngineFolder
from storax.local import LocalStack
from waiting import HANG_SEC

SCRIPT = """
import storax
storax.engine.set_project("p")
storax.data.DataFrame.from_dict({"a": [1]}, name="x").save()
print([row.name for row in storax.DataFrameRecord.objects.all()])
"""


@pytest.mark.slow("two stacks with their engines start and end")
def test_storax_down_ends_the_engine_of_its_stack_and_of_no_other(tmp_path, own_home):
    own_home.folder.prepare()
    with LocalStack(tmp_path / "data", site=False, fsync=False) as stack:
        env = os.environ | {"STORAX_HOME": str(own_home.path), "STORAX_URL": stack.url, "STORAX_TOKEN": stack.token}
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=HANG_SEC)
        assert done.stdout.strip() == "['x']", done.stderr
        running = EngineFolder.default().read()
        assert running is not None
        assert running.process.alive()
        with LocalStack(tmp_path / "other", site=False, fsync=False):
            pass
        assert running.process.alive(), "the end of another stack ended it"
        argv = [sys.executable, "-c", "from storax.cli import main; main()", "down", "--data", str(tmp_path / "data")]
        subprocess.run(argv, env=env, check=True, capture_output=True, timeout=HANG_SEC)
        assert not running.process.alive()
