"""What a job takes of a node, in SQL: which jobs some nodes can hold, and how many nodes many jobs fill.

The rule is that of the packer at the sites (``storax/_runtime/footprint.py`` and ``launch/packing.py`` of the agent, in
Python; tests compare the two). All of it reads only the table ``job_state``, as ``s``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import BaseModel, ConfigDict, Field

from storax_core.resources.types import Count

Size = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
MOST_SIZES = 64
ANY_NUMBER = 1_000_000  # of nodes; no job asks for more
DEVICE = 1_000_000  # a GPU's parts are counted in millionths
CORES = "((s.ranks_per_node::bigint * s.threads_per_rank + s.threads_per_core - 1) / s.threads_per_core)"
PART = f"round((s.gpus_per_rank - floor(s.gpus_per_rank)) * {DEVICE})::bigint"  # of one more device, for each rank
SHARERS = f"(CASE {PART} WHEN 0 THEN 1 ELSE {DEVICE} / {PART} END)"  # ranks whose parts one device holds
# The devices of one job, times SHARERS: a part takes 1/SHARERS of a device, what remains is of no use to its like.
DEVICES = f"(s.ranks_per_node * (floor(s.gpus_per_rank)::bigint * {SHARERS} + ({PART} > 0)::int))"


class Parameters(Protocol):
    """The parameters of a statement that is SQL text."""

    def param(self, value: Any) -> str:
        """Add a value; returns its place in the text."""


@dataclass
class Where:
    """A growing condition of a command's SQL text, and its parameters; the first is the owner."""

    params: list[Any]
    parts: list[str] = field(default_factory=list)

    def param(self, value: Any) -> str:
        """Add a parameter and return its place."""
        self.params.append(value)
        return f"${len(self.params)}"

    @property
    def sql(self) -> str:
        """All parts, joined by AND."""
        return " AND ".join(self.parts)


class NodeSize(BaseModel):
    """Nodes of one size."""

    model_config = ConfigDict(extra="forbid")

    num_nodes: Count = Field(default=1, description="How many nodes of this size.")
    cores: Size = Field(description="Cores of each.")
    gpus: Size | None = Field(default=0, description="GPUs of each; null: not known, bounds nothing.")
    memory_mb: Size = Field(default=0, description="Memory of each in MiB; 0: not known, bounds nothing.")


Nodes = Annotated[list[NodeSize], Field(min_length=1, max_length=MOST_SIZES)]


def held(nodes: Sequence[NodeSize], parameters: Parameters) -> str:
    """Whether these nodes, all of them together, could hold a job."""
    enough = [(_on_one(size, parameters), f"{parameters.param(size.num_nodes)}::int") for size in nodes]
    if len(enough) == 1:
        fits, number = enough[0]
        return f"({fits} AND s.num_nodes <= {number})"
    return f"({' + '.join(f'CASE WHEN {fits} THEN {number} ELSE 0 END' for fits, number in enough)} >= s.num_nodes)"


def _on_one(size: NodeSize, parameters: Parameters) -> str:
    parts = [f"{CORES} <= {parameters.param(size.cores)}::int"]
    if size.gpus is not None:  # most jobs ask for none, which is quicker to see than how the others share them
        parts.append(f"(s.gpus_per_rank = 0 OR {DEVICES} <= {parameters.param(size.gpus)}::bigint * {SHARERS})")
    if size.memory_mb:
        parts.append(f"s.mem_per_node_mb <= {parameters.param(size.memory_mb)}::int")
    return " AND ".join(parts)


def nodes_filled(node: NodeSize, parameters: Parameters, *, whole_nodes: bool) -> str:
    """How many such nodes a job fills: what it takes of one, by how many of its like one holds; several ones whole.

    ``node_packing_count`` 1 states nothing, or with ``whole_nodes`` that it has its node for itself.
    """
    like = [f"{parameters.param(node.cores)}::bigint / {CORES}"]
    if node.gpus is not None:
        room = f"{parameters.param(node.gpus)}::bigint * {SHARERS}"
        like.append(f"CASE WHEN s.gpus_per_rank > 0 THEN {room} / NULLIF({DEVICES}, 0) END")
    if node.memory_mb:
        like.append(f"{parameters.param(node.memory_mb)}::int / NULLIF(s.mem_per_node_mb, 0)")
    like.append("s.node_packing_count" if whole_nodes else "NULLIF(s.node_packing_count, 1)")
    # LEAST passes over what is null, and so bounds nothing.
    return f"CASE WHEN s.num_nodes > 1 THEN s.num_nodes ELSE 1 / GREATEST(LEAST({', '.join(like)}), 1)::float8 END"
