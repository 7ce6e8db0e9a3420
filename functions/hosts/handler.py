"""What Lambda calls: by CloudFormation for HostsBefore and HostsAfter, by EventBridge when a rollback begins.

The property `Place` tells the two custom resources apart.
"""

from collections.abc import Mapping
from typing import Any

from functions import contract
from functions.aws import auto_scaling, cloudformation, ecs
from functions.custom_resource import Answer, LambdaContext, Request, Resource, custom_resource
from functions.errors import Refusal
from functions.hosts.after import After
from functions.hosts.before import Before
from functions.hosts.restore import restore


class Hosts:
    """Hands each request to the custom resource at its place.

    Args:
        before: The one in front of hosts and services.
        after: The one between them.
    """

    def __init__(self, before: Resource, after: Resource) -> None:
        self._places = {contract.BEFORE: before, contract.AFTER: after}

    def identify(self, request: Request) -> str:
        """Return the physical id of the custom resource at this place."""
        return self._at(request).identify(request)

    def create(self, request: Request) -> Answer:
        """Make it."""
        return self._at(request).create(request)

    def update(self, request: Request) -> Answer:
        """Change it."""
        return self._at(request).update(request)

    def delete(self, request: Request) -> None:
        """Undo it."""
        self._at(request).delete(request)

    def _at(self, request: Request) -> Resource:
        place = request.text(contract.PLACE)
        if place not in self._places:
            raise Refusal(f"Property {contract.PLACE}: {place!r} was given; allowed are {' and '.join(self._places)}.")
        return self._places[place]


def _hosts() -> Hosts:
    containers, stacks = ecs(), cloudformation()
    return Hosts(Before(containers, stacks), After(auto_scaling(), containers, stacks))


answer_cloudformation = custom_resource(_hosts)


def handle(event: Mapping[str, Any], context: LambdaContext) -> None:
    """Answer CloudFormation, or give the hosts back when EventBridge names a stack whose rollback begins."""
    if stack := event.get(contract.ROLLED_BACK_STACK):
        restore(str(stack), auto_scaling(), cloudformation())
    else:
        answer_cloudformation(event, context)
