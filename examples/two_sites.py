"""Two sites, one workflow: measure at the lab, analyse on the cluster, publish to a bucket, read it back at the lab.

The cluster fetches over ssh what the lab measured; what it makes goes to an S3 bucket; a last job at the lab brings it
home as its result. Both sites are folders of this machine here, each with an agent of its own, on one private stack:

    pip install 'storax[local,s3]'
    python examples/two_sites.py --ssh me@127.0.0.1:22 --identity ~/.ssh/id_storax --known-hosts ~/.ssh/known_hosts \\
        --bucket s3://results --endpoint http://127.0.0.1:9000 --credentials ~/.aws/credentials

The host of ``--ssh`` must be this machine, as it is where the lab's folder is.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from storax import App, Client, Job
from storax.local import LocalStack
from storax_agent import control
from storax_agent.settings import SiteFolder

SOON = {"transfer_poll_sec": 0.5}


class Measure(App):
    """Write the numbers 1 to ``n``, a line each."""

    site = "lab"
    command_template = "seq 1 {{ n }} > samples.txt"
    use_shell = True


class Analyse(App):
    """Add up the samples that come in; the summary goes out."""

    site = "cluster"
    command_template = (
        """awk '{ s += $1 } END { print "{\\"count\\": " NR ", \\"sum\\": " s "}" }' < samples.txt > summary.json"""
    )
    use_shell = True
    transfers = {
        "samples": {"direction": "in", "local_path": "samples.txt"},
        "summary": {"direction": "out", "local_path": "summary.json"},
    }
    cleanup_files = ["samples.txt"]


class Report(App):
    """Take the summary for a result. A Python function could do as well; a command is what every site runs."""

    site = "lab"
    command_template = 'cp summary.json "$STORAX_RESULT_FILE"'
    use_shell = True
    transfers = {"summary": {"direction": "in", "local_path": "summary.json"}}


def workflow(*, n: int, timeout: float = 120.0) -> Any:
    """Run the three jobs, one after another, and return what the last one read.

    Raises:
        storax.JobFailed: one of them failed; its message says why, also where a file could not be moved.
    """
    for app in (Measure, Analyse, Report):
        app.sync()
    samples, summary = "measure/1/samples.txt", "bucket:/two-sites/summary.json"
    measure = Measure.submit("measure/1", n=n)
    analyse = Analyse.submit(
        "analyse/1", transfers={"samples": f"lab:/{samples}", "summary": summary}, parent_ids=[measure.id]
    )
    report = Report.submit("report/1", transfers={"summary": summary}, parent_ids=[analyse.id])
    Job.objects.wait([measure, analyse, report], timeout=timeout)
    return report.result()


def make_site(stack: LocalStack, path: Path, name: str, locations: Mapping[str, Mapping[str, str]]) -> SiteFolder:
    """Register a site and write its locations into its ``site.toml``."""
    from storax._settings import resolve

    folder = SiteFolder(path)
    control.init(folder, connection=resolve(stack.url, token=stack.token), name=name, options={"slots": 1, **SOON})
    with folder.settings_file.open("a", encoding="utf-8") as file:
        for alias, table in locations.items():
            rows = "".join(f"{key} = {json.dumps(value)}\n" for key, value in table.items())
            file.write(f"\n[transfer_locations.{alias}]\n{rows}")
    return folder


def run(place: Path, *, ssh: Mapping[str, str], bucket: Mapping[str, str], n: int = 1000) -> Any:
    """Start a stack and both sites below ``place``, run the workflow, stop everything.

    Args:
        place: a new folder.
        ssh: what the cluster says of the lab: ``identity_file``, ``known_hosts``, and a ``url`` without a path.
        bucket: what both sites say of the bucket.
        n: how many samples.
    """
    lab, cluster = place / "lab", place / "cluster"
    to_lab = {**ssh, "url": f"{ssh['url']}{SiteFolder(lab).data}"}
    with LocalStack(place / "stack", site=False) as stack, ExitStack() as ends:
        for path, locations in ((lab, {"bucket": bucket}), (cluster, {"bucket": bucket, "lab": to_lab})):
            site = make_site(stack, path, path.name, locations)
            ends.callback(control.stop, site, kill=True)
            control.start(site)
        with Client(stack.url, stack.token):
            return workflow(n=n)


def main() -> None:
    """Read the addresses, run, print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("ssh", "identity", "known-hosts", "bucket", "credentials"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--endpoint")
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    ssh = {"url": f"ssh://{given.ssh}", "identity_file": given.identity, "known_hosts": given.known_hosts}
    bucket = {"url": given.bucket, "credentials_file": given.credentials, "region": "us-east-1"}
    bucket |= {"endpoint_url": given.endpoint} if given.endpoint else {}
    with tempfile.TemporaryDirectory(prefix="storax-two-sites-") as place:
        print(json.dumps(run(Path(place), ssh=ssh, bucket=bucket, n=given.samples)))


if __name__ == "__main__":
    main()
