"""Batch systems as seen from inside an allocation: which nodes it has, and how to start a process on one of them."""

import os
from collections.abc import Mapping

from storax_agent.launch.nodes.clusters import lsf, pbs, sge, single_node, slurm
from storax_agent.launch.nodes.clusters.base import Cluster

CLUSTERS: dict[str, Cluster] = {
    "slurm": slurm.Slurm(),
    "pbs": pbs.Pbs(),
    "lsf": lsf.Lsf(),
    "sge": sge.Sge(),
    "machine": single_node.SingleNode(),
}


def cluster_of(environment: Mapping[str, str] = os.environ, *, name: str = "auto") -> Cluster:
    """The batch system named, or with ``auto`` the first whose variables are set; one machine when there are none."""
    if name != "auto":
        return CLUSTERS[name]
    return next(cluster for cluster in CLUSTERS.values() if cluster.present(environment))
