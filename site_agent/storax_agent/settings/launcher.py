"""The table ``[launcher]`` of site.toml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LauncherSettings(BaseModel):
    """How jobs are packed and started. Without the table everything is found out."""

    model_config = ConfigDict(extra="forbid")

    cluster: Literal["auto", "slurm", "pbs", "lsf", "sge", "machine"] = Field(
        default="auto",
        description="Batch system whose variables name an allocation's nodes; auto: what is set.",
    )
    remote_start: str = Field(
        default="",
        description="Command that starts a node's worker, as 'ssh {node}'; unset: the batch system's own.",
    )
    launch: Literal["auto", "local", "srun", "hydra", "openmpi", "pals"] = Field(
        default="auto",
        description="Command that starts ranks; auto: the mpiexec on the PATH, then srun; local: no command at all.",
    )
    launch_params: list[str] | None = Field(
        default=None,
        description="Names that jobs may give in launch_params; unset: all, or none where allowed_apps is set.",
    )
    cpu_affinity: bool | None = Field(
        default=None, description="Whether a job is held to its cores; unset: inside a batch system's allocation."
    )
    whole_nodes: bool = Field(
        default=False, description="Whether node_packing_count 1, the default, means a node for each job."
    )
    order: Literal["age", "long_first", "small_first"] = Field(
        default="age", description="Which jobs an allocation leases first, after what fits."
    )
    max_output_mb: int = Field(
        default=1024, ge=0, le=1 << 30,
        description="MiB that a job may write to job.out or to job.err before it is ended; 0: no limit.",
    )  # fmt: skip
