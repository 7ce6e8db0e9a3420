"""Sizing of a WhatsApp Business API client (On-Premises) Multiconnect cluster on AWS.

`plan` answers how many hosts, which database class, how sure, and what it costs. Statements of the vendor's page are
cited as M-n, decisions of this project as D-n; see `sizing.published` for the addresses.

Example:
    >>> import sizing
    >>> answer = sizing.plan(messages_per_second=100)
    >>> answer.hosts.maximum, answer.database.engine
    (8, 'mysql')
"""

from sizing.connections import ConnectionEstimate, Estimator, estimate_connections, max_connections
from sizing.cost import CostItem, MonthlyCost
from sizing.errors import Problem, SizingError
from sizing.model import Alternative, Alternatives, Database, Hosts, Plan, Tasks, TaskSize
from sizing.planning import max_hosts, plan
from sizing.published import SHARD_COUNTS

__all__ = [
    "SHARD_COUNTS",
    "Alternative",
    "Alternatives",
    "ConnectionEstimate",
    "CostItem",
    "Database",
    "Estimator",
    "Hosts",
    "MonthlyCost",
    "Plan",
    "Problem",
    "SizingError",
    "TaskSize",
    "Tasks",
    "estimate_connections",
    "max_connections",
    "max_hosts",
    "plan",
]
