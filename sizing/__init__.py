"""Sizing of a WhatsApp Business API client (On-Premises) Multiconnect cluster on AWS.

`plan` answers how many hosts, which database class, how sure, and what it costs. Statements of the vendor's page are
cited as M-n, decisions of this project as D-n; see `sizing.facts.published` for the addresses.

Example:
    >>> import sizing
    >>> answer = sizing.plan(messages_per_second=100)
    >>> answer.hosts.maximum, answer.database.engine
    (8, 'mysql')
"""

from typing import TYPE_CHECKING, Any

from sizing.connections.estimate import ConnectionEstimate, Estimator, estimate_connections
from sizing.engines import max_connections
from sizing.errors import Problem, SizingError
from sizing.facts.published import SHARD_COUNTS
from sizing.planning.cost import CostItem, MonthlyCost
from sizing.planning.model import Alternative, Alternatives, Database, Hosts, Plan, Tasks, TaskSize
from sizing.planning.plan import max_hosts, plan

if TYPE_CHECKING:
    from sizing.connections.calibration import ConnectionModel, Outlier, calibrate
    from sizing.connections.observation import Metric, observe
    from sizing.planning.sweep import sweep
    from sizing.reliability import Availability, Failures, availability, spares_for, survives
    from sizing.show.tables import classes, hosts

# What needs NumPy, pandas or boto3, or is seldom asked, loads when it is first used: a plan must start quickly.
_LAZY = {
    "ConnectionModel": "sizing.connections.calibration",
    "Outlier": "sizing.connections.calibration",
    "calibrate": "sizing.connections.calibration",
    "Metric": "sizing.connections.observation",
    "observe": "sizing.connections.observation",
    "classes": "sizing.show.tables",
    "hosts": "sizing.show.tables",
    "sweep": "sizing.planning.sweep",
    "Availability": "sizing.reliability",
    "Failures": "sizing.reliability",
    "availability": "sizing.reliability",
    "spares_for": "sizing.reliability",
    "survives": "sizing.reliability",
}


def __getattr__(name: str) -> Any:
    """Load a name of `_LAZY` from its module."""
    if name not in _LAZY:
        raise AttributeError(f"module 'sizing' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


__all__ = [
    "SHARD_COUNTS",
    "Alternative",
    "Alternatives",
    "Availability",
    "ConnectionEstimate",
    "ConnectionModel",
    "CostItem",
    "Database",
    "Estimator",
    "Failures",
    "Hosts",
    "Metric",
    "MonthlyCost",
    "Outlier",
    "Plan",
    "Problem",
    "SizingError",
    "TaskSize",
    "Tasks",
    "availability",
    "calibrate",
    "classes",
    "estimate_connections",
    "hosts",
    "max_connections",
    "max_hosts",
    "observe",
    "plan",
    "spares_for",
    "survives",
    "sweep",
]
