"""Logs, alarms, and what becomes of the data."""

from typing import Annotated

from pydantic import BaseModel

from stacks.log_retention import LOG_RETENTION_DAYS
from stacks.settings.change import IN_PLACE
from stacks.settings.declaration import TOPIC, TRUE_OR_FALSE, OneOf, WholeNumber, by_environment, setting

EMAIL_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL = rf"^[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]+@(?:{EMAIL_LABEL}\.)+{EMAIL_LABEL}$"
"""What browsers take for an e-mail address: https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address"""


class Operation(BaseModel):
    """Logs, alarms, and what becomes of the data."""

    model_config = TOPIC

    log_retention_days: Annotated[WholeNumber, OneOf(tuple(LOG_RETENTION_DAYS))] = setting(
        by_environment(production=365, staging=30),
        "How long logs are kept. Default: 365 in production, 30 in staging.",
        change=IN_PLACE,
    )
    alarm_email: str | None = setting(
        None,
        "Who hears the alarms. Default: nobody.",
        "an e-mail address",
        pattern=EMAIL,
        max_length=254,
        change=IN_PLACE,
    )
    deletion_protection: bool = setting(
        by_environment(production=True, staging=False),
        "Refuse to delete the stacks, the database and the load balancer (T-3, T-42; docs/runbooks.md says how to let "
        "them go). Default: in production.",
        TRUE_OR_FALSE,
        change=IN_PLACE,
    )
    delete_data_with_stack: bool = setting(
        False,
        "Let data, keys and secrets go with the stacks (D-11); never in production.",
        TRUE_OR_FALSE,
        change=IN_PLACE,
    )
