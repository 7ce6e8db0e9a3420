"""A rollback that begins is an event, and the functions that wait for it act before its steps wait for hosts.

AWS sends an event for each change of a stack's status. Only this one is sent here. In an account the functions act
within seconds, while a step of CloudFormation waits for hours; here steps take no time, so the rollback goes on when
the functions have ended.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/event-detail-stack-status-change.html
"""

from __future__ import annotations

import asyncio
import threading

from . import internals

LONGEST_SECONDS = 60.0


def register() -> None:
    """Send the event of each rollback of an update."""
    internals.before_each_rollback(_tell)


async def _tell(stack_id: str) -> None:
    before = set(threading.enumerate())
    internals.publish(
        "aws.cloudformation",
        "CloudFormation Stack Status Change",
        {"stack-id": stack_id, "status-details": {"status": "UPDATE_ROLLBACK_IN_PROGRESS", "status-reason": ""}},
    )
    # A thread without an identity is another's, which has not begun: nobody can wait for its end.
    started = {thread for thread in threading.enumerate() if thread.ident is not None} - before
    for thread in started:
        await asyncio.to_thread(thread.join, LONGEST_SECONDS)
