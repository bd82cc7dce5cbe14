"""The settings of one site: ``site.toml`` in the site's folder, overridden by ``STORAX_AGENT_*`` variables."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from storax._runtime.atomic_files import atomic_write
from storax._runtime.settings import Connection, load_profile
from storax.errors import NotFound, StoraxError
from storax_agent.settings.job_environment import BASE, ProcessEnvironment
from storax_agent.settings.launcher import LauncherSettings
from storax_agent.settings.locations import EXAMPLE, AnyLocation
from storax_agent.settings.memory import usable_mb
from storax_agent.settings.policy import PolicySettings
from storax_agent.settings.scheduler import (
    ElasticQueues,
    ElasticSettings,
    MaintainerSettings,
    SchedulerSettings,
)
from storax_agent.settings.scheduler_kinds import SCHEDULERS
from storax_agent.settings.toml_text import has_table, with_line, with_table

FILE = "site.toml"
TOKEN_FILE = "token"  # noqa: S105 - a file's name


class SiteError(StoraxError):
    """The site folder cannot be used; the message says why and what to do."""


class SiteSettings(BaseSettings):
    """Settings of one site agent."""

    model_config = SettingsConfigDict(env_prefix="STORAX_AGENT_", extra="forbid", env_ignore_empty=True)

    name: str = Field(min_length=1, max_length=100, description="The site's name at the server.")
    site_id: int = Field(ge=1, description="The site's id at the server.")
    url: str = Field(description="Address of the server, such as http://host:port.")
    profile: str | None = Field(default=None, description="Profile that holds the token; unset: the file `token`.")
    job_profile: str | None = Field(
        default=None,
        description="Profile of the Storax client in jobs; unset: the owner's default one if it leads to this server.",
    )
    slots: int = Field(
        default_factory=lambda: os.cpu_count() or 1, ge=1, le=4096, description="Cores that jobs may use."
    )
    gpus: int = Field(default=0, ge=0, le=1024, description="GPUs that jobs may use.")
    memory_mb: int = Field(
        default_factory=usable_mb, ge=0, le=1 << 40,
        description="Memory that jobs may request, in MiB; unset: that of the machine or control group; 0: unknown.",
    )  # fmt: skip
    prefetch: int = Field(default=1024, ge=0, le=2048, description="Jobs leased in advance under load, at most.")
    session_ttl_sec: int = Field(
        default=60, ge=5, le=86_400, description="Seconds without heartbeat until the server ends the leases."
    )
    token_warn_days: float = Field(
        default=14.0, ge=0, description="Days before the token expires from which the agent warns."
    )
    heartbeat_sec: float | None = Field(default=None, gt=0, description="Seconds between heartbeats; unset: ttl / 4.")
    cancel_poll_sec: float = Field(
        default=2.0, gt=0, description="Seconds between checks for cancellations while all cores are busy."
    )
    kill_grace_sec: float = Field(default=5.0, ge=0, description="Seconds from SIGTERM to SIGKILL of a cancelled job.")
    transfer_poll_sec: float = Field(default=5.0, gt=0, description="Seconds between checks for transfers.")
    transfers_at_once: int = Field(default=4, ge=1, le=64, description="Batches of files copied at the same time.")
    transfer_tries: int = Field(default=12, ge=1, description="Attempts for one file while its location fails.")
    transfer_retry_sec: float = Field(
        default=2.0, gt=0, description="Seconds to pause after a location's first failure; doubles up to 5 minutes."
    )
    cleanup_poll_sec: float = Field(default=30.0, gt=0, description="Seconds between checks for files to delete.")
    batch_poll_sec: float = Field(default=5.0, gt=0, description="Seconds between checks of allocations.")
    run_jobs: bool = Field(default=True, description="Whether the agent itself runs jobs, not only allocations.")
    filter_tags: dict[str, str] = Field(
        default={}, description="Only jobs with all of these tags run at this site, also in its allocations."
    )
    base_environment: list[str] = Field(
        default_factory=lambda: list(BASE),
        description="Variables of the agent that every process it starts inherits; * and ? match.",
    )  # fmt: skip
    pass_environment: list[str] = Field(
        default=[], description="Further ones; a name without * and ? is inherited even if it is that of a secret."
    )
    set_environment: dict[str, str] = Field(
        default={}, description="Variables that every process gets with these values, such as PATH."
    )
    stop_jobs_on_exit: bool = Field(
        default=False,
        validation_alias=AliasChoices("stop_jobs_on_exit", "STORAX_AGENT_STOP_JOBS"),
        description="Whether jobs end with the agent; they run again later.",
    )
    launcher: LauncherSettings = Field(default_factory=LauncherSettings, description="How jobs are packed and started.")
    policy: PolicySettings = Field(default_factory=PolicySettings, description="What the site runs.")
    transfer_locations: dict[str, AnyLocation] = Field(default={}, description="Where files come from and go to.")
    scheduler: SchedulerSettings = Field(default_factory=SchedulerSettings, description="Who gives out allocations.")
    elastic_queue: ElasticQueues = Field(default=[], description="Allocations as work needs them; one or several.")
    queue_maintainer: MaintainerSettings = Field(
        default_factory=MaintainerSettings, description="Equal allocations, always so many."
    )

    @model_validator(mode="after")
    def _tags_agree(self) -> "SiteSettings":
        for shape in (*self.elastic_queue, self.queue_maintainer):
            if shape.enabled:
                self.tags_with(shape.filter_tags)
        return self

    @property
    def elastic_queues(self) -> list[ElasticSettings]:
        """Those that are enabled, each with the site's own tags."""
        return [
            queue.model_copy(update={"filter_tags": self.tags_with(queue.filter_tags)})
            for queue in self.elastic_queue
            if queue.enabled
        ]

    @property
    def environment(self) -> ProcessEnvironment:
        """The environment of the processes that are started here."""
        return ProcessEnvironment(self.base_environment, self.pass_environment, self.set_environment)

    def tags_with(self, tags: Mapping[str, str]) -> dict[str, str]:
        """The site's ``filter_tags`` and these: what a job must have for both.

        Raises:
            ValueError: they contradict each other, so that no job would do.
        """
        for name, value in self.filter_tags.items():
            if tags.get(name, value) != value:
                raise ValueError(
                    f"no job can have the tag {name}={tags[name]} that is asked for and {name}={value} of filter_tags, "
                    "which this site insists on"
                )
        return {**tags, **self.filter_tags}

    @model_validator(mode="after")
    def _backfill_is_known(self) -> "SiteSettings":
        kind, default = self.scheduler.kind, self.scheduler.default_queue
        for queue in self.elastic_queue:
            if not (queue.enabled and queue.use_backfill):
                continue
            if not SCHEDULERS[kind].reports_idle_nodes:
                raise ValueError(f"[elastic_queue] use_backfill: {kind} tells of no idle nodes, so it would never ask")
            if kind != "local" and not (queue.queue or default):
                raise ValueError(
                    "[elastic_queue] use_backfill: which queue's idle nodes? Set queue there, or default_queue in "
                    "[scheduler]"
                )
        return self

    @property
    def beat_sec(self) -> float:
        """Seconds between heartbeats."""
        return self.heartbeat_sec or self.session_ttl_sec / 4


