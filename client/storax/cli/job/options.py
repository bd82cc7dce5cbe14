"""The options of `storax job create` and `submit`, one name each."""

from typing import Annotated

import typer

from storax.cli.terminal.output import Form

App = Annotated[str | None, typer.Option("--app", metavar="NAME", help="App to run.")]
Site = Annotated[str | None, typer.Option("--site", metavar="NAME", help="Site of the app, where several have one.")]
Workdir = Annotated[
    str | None,
    typer.Option("--workdir", "-w", metavar="PATH", help="Inside the site's data folder; {n}, {parameter} are filled."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=TEXT", help="A parameter of the app; NAME:=JSON for numbers."),
]
Parameters = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME=TEXT]...", help="Its parameters; NAME:=JSON for numbers.")
]
Tag = Annotated[list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="A label to find it by.")]
Nodes = Annotated[int | None, typer.Option("--num-nodes", "-n", min=1, help="Nodes.")]
Ranks = Annotated[int | None, typer.Option("--ranks-per-node", min=1, help="MPI ranks per node.")]
Threads = Annotated[int | None, typer.Option("--threads-per-rank", min=1, help="Threads per rank.")]
HyperThreads = Annotated[int | None, typer.Option("--threads-per-core", min=1, help="Hardware threads used per core.")]
Gpus = Annotated[float | None, typer.Option("--gpus-per-rank", min=0, help="GPUs per rank.")]
Memory = Annotated[int | None, typer.Option("--mem", min=0, metavar="MIB", help="Memory on each node, in MiB.")]
Packing = Annotated[int | None, typer.Option("--node-packing-count", min=1, help="Such jobs that may share a node.")]
WallTime = Annotated[int | None, typer.Option("--wall-time", "-t", min=0, help="Longest run in minutes; 0: no limit.")]
LaunchParam = Annotated[
    list[str] | None, typer.Option("--launch-param", metavar="KEY=VALUE", help="For the site's launcher.")
]
Parent = Annotated[list[str] | None, typer.Option("--parent", metavar="ID", help="A job that must finish first.")]
OnParentFailure = Annotated[
    str | None, typer.Option("--on-parent-failure", metavar="fail|run", help="What a parent's failure means.")
]
Attempts = Annotated[int | None, typer.Option("--max-attempts", min=1, help="Runs before an error makes it FAILED.")]
RetryDelay = Annotated[int | None, typer.Option("--retry-delay", min=0, help="Seconds before a second attempt.")]
Priority = Annotated[int | None, typer.Option("--priority", help="-1000 to 1000; higher runs first.")]
Transfer = Annotated[
    list[str] | None, typer.Option("--transfer", metavar="SLOT=ALIAS:/PATH", help="A file to move in or out.")
]
FromJson = Annotated[
    str | None, typer.Option("--from-json", metavar="FILE", help="Many: JSON, JSON lines or CSV; - is stdin.")
]
Sweep = Annotated[
    list[str] | None,
    typer.Option("--param-sweep", metavar="NAME=VALUES", help="A job for each value: x=1:10, x=0:1:0.25, x=a,b,c."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be created, and create nothing.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until they have ended; status 6 if any failed.")]
Printed = Annotated[Form, typer.Option("--output", "-o", help="How to print the new jobs.")]
