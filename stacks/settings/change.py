"""How a new value of a settings key reaches a deployment that is live.

A key declares it beside its default; docs/settings.md shows it, and a test holds it against the templates.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["in place", "restart", "one way", "replaced", "in order", "never"]
Part = Literal["tasks", "hosts", "database"]

STACKS: Final = ("network", "database", "lambda", "enterprise")
"""The order in which `cdk deploy --all` updates the stacks: what exports comes before what imports."""


@dataclass(frozen=True)
class Change:
    """What a deploy with another value does.

    Attributes:
        kind: "in place": nothing stops. "restart": `restarts` are renewed one after another. "one way": back is refused
            by AWS. "replaced": something is made anew, with another address. "in order": one of the two ways takes
            several deploys. "never": another value is another deployment.
        how: What that means for this key, a phrase without a full stop; "" where the kind says it all.
        restarts: Parts that are renewed, at most.
        first: Stacks that are deployed alone before all others, in the way that CloudFormation refuses otherwise.
    """

    kind: Kind
    how: str = ""
    restarts: tuple[Part, ...] = ()
    first: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the kind and what it means for the key.

        Example:
            >>> print(restarts("tasks", "hosts", "database"))
            restart of tasks, hosts and database
            >>> print(in_order("enterprise", at_once="on", in_steps="off"))
            in order: on at once; off in steps, each stack alone with `cdk deploy --exclusively`: enterprise, then all
        """
        *others, last = self.restarts or ("",)
        parts = f"{', '.join(others)} and {last}" if others else last
        kind = f"restart of {parts}" if self.kind == "restart" else self.kind
        return f"{kind}: {self.how}" if self.how else kind


IN_PLACE: Final = Change("in place")


def restarts(*parts: Part, how: str = "") -> Change:
    """Declare that parts of the deployment are renewed, one after another, while the others serve."""
    return Change("restart", how, restarts=parts)


def one_way(how: str) -> Change:
    """Declare that AWS takes the new value, and would refuse the old one after it."""
    return Change("one way", how)


def replaced(how: str) -> Change:
    """Declare that something which others may know by its address is made anew or given up."""
    return Change("replaced", how)


def in_order(*first: str, at_once: str, in_steps: str, note: str = "") -> Change:
    """Declare that one of the two ways is refused unless some stacks are deployed alone before the others.

    CloudFormation refuses to drop an export that is imported, and `cdk deploy` updates what exports first (T-6).

    Args:
        first: The stacks, what imports before what exports.
        at_once: The way that one deploy goes.
        in_steps: The way that takes these steps.
        note: What else it needs. Default: nothing.
    """
    steps = ", then ".join((*first, "all"))
    how = f"{at_once} at once; {in_steps} in steps, each stack alone with `cdk deploy --exclusively`: {steps}"
    return Change("in order", f"{how}. {note}" if note else how, first=first)


def never(how: str) -> Change:
    """Declare that no deploy can change the value."""
    return Change("never", how)
