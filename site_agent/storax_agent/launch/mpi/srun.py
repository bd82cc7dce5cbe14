"""Slurm's ``srun``, a step of the allocation for each job."""

from collections.abc import Sequence

from storax_agent.launch.mpi.base import Launched, Ranks


class Srun:
    """MPI programs need a Slurm that was built for theirs (``srun --mpi=list``)."""

    def command(self, argv: Sequence[str], ranks: Ranks) -> Launched:
        """``--overlap``: the packing is ours, and the node workers' own steps must not stand in the way."""
        prefix = ["srun", f"--ntasks={ranks.total}", f"--cpus-per-task={ranks.threads}", "--overlap", "--mem=0"]
        prefix += [f"--ntasks-per-node={ranks.per_node}", "--kill-on-bad-exit=1", "--quiet"]
        if ranks.nodes:
            prefix += [f"--nodes={len(ranks.nodes)}", f"--nodelist={','.join(ranks.nodes)}"]
        masks = [f"0x{sum(1 << core for core in chunk):x}" for chunk in ranks.chunks]
        prefix.append("--cpu-bind=mask_cpu:" + ",".join(masks) if masks else "--cpu-bind=none")
        return Launched([*prefix, *ranks.options, *argv], {})
