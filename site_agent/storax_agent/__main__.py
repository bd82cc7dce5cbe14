"""``python -m storax_agent init|run|stop``: what supervisors call; people use `storax site`.

Read with argparse: the agent keeps what it imports for as long as it lives.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from storax.errors import StoraxError
from storax_agent.settings.scheduler_kinds import KINDS
from storax_agent.settings.site import SiteFolder


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status, 1 with one line on stderr for what a user can mend."""
    parsed = _parser().parse_args(arguments)
    try:
        _COMMANDS[parsed.command](parsed)
    except (StoraxError, LookupError) as error:
        sys.stderr.write(f"storax_agent: {error}\n")
        return 1
    except ModuleNotFoundError as error:
        from storax._installation import missing

        lacking = missing(error)
        if not all(lacking):
            raise
        sys.stderr.write(f"storax_agent: {' '.join(lacking)}\n")
        return 1
    return 0


def _init(parsed: argparse.Namespace) -> None:
    from storax._runtime.settings import resolve
    from storax_agent.control.site import init

    options = {"slots": parsed.slots, "gpus": parsed.gpus, "stop_jobs_on_exit": parsed.stop_jobs or None}
    connection = resolve(parsed.url, token=parsed.token)
    folder = SiteFolder(parsed.path)
    site_id, is_new = init(folder, connection=connection, name=parsed.name, options=options, scheduler=parsed.scheduler)
    if parsed.allow_functions:
        folder.add_policy("allow_functions = true\n")
    sys.stdout.write(f"site {site_id} {'registered' if is_new else 'known'}\n")


def _run(parsed: argparse.Namespace) -> None:
    from storax_agent.launch.signals import reset_signals
    from storax_agent.serve import serve
    from storax_agent.settings.environment_secrets import hide_secrets

    hide_secrets()
    reset_signals()
    part = "" if parsed.batch_job is None else f"batch-{parsed.batch_job}"
    part += "" if parsed.partition is None else f"-{parsed.partition}"
    folder = SiteFolder(parsed.path, part=part)
    serve(folder, batch_job=parsed.batch_job, partition=parsed.partition, foreground=parsed.foreground)


def _stop(parsed: argparse.Namespace) -> None:
    from storax_agent.control.site import stop

    ran, _ = stop(SiteFolder(parsed.path), kill=parsed.kill)
    sys.stdout.write("agent stopped\n" if ran else "no agent was running\n")


_COMMANDS = {"init": _init, "run": _run, "stop": _stop}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m storax_agent",
        description="Run the agent of one site. Service managers call this; people use `storax site`.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    init = commands.add_parser("init", help="register a site and create its folder")
    run = commands.add_parser("run", help="run the agent in this process")
    stop = commands.add_parser("stop", help="stop the agent")
    for command in (init, run, stop):
        command.add_argument("path", type=Path, help="folder of the site")
    init.add_argument("--name", help="name at the server; default: folder@machine")
    init.add_argument("--url", help="address of the server; default: that of the profile")
    init.add_argument("--token", help="token to store in the folder; default: that of the profile")
    init.add_argument("--scheduler", help=f"{', '.join(KINDS)} or auto")
    init.add_argument("--slots", type=int, help="cores that jobs may use; default: all")
    init.add_argument("--allow-functions", action="store_true", help="allow Python functions and hooks")
    init.add_argument("--gpus", type=int, help="GPUs that jobs may use; default: 0")
    init.add_argument("--stop-jobs", action="store_true", help="end the jobs when the agent ends")
    run.add_argument("--batch-job", type=int, help="run inside this BatchJob's allocation")
    run.add_argument("--partition", type=int, help="run only this partition of the BatchJob, counted from 0")
    run.add_argument("--foreground", action="store_true", help="log to stderr too")
    stop.add_argument("--kill", action="store_true", help="end the jobs too")
    return parser


if __name__ == "__main__":
    sys.exit(main())
