"""Hosts and tasks of the target: where ECS puts tasks, how hosts come and go, and how long CloudFormation waits.

A simulation on a clock of its own. `world.py` turns it; `groups.py`, `replacement.py`, `draining.py`, `tasks.py`,
`services.py` and `scaling.py` are the processes of AWS that it plays; `steps.py` lets CloudFormation wait for them;
`scaling_api.py` and `container_api.py` answer what functions and people ask; `watch.py` notes every moment at which
running tasks needed more hosts than served.
"""

from .control import answer, register

__all__ = ["answer", "register"]
