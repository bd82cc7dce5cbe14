"""Run one workflow at two sites: measure at the lab, analyse on the cluster, publish to a bucket, read it at the lab.

The cluster copies the measurements from the lab over ssh, and writes its result to an S3 bucket. A Python function at the
lab reads it there. In this example both sites are folders of one machine, each with its own agent, on one private stack:

    pip install '.[local,s3]'
    python examples/two_sites.py --ssh me@127.0.0.1:22 --identity ~/.ssh/id_storax --known-hosts ~/.ssh/known_hosts \\
        --bucket s3://results --endpoint http://127.0.0.1:9000 --credentials ~/.aws/credentials

The host of ``--ssh`` must be this machine, because the lab's folder is there.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from storax import App, Client
from storax.local import LocalStack

Location = Mapping[str, str]
STORAX = Path(sys.executable).with_name("storax")  # the command that was installed beside this Python


class Measure(App):
    """Write the numbers 1 to ``n``, one per line."""

    site = "lab"
    command_template = "seq 1 {{ n }} > samples.txt"
    use_shell = True


class Analyse(App):
    """Add up the input samples, and write a summary."""

    site = "cluster"
    transfers = {
        "samples": {"direction": "in", "local_path": "samples.txt"},
        "summary": {"direction": "out", "local_path": "summary.json"},
    }
    cleanup_files = ["samples.txt"]

    def run(self) -> None:
        """Runs in the job's workdir, where its files are."""
        samples = [int(line) for line in Path("samples.txt").read_text().splitlines()]
        Path("summary.json").write_text(json.dumps({"count": len(samples), "sum": sum(samples)}))


class Report(App):
    """Read the input summary."""

    site = "lab"
    transfers = {"summary": {"direction": "in", "local_path": "summary.json"}}

    def run(self) -> dict[str, int]:
        """Return the result of the job."""
        return json.loads(Path("summary.json").read_text())


def workflow(*, n: int, timeout: float = 120.0) -> dict[str, int]:
    """Submit three jobs, each a child of the previous one, and return the result of the last.

    Raises:
        storax.JobFailed: one of them failed. The message states why, also if a file could not be copied.
    """
    for app in (Measure, Analyse, Report):
        app.sync()
    summary = "bucket:/two-sites/summary.json"
    measure = Measure.submit("measure/1", n=n)
    analyse = Analyse.submit(
        "analyse/1",
        transfers={"samples": "lab:/measure/1/samples.txt", "summary": summary},
        parent_ids=[measure.id],
    )
    return Report.submit("report/1", transfers={"summary": summary}, parent_ids=[analyse.id]).result(timeout=timeout)


@contextmanager
def running_site(stack: LocalStack, path: Path, locations: Mapping[str, Location]) -> Iterator[None]:
    """Create a site, start its agent, and stop it at the end, with the command line."""
    login = {"STORAX_URL": stack.url, "STORAX_TOKEN": stack.token, "STORAX_AGENT_TRANSFER_POLL_SEC": "0.5"}

    def storax_site(verb: str, *options: str) -> None:
        subprocess.run([STORAX, "site", verb, path, *options], env=os.environ | login, check=True)

    storax_site("init", "--name", path.name, "--scheduler", "local", "--slots", "1", "--allow-functions")
    with (path / "site.toml").open("a", encoding="utf-8") as file:
        for alias, fields in locations.items():
            rows = [f"{name} = {json.dumps(value)}" for name, value in fields.items()]
            file.write("\n".join([f"\n[transfer_locations.{alias}]", *rows, ""]))
    storax_site("start")
    try:
        yield
    finally:
        storax_site("stop", "--kill")


def run(place: Path, *, ssh: Location, bucket: Location, n: int = 1000) -> dict[str, int]:
    """Start a stack and both sites below ``place``, run the workflow, stop everything.

    Args:
        place: a new folder.
        ssh: the cluster's settings for the lab: ``identity_file``, ``known_hosts``, and a ``url`` without a path.
        bucket: the settings of the bucket at both sites.
        n: number of samples.
    """
    lab = {**ssh, "url": f"{ssh['url']}{place}/lab/data"}
    with (
        LocalStack(place / "stack", site=False) as stack,
        running_site(stack, place / "lab", {"bucket": bucket}),
        running_site(stack, place / "cluster", {"bucket": bucket, "lab": lab}),
        Client(stack.url, stack.token),
    ):
        return workflow(n=n)


def main() -> None:
    """Read the addresses, run, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ssh", "identity", "known-hosts", "bucket", "credentials"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--endpoint")
    parser.add_argument("--samples", type=int, default=1000)
    options = parser.parse_args()
    ssh = {"url": f"ssh://{options.ssh}", "identity_file": options.identity, "known_hosts": options.known_hosts}
    bucket = {"url": options.bucket, "credentials_file": options.credentials, "region": "us-east-1"}
    bucket |= {"endpoint_url": options.endpoint} if options.endpoint else {}
    with tempfile.TemporaryDirectory(prefix="storax-two-sites-") as place:
        print(json.dumps(run(Path(place), ssh=ssh, bucket=bucket, n=options.samples)))


if __name__ == "__main__":
    main()
