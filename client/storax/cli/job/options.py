"""The options of `storax job create` and `submit`, one name each."""

from typing import Annotated

import typer

from storax.cli.terminal import complete
from storax.cli.terminal.output import Form

App = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="Name of the App to run.", autocompletion=complete.apps)
]
Site = Annotated[
    str | None,
    typer.Option(
        "--site", metavar="NAME", help="Site of the App, if several sites have it.", autocompletion=complete.sites
    ),
]
Workdir = Annotated[
    str | None,
    typer.Option("--workdir", "-w", metavar="PATH", help="Folder below the site's data; replaces {n} and {parameter}."),
]
Param = Annotated[
    list[str] | None,
    typer.Option("--param", "-p", metavar="NAME=TEXT", help="Parameter of the App; NAME:=JSON for numbers."),
]
Parameters = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME=TEXT]...", help="Parameters of the App; NAME:=JSON for numbers.")
]
Tag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Label of the job.", autocompletion=complete.tags)
]
Nodes = Annotated[int | None, typer.Option("--num-nodes", "-n", min=1, help="Number of nodes. Default: 1.")]
Ranks = Annotated[int | None, typer.Option("--ranks-per-node", min=1, help="MPI ranks per node. Default: 1.")]
Threads = Annotated[int | None, typer.Option("--threads-per-rank", min=1, help="Threads per rank. Default: 1.")]
HyperThreads = Annotated[int | None, typer.Option("--threads-per-core", min=1, help="Threads per core. Default: 1.")]
Gpus = Annotated[float | None, typer.Option("--gpus-per-rank", min=0, help="GPUs per rank, such as 0.5. Default: 0.")]
Memory = Annotated[int | None, typer.Option("--mem", min=0, metavar="MIB", help="Memory per node, in MiB.")]
Packing = Annotated[int | None, typer.Option("--node-packing-count", min=1, help="Such jobs per node. Default: 1.")]
WallTime = Annotated[
    int | None, typer.Option("--wall-time", "-t", min=0, help="Expected run time, in minutes, for packing.")
]
WallTimeLimit = Annotated[
    int | None, typer.Option("--wall-time-limit", min=0, help="Minutes after which a run is stopped. Default: 0, none.")
]
LaunchParam = Annotated[
    list[str] | None, typer.Option("--launch-param", metavar="KEY=VALUE", help="Parameter for the site's launcher.")
]
Parent = Annotated[list[str] | None, typer.Option("--parent", metavar="ID", help="Job that must finish first, by id.")]
OnParentFailure = Annotated[
    str | None,
    typer.Option("--on-parent-failure", metavar="fail|run", help="After a parent has failed. Default: fail."),
]
Attempts = Annotated[int | None, typer.Option("--max-attempts", min=1, help="Runs before an error is final.")]
Losses = Annotated[int | None, typer.Option("--max-losses", min=0, help="Lost runs before one is final; 0: no limit.")]
RetryDelay = Annotated[
    int | None, typer.Option("--retry-delay", min=0, help="Seconds after the first error; doubles with each error.")
]
Priority = Annotated[int | None, typer.Option("--priority", help="-1000 to 1000; higher runs first. Default: 0.")]
Transfer = Annotated[
    list[str] | None, typer.Option("--transfer", metavar="SLOT=ALIAS:/PATH", help="File of a transfer slot of the App.")
]
FromJson = Annotated[
    str | None,
    typer.Option("--from-json", metavar="FILE", help="One job per row of JSON, JSON lines or CSV; -: stdin."),
]
Sweep = Annotated[
    list[str] | None,
    typer.Option("--param-sweep", metavar="NAME=VALUES", help="One job per value: x=1:10, x=0:1:0.25 or x=a,b,c."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the jobs, and create nothing.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the jobs have ended. Exit status 6 if one failed.")]
Printed = Annotated[Form, typer.Option("--output", "-o", help="Output format of the new jobs.")]
