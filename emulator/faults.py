"""Make a create or update fail on purpose, so that a deploy can be rehearsed that stops half-way."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .handlers.internals import Step, before_each_step


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The next create or update that it matches fails.

    Attributes:
        resource_type: CloudFormation type, such as `AWS::ECS::Service`.
        logical_id: Part of the logical id. Default: any.
        reason: What the stack's events will say.
    """

    resource_type: str
    logical_id: str = ""
    reason: str = "failed on purpose"

    @classmethod
    def parse(cls, body: Any) -> Fault:
        """Read a fault from a JSON body.

        Raises:
            ValueError: The body is not an object of strings, lacks `resource_type` or has an unknown key.
        """
        allowed = tuple(cls.__dataclass_fields__)
        if not isinstance(body, dict) or not all(isinstance(value, str) for value in body.values()):
            raise ValueError(f"a fault is a JSON object of strings with the keys {', '.join(allowed)}")
        if unknown := sorted(body.keys() - set(allowed)):
            raise ValueError(f"unknown key {', '.join(unknown)}; allowed are {', '.join(allowed)}")
        if not body.get("resource_type"):
            raise ValueError("resource_type is missing, for example AWS::ECS::Service")
        return cls(**body)


class Faults:
    """The faults that wait for a resource that they match; each strikes once."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Let `fault` strike the next resource that it matches."""
        self._waiting.append(fault)

    def clear(self) -> None:
        """Forget all that still wait."""
        self._waiting.clear()

    def waiting(self) -> list[dict[str, str]]:
        """Return those that have not struck yet, oldest first."""
        return [asdict(fault) for fault in self._waiting]

    def strike(self, resource_type: str, logical_id: str) -> None:
        """Raise the first fault that matches, and forget it.

        Raises:
            ValueError: With the fault's reason; CloudFormation fails the resource with it.
        """
        for fault in self._waiting:
            if fault.resource_type == resource_type and fault.logical_id in logical_id:
                self._waiting.remove(fault)
                raise ValueError(fault.reason)

    def install(self) -> None:
        """Ask `strike` before every create and every update that changes something."""
        before_each_step(self._strike_at)

    def _strike_at(self, step: Step) -> None:
        if step.new is not None:
            self.strike(step.resource_type, step.logical_id)