class NoSiteError(SiteError, NotFound):
    """The folder is not that of a site."""


class SiteFolder:
    """The files of one site. ``part`` names the state of an allocation's own runner."""

    def __init__(self, path: Path | str, *, part: str = "") -> None:
        self.path = Path(path).expanduser().absolute()
        self.part = part
        self.settings_file = self.path / FILE
        self.token_file = self.path / TOKEN_FILE
        self.data = self.path / "data"
        self.log = self.path / "log"
        self.state = self.path / "state" / part if part else self.path / "state"
        self.results = self.state / "results"
        self.functions = self.state / "functions"
        self.outbox = self.state / "outbox.sqlite"
        self.lock = self.state / "agent.lock"
        self.transfers = self.state / "transfers"
        self.set_aside = self.path / "state" / "set-aside"  # of all parts: one place to look at

    def make(self) -> None:
        """Make the folders, for the owner alone."""
        for folder in (self.path, self.data, self.log, self.state, self.results):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.chmod(0o700)

    def load(self) -> SiteSettings:
        """Read ``site.toml``.

        Raises:
            SiteError: there is none, or it does not fit.
        """
        if not self.settings_file.is_file():
            raise NoSiteError(f"{self.path} is not a site: {FILE} is missing. Run `storax site init {self.path}`")

        class Settings(SiteSettings):
            @classmethod
            def settings_customise_sources(
                cls,
                settings_cls: type[BaseSettings],
                init_settings: PydanticBaseSettingsSource,  # noqa: ARG003
                env_settings: PydanticBaseSettingsSource,
                dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
                file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            ) -> tuple[PydanticBaseSettingsSource, ...]:
                return env_settings, TomlConfigSettingsSource(settings_cls, toml_file=self.settings_file)

        try:
            return Settings()
        except tomllib.TOMLDecodeError as error:
            raise SiteError(f"{self.settings_file} is not TOML: {error}") from error
        except ValidationError as error:
            raise SiteError(f"{self.settings_file}: {_faults(error)}") from error

    def token(self, settings: SiteSettings) -> str | None:
        """The token to use.

        Raises:
            SiteError: the profile named in the settings is gone.
        """
        if settings.profile:
            stored = load_profile(settings.profile)
            if stored is None:
                raise SiteError(
                    f"profile {settings.profile!r} of {self.settings_file} is gone; run `storax site init` again"
                )
            return stored.token.get_secret_value() if stored.token else None
        return self.token_file.read_text(encoding="utf-8").strip() if self.token_file.is_file() else None

    def token_now(self) -> str | None:
        """The token as it is kept by now, by the settings of now; it may have been replaced since the start.

        Raises:
            SiteError: the settings cannot be read, or their profile is gone.
        """
        return self.token(self.load())

    def token_place(self, settings: SiteSettings) -> str:
        """Where the token is kept, as text for people."""
        return f"profile {settings.profile}" if settings.profile else str(self.token_file)

    def choose_scheduler(self, kind: str | None, **more: str | None) -> None:
        """Write ``kind`` and more, where they are not None, into the table ``[scheduler]`` of ``site.toml``; its other
        lines stay."""
        values = {name: value for name, value in {"kind": kind, **more}.items() if value is not None}
        if not values:
            return
        text = self.settings_file.read_text(encoding="utf-8")
        atomic_write(self.settings_file, with_table(text, "scheduler", values), mode=0o600)

    def write(self, values: Mapping[str, Any], *, connection: Connection) -> None:
        """Write the top-level ``values`` into ``site.toml``, leaving its other lines alone, and keep the token."""
        text = self.settings_file.read_text(encoding="utf-8") if self.settings_file.is_file() else f"\n{EXAMPLE}"
        profile = connection.source.removeprefix("profile ") if connection.source.startswith("profile ") else None
        for name, value in {**values, "url": connection.url, "profile": profile}.items():
            text = with_line(text, name, value)
        atomic_write(self.settings_file, text, mode=0o600)
        if profile is None and connection.secret:
            atomic_write(self.token_file, connection.secret + "\n", mode=0o600)
        else:
            self.token_file.unlink(missing_ok=True)

    def add_policy(self, lines: str) -> None:
        """Add a policy to ``site.toml`` where it has none; one that is there is its owner's and stays."""
        text = self.settings_file.read_text(encoding="utf-8")
        if not has_table(text, "policy"):
            atomic_write(self.settings_file, f"{text.rstrip()}\n\n[policy]\n{lines}", mode=0o600)


def _faults(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
