"""getML does one task of ``order.json`` in its folder, in a network of its own, and prints its figures as JSON.

Runs in getML's environment, not in that of Storax. CPU seconds are those of this process and of getML's engine.
"""

import fcntl
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import time
from pathlib import Path

HTTP_PORT, TCP_PORT = 21109, 21111
SET_FLAGS, UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS


def only_loopback():
    """Bring up the loopback of this namespace; end where there is any other way in."""
    names = [line.split(":")[0].strip() for line in Path("/proc/net/dev").read_text().splitlines()[2:]]
    if set(names) - {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
        sys.exit("this is no network of its own: " + ", ".join(names))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP_AND_RUNNING))


class Clock:
    """CPU seconds of this process and of the engines below another."""

    def __init__(self, app):
        self.app = app
        self.seen = {}

    def now(self):
        total = time.process_time()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rpartition(")")
                except OSError:
                    continue
                parts = stat[2].split()
                if stat[0].endswith("(engine") and int(parts[1]) == self.app:
                    total += (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
        return total

    def __call__(self, step, work):
        begun = self.now()
        result = work()
        self.seen[step] = self.seen.get(step, 0.0) + self.now() - begun
        return result


def main(folder):
    """Start it, do the task, stop it."""
    only_loopback()
    order = json.loads((folder / "order.json").read_text())
    import getml
    import getml.communication as wire

    wire.tcp_port = TCP_PORT
    program = next((Path(getml.__file__).parent / ".getML").glob("getml-*"))
    app = subprocess.Popen(
        ["./getML", "-install=false", "-allow-push-notifications=false", "-launch-browser=false",
         f"-http-port={HTTP_PORT}", f"-tcp-port={TCP_PORT}", f"-home-directory={folder}",
         f"-project-directory={folder}/projects"],
        cwd=program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    real, sys.stdout = sys.stdout, sys.stderr  # it prints bars
    try:
        until = time.monotonic() + 30
        while not wire.is_monitor_alive():
            if time.monotonic() > until:
                sys.exit("getML's launcher did not answer within 30 s")
            time.sleep(0.1)
        getml.engine.set_project("bench")
        clock = Clock(app.pid)
        (imported if "csv" in order else learned)(getml, order, clock)
    finally:
        sys.stdout = real
        getml.engine.shutdown()
        app.wait(timeout=30)
    print(json.dumps(clock.seen))


def imported(getml, order, clock):
    """A CSV file and a pandas DataFrame."""
    import pandas

    frames, roles = getml.data.DataFrame, order["roles"]
    frame = clock("from_csv", lambda: frames.from_csv(order["csv"], "from_csv", roles=roles, ignore=True))
    clock("add", lambda: frame.add(frame["c1"] * 2.0 + frame["c2"], "y", role="numerical"))
    clock("save", frame.save)
    clock("reload", lambda: frames("from_csv").load())
    frame.delete()
    rows = pandas.read_parquet(order["parquet"])
    clock("from_pandas", lambda: frames.from_pandas(rows, "from_pandas", roles=roles, ignore=True))


def learned(getml, order, clock):
    """Load, fit, transform, predict one row; the score on the test rows."""
    import numpy
    import pandas

    def load():
        whole = pandas.read_parquet(order["files"]["population"])
        parts = {name: whole[whole.split == name].drop(columns="split") for name in ("train", "test")}
        parts["one"] = parts["test"].head(1)
        frames = getml.data.DataFrame
        population = {
            name: frames.from_pandas(part, f"population_{name}", roles=order["roles"]["population"])
            for name, part in parts.items()
        }
        around = {
            name: frames.from_parquet(path, name, roles=order["roles"][name])
            for name, path in order["files"].items()
            if name != "population"
        }
        star = getml.data.StarSchema(train=population["train"], test=population["test"], alias="population")
        for join in order["joins"]:
            name = join["right"]["name"]
            star.join(
                around[name], alias=name, on=join["on"][0][0], time_stamps=tuple(join["time_stamps"]),
                memory=join.get("memory"), horizon=join.get("horizon"),
            )  # fmt: skip
        return star, population["one"], around

    star, one, around = clock("load_fit", load)
    classes = order["metric"] == "auc"
    losses = getml.feature_learning.loss_functions
    predictor = getml.predictors.XGBoostClassifier if classes else getml.predictors.XGBoostRegressor
    pipe = getml.pipeline.Pipeline(
        data_model=star.data_model,
        loss_function=losses.CrossEntropyLoss if classes else losses.SquareLoss,
        feature_learners=[getml.feature_learning.FastProp(num_features=400)],
        predictors=[predictor(**order["xgboost"])],
    )
    clock("load_fit", lambda: pipe.fit(star.train, check=False))
    matrix = clock("transform", lambda: pipe.transform(star.test))
    numpy.save(order["matrix"], numpy.asarray(matrix, dtype="float64"))
    scores = pipe.score(star.test)
    clock.seen["quality"] = float(getattr(scores, order["metric"]))
    waits = []
    for _ in range(5):
        begun = time.perf_counter()
        pipe.predict(one, around)
        waits.append((time.perf_counter() - begun) * 1e3)
    clock.seen["one_row_ms"] = statistics.median(waits)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
