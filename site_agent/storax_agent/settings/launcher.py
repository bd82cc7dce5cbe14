"""The table ``[launcher]`` of site.toml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LauncherSettings(BaseModel):
    """How jobs are packed and started. All settings are optional."""

    model_config = ConfigDict(extra="forbid")

    cluster: Literal["auto", "slurm", "pbs", "lsf", "sge", "machine"] = Field(
        default="auto",
        description="Batch system whose variables list the nodes of an allocation; auto: detect it.",
    )
    remote_start: str = Field(
        default="",
        description="Command that starts a node worker, such as 'ssh {node}'; empty: that of the batch system.",
    )
    launch: Literal["auto", "local", "srun", "hydra", "openmpi", "pals"] = Field(
        default="auto",
        description="Command that starts ranks; auto: mpiexec on the PATH, else srun; local: none.",
    )
    launch_params: list[str] | None = Field(
        default=None,
        description="Names that jobs may use in launch_params; unset: all, or none if allowed_apps is set.",
    )
    cpu_affinity: bool | None = Field(
        default=None, description="Whether a job is bound to its cores; unset: inside a batch system's allocation."
    )
    whole_nodes: bool = Field(
        default=False, description="Whether a job with node_packing_count 1 (the default) gets a node of its own."
    )
    order: Literal["age", "long_first", "small_first"] = Field(
        default="age", description="Which of the fitting jobs an allocation leases first."
    )
    max_output_mb: int = Field(
        default=1024, ge=0, le=1 << 30,
        description="Largest size of job.out and job.err, in MiB; a job that writes more is ended; 0: no limit.",
    )  # fmt: skip
    min_free_mb: int = Field(
        default=16, ge=0, le=1 << 30,
        description="Free space of the site's folders, in MiB, below which no job starts; 0: as long as there is any.",
    )  # fmt: skip
