"""Tables beside the resources: idempotency keys, edges of the graph, feed, heartbeats, seals, archives, keys."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from storax_core.resources import columns as c


class Command(SQLModel, table=True):
    """One mutating call by its idempotency key: what it was and what it answered."""

    __tablename__ = "command"
    __table_args__ = (Index("command_age", "created_at"),)

    owner_id: int = Field(sa_type=BigInteger, primary_key=True)
    key: UUID = Field(primary_key=True)
    fingerprint: str = c.text("What the call was.")
    position: int = Field(sa_type=BigInteger)
    answer: bytes
    created_at: datetime = c.when("When.")


class JobParent(SQLModel, table=True):
    """An edge of the job graph; follows from ``job.parent_ids``."""

    __tablename__ = "job_parent"
    __table_args__ = (Index("job_parent_parent", "parent_id"),)

    child_id: int = Field(sa_type=BigInteger, primary_key=True)
    parent_id: int = Field(sa_type=BigInteger, primary_key=True)
    owner_id: int = Field(sa_type=BigInteger)


class JobCounts(SQLModel, table=True):
    """Jobs by site and state, as differences that are summed up on reading and compacted now and then.

    Each command adds its own rows, so counting costs nothing that grows with the number of jobs, and no two commands
    ever wait for one another's counter.
    """

    __tablename__ = "job_tally"
    __table_args__ = (Index("job_tally_owner", "owner_id"),)
    __mapper_args__ = {"primary_key": ["owner_id", "site_id", "state", "n"]}

    owner_id: int = Field(sa_type=BigInteger)
    site_id: int = Field(sa_type=BigInteger)
    state: str = c.text("Job state.")
    n: int


class JobFlow(SQLModel, table=True):
    """How many jobs went from state to state in a minute, by site; an empty state: before creation, behind deletion.

    Counted behind the log, up to the position that ``feed`` keeps: ``flow``.
    """

    __tablename__ = "job_flow"
    __table_args__ = (Index("job_flow_minute", "minute"),)

    owner_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    minute: datetime = c.when("Start of the minute.", primary_key=True)
    site_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    from_state: str = c.text("State before.", primary_key=True)
    to_state: str = c.text("State after.", primary_key=True)
    n: int = Field(sa_type=BigInteger)


class AppFlow(SQLModel, table=True):
    """How many jobs of an App came to a state, ever since this is counted; up to the position of ``job_flow``.

    The App 0 stands for all that are deleted.
    """

    __tablename__ = "app_flow"

    app_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    to_state: str = c.text("State that they came to.", primary_key=True)
    n: int = Field(sa_type=BigInteger)


class Feed(SQLModel, table=True):
    """How far a follower of the log has come."""

    __tablename__ = "feed"

    name: str = c.text("Who follows.", primary_key=True)
    position: int = Field(sa_type=BigInteger)
    epoch: UUID
    updated_at: datetime = c.when("When.")


class ServerUptime(SQLModel, table=True):
    """When a part of the server last served: ``database.uptime``."""

    __tablename__ = "server_uptime"

    part: str = c.text("Part of the server.", primary_key=True)
    served_at: datetime = c.when("When a process of it last served, by the database's clock.")


class Heartbeat(SQLModel, table=True):
    """When a part that works beside the calls last did what it is for; see ``heartbeats``."""

    __tablename__ = "heartbeat"

    name: str = c.text("Which part.", primary_key=True)
    updated_at: datetime = c.when("When.")
    limit_sec: int = Field(sa_type=Integer, nullable=False)


class ServerKey(SQLModel, table=True):
    """A secret that the processes of the server share: ``server_keys``."""

    __tablename__ = "server_key"

    name: str = c.text("What it signs.", primary_key=True)
    key: bytes


class LoginFailure(SQLModel, table=True):
    """How often a login failed lately: ``login_failures``."""

    __tablename__ = "login_failure"

    key: str = c.text("Digest of an account, an address, or both.", primary_key=True)
    failures: int
    failed_at: datetime = c.when("When the last one failed.")


class SealRow(SQLModel, table=True):
    """A closed range of the log with the digest of its events: ``log/seals.py`` says what each field is."""

    __tablename__ = "seal"

    number: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    epoch: int
    kind: str = c.text("events or archive.")
    low: int = Field(sa_type=BigInteger)
    high: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    form: int = Field(sa_type=SmallInteger)
    root: str = c.text("Digest of the events.")
    place: str = c.text("Where archived events are.")
    sealed_at: str = c.text("When, as it is hashed.")
    previous: str = c.text("Digest of the seal before.")
    digest: str = c.text("Digest of the fields above.")
    mac: str = c.text("HMAC of the digest; empty without a key.")


class ArchiveRow(SQLModel, table=True):
    """A range of the log that was moved to files: ``log/archive/archives.py`` says what each field is."""

    __tablename__ = "archive"

    high: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    low: int = Field(sa_type=BigInteger)
    events: int = Field(sa_type=BigInteger)
    first_at: datetime = c.when("Time of its first event.")
    last_at: datetime = c.when("Time of its last event.")
    folder: str = c.text("Where the files are.")
    events_file: str = c.text("File of the events.")
    events_digest: str = c.text("Its SHA-256.")
    events_bytes: int = Field(sa_type=BigInteger)
    baseline_file: str = c.text("File of the baseline at the end of the range.")
    baseline_digest: str = c.text("Its SHA-256.")
    baseline_bytes: int = Field(sa_type=BigInteger)
    baseline_rows: int = Field(sa_type=BigInteger)
    baseline_root: str = c.text("Digest of the rows of the baseline.")


class BaselineRow(SQLModel, table=True):
    """The state of a resource at the end of what was archived: ``log/archive/baseline.py`` says what each field is."""

    __tablename__ = "event_baseline"
    __table_args__ = (Index("baseline_owner", "owner_id", "entity"),)

    entity: str = c.text("Kind of resource.", primary_key=True)
    entity_id: int = Field(sa_column=Column(BigInteger, primary_key=True, autoincrement=False))
    owner_id: int = Field(sa_type=BigInteger)
    version: int
    timestamp: datetime = c.when("Time of its last event.")
    creation_date: datetime = c.when("Time of its first event.")
    type: str = c.text("As which event its data reads.")
    schema_version: int = Field(sa_type=SmallInteger)
    data: dict[str, Any] = Field(sa_type=JSONB)
    from_state: str | None = c.text("State before its last transition.", default=None)
    to_state: str | None = c.text("State after it.", default=None)
    transition: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    failure: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class ClusterEpoch(SQLModel, table=True):
    """An epoch of the cluster, which a restore raises, and what was skipped when it began."""

    __tablename__ = "cluster_epoch"

    epoch: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    raised_at: datetime = c.when("When.")
    reason: str = c.text("Why.")
    identity: str = c.text("The database in which it began.")
    kept_position: int = Field(sa_type=BigInteger)
    first_position: int = Field(sa_type=BigInteger)
    skipped_ids: dict[str, list[int]] = Field(sa_type=JSONB)
