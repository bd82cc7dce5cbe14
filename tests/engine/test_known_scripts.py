"""Scripts for the getML API of projects and data frames run as they stand, but for the import."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from needs import needs
from waiting import HANG_SEC

HERE = Path(__file__).parent
DOCUMENT = "getml-python-api.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SCRIPT = """
import storax as getml
getml.engine.launch()
getml.engine.set_project('test')

import pandas as pd
df = getml.data.DataFrame.from_pandas(pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}), name="NAME_OF_THE_DATA_FRAME")
other = getml.data.DataFrame.from_json('{"a": [1, 2]}', name="other")
from pathlib import Path
Path("x.csv").write_text("a,b\\n1,x\\n2,y\\n")
csv = getml.data.DataFrame.from_csv("x.csv", "csv", roles={"numerical": ["a"], "categorical": ["b"]})
import sqlite3
conn = sqlite3.connect(":memory:")
conn.execute("CREATE TABLE t AS SELECT 1.5 AS a, 'x' AS b")
db = getml.data.DataFrame.from_db("t", "db", conn=conn)
conn.close()
assert (csv.nrows(), db.nrows()) == (2, 1)
df.add(df["a"] * 2, "made_up", role="numerical")
df.refresh()
df.save()
getml.project.data_frames
getml.project.data_frames.save_all()
getml.project.data_frames[0].save()
getml.project.data_frames.load_all()
NAME_OF_THE_DATA_FRAME = "NAME_OF_THE_DATA_FRAME"
df = getml.data.DataFrame(NAME_OF_THE_DATA_FRAME).load()
assert getml.data.load_data_frame("other").nrows() == 2
assert getml.project.name == 'test'

pipe = getml.pipeline.Pipeline(
    data_model=getml.data.DataModel("population"), predictors=[getml.predictors.LinearRegression()], tags=["t"]
)
placeholder = df.to_placeholder("population")
assert (placeholder.name, df[:1].to_placeholder().name) == ("population", "NAME_OF_THE_DATA_FRAME")
assert getml.data.DataModel(placeholder).population.roles.numerical == tuple(df.roles.get("numerical", ()))
getml.feature_learning.FastProp(num_threads=1, sampling_factor=1.0, silent=True)
df.set_role("made_up", getml.data.roles.numerical)
df.set_role("a", getml.data.roles.target)
container = getml.data.Container(train=df, test=df)
pipe.fit(container.train)
pipe.score(container.test)
pipe.predict(container.test)
getml.project.pipelines
NAME_OF_THE_PIPELINE = getml.pipeline.list_pipelines()[0]
pipe = getml.pipeline.load(NAME_OF_THE_PIPELINE)
assert pipe.tags == ["t"]

assert getml.engine.list_projects() == ['test']
getml.engine.delete_project('test')
assert getml.engine.list_projects() == []
getml.engine.shutdown()
assert not getml.engine.is_engine_alive()
"""


PREPARED = """
import pandas as pd
df = getml.data.DataFrame.from_pandas(pd.DataFrame({"a": [1.5, 2.5]}), "df", roles={"numerical": ["a"]})
df.add(df["a"] * 2, "y", role="target")
pipe = getml.pipeline.Pipeline(
    data_model=getml.data.DataModel("population"), predictors=[getml.predictors.LinearRegression()], name="pipe"
)
pipe.fit(getml.data.Container(train=df).train)
NAME_OF_THE_DATA_FRAME, NAME_OF_THE_PIPELINE = "df", "pipe"
"""


def run(own_home, tmp_path, code: str) -> None:
    argv = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(
        argv, env=own_home.environment, cwd=tmp_path, capture_output=True, text=True, timeout=HANG_SEC
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow("a script with an engine of its own")
def test_the_calls_of_the_known_lifecycle_run(own_home, tmp_path):
    run(own_home, tmp_path, SCRIPT)


@needs("documents")
def test_every_block_of_the_reference_document_runs(own_home, tmp_path, documents):
    """One after the other in one script; before the second, what its prose says is there."""
    first, *others = BLOCK.findall((documents / DOCUMENT).read_text())
    assert first.startswith("import getml\n")
    assert len(others) == 5
    code = [first.replace("import getml\n", "import storax as getml\n"), PREPARED, *others]
    ends = "assert pipe.fitted and df.nrows() == 2 and getml.project.data_frames[0].on_disk"
    run(own_home, tmp_path, "\n".join([*code, ends]))


def test_every_statement_of_the_known_lifecycle_has_a_test_with_its_number():
    named = re.findall(r"^def test_(\w+)", "".join(p.read_text() for p in HERE.glob("test_*.py")), re.MULTILINE)
    numbers = {int(number) for name in named for number in re.findall(r"(?:^|_)g(\d+)(?=_)", name)}
    assert numbers == set(range(1, 36))
