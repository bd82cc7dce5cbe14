"""Prompts of `storax site init` on a terminal, for the options that were left out. Enter takes the default."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import typer

from storax_agent.control.site import default_name
from storax_agent.schedulers.registry import detect
from storax_agent.settings.scheduler_kinds import KINDS


class Answers(NamedTuple):
    """What was said about a new site; None where nothing was. ``scheduler`` may be ``auto``."""

    name: str | None = None
    scheduler: str = "auto"
    slots: int | None = None
    gpus: int | None = None
    run_jobs: bool | None = None
    queue: str | None = None
    project: str | None = None
    allow_functions: bool | None = None


def ask(said: Answers, folder: Path) -> Answers:
    """Ask for the rest, on stderr."""
    said = said._replace(name=said.name or _text("Name at the server", default_name(folder)))
    if said.scheduler == "auto":
        said = said._replace(scheduler=_text("Scheduler of this machine", detect(), _kind))
    said = _of_a_machine(said) if said.scheduler == "local" else _of_a_cluster(said)
    if said.allow_functions is None:
        question = "Allow Python functions and hooks of Apps?"
        said = said._replace(allow_functions=typer.confirm(question, default=False, err=True))
    return said


def _of_a_machine(said: Answers) -> Answers:
    cores = said.slots or _text("Cores that jobs may use", os.cpu_count() or 1, _number(1, 4096))
    gpus = _text("GPUs that jobs may use", 0, _number(0, 1024)) if said.gpus is None else said.gpus
    return said._replace(slots=cores, gpus=gpus)


def _of_a_cluster(said: Answers) -> Answers:
    queue = _text("Default queue of allocations", "") if said.queue is None else said.queue
    project = _text("Default project of allocations", "") if said.project is None else said.project
    run_jobs = said.run_jobs
    if run_jobs is None:
        run_jobs = typer.confirm("Run jobs on this machine too, outside allocations?", default=False, err=True)
    return said._replace(queue=queue, project=project, run_jobs=run_jobs)


def _text(question: str, default: Any, read: Callable[[str], Any] = str) -> Any:
    """The answer; where ``read`` refuses it, it is asked again."""
    return typer.prompt(question, default=default, value_proc=read, show_default=default != "", err=True)


def _kind(text: str) -> str:
    if text not in KINDS:
        raise typer.BadParameter(f"unknown scheduler {text!r}; use one of {', '.join(KINDS)}")
    return text


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        number = int(text) if str(text).isdecimal() else -1
        if not least <= number <= most:
            raise typer.BadParameter(f"{text!r} is not a number from {least} to {most}")
        return number

    return read
