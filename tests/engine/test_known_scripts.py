"""Scripts for the getML API of projects and data frames run as they stand, but for the import."""

import subprocess
import sys

SCRIPT = """
import storax as getml
getml.engine.launch()
getml.engine.set_project('test')

import pandas as pd
df = getml.data.DataFrame.from_pandas(pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]}), name="NAME_OF_THE_DATA_FRAME")
other = getml.data.DataFrame.from_json('{"a": [1, 2]}', name="other")
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


def test_the_calls_of_the_known_lifecycle_run(own_home):
    argv = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(argv, env=own_home.environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
