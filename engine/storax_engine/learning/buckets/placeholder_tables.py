"""The same plan with a table of its own for every placeholder: in a bucket two of them may hold different rows."""

from dataclasses import replace

from storax_engine.learning.plan import MANY_TO_ONE, Node, Plan
from storax_engine.learning.tables.frame import TARGET
from storax_engine.learning.tables.workspace import with_join_columns


def own_tables(plan: Plan) -> Plan:
    """Placeholders keep their names, and their tables are called the same."""
    roles = {node.name: plan.roles.get(node.table, {}) for node in plan.population.walk()}
    subroles = {node.name: plan.subroles.get(node.table, {}) for node in plan.population.walk()}
    units = {node.name: plan.units.get(node.table, {}) for node in plan.population.walk()}
    return replace(plan, population=_named(plan.population), roles=roles, subroles=subroles, units=units)


def looked_up(plan: Plan, node: Node) -> Plan:
    """A plan whose population is ``node``, with nothing but the columns that many-to-one joins bring into it."""
    return replace(plan, population=_pruned(node))


def columns(plan: Plan, node: Node) -> list[str]:
    """Return the columns of a placeholder's table that features need."""
    is_population = node is plan.population
    roles = with_join_columns(node, plan, dict(plan.roles.get(node.table, {})), is_population)
    kinds = ("numerical", "categorical", "time_stamp", "text", "join_key", TARGET)
    return list(dict.fromkeys(name for kind in kinds for name in roles.get(kind, ())))


def _named(node: Node) -> Node:
    joins = tuple(replace(join, right=_named(join.right)) for join in node.joins)
    return Node(node.name, node.name, joins)


def _pruned(node: Node) -> Node:
    kept = (join for join in node.joins if join.relationship == MANY_TO_ONE)
    return Node(node.name, node.table, tuple(replace(join, right=_pruned(join.right)) for join in kept))
