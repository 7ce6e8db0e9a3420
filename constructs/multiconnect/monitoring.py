"""Alarms and the topic that they notify."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

PERIOD: Final = Duration.minutes(1)
"""All metrics here are read once a minute, the finest that RDS and ECS publish without extra cost."""

DEFAULT_ALARM_MINUTES: Final = 5

ABOVE: Final = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW: Final = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD


class Alarms(Construct):
    """A topic and the alarms that notify it. Each construct adds its own by `add_alarms`.

    Attributes:
        topic: Encrypted; refuses publishers without TLS.
    """

    def __init__(self, scope: Construct, construct_id: str, *, key: kms.IKey, alarm_email: str | None = None) -> None:
        """Make the topic.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another topic.
            key: Encrypts the messages; it must let CloudWatch use it (`encryption.allow_alarms`).
            alarm_email: Gets every alarm after its owner has confirmed. Default: nobody is subscribed.
        """
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        if alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(alarm_email))
        self._action = actions.SnsAction(self.topic)

    def add(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        threshold: float,
        *,
        description: str,
        minutes: int = DEFAULT_ALARM_MINUTES,
        missing_data: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.MISSING,
    ) -> cloudwatch.Alarm:
        """Add an alarm that notifies the topic both when it fires and when all is well again.

        Args:
            construct_id: A contract: another id is another alarm.
            metric: What is watched, once a minute.
            comparison: `ABOVE` or `BELOW`.
            threshold: What it is compared with, in the metric's own unit.
            description: What it means and what to do, for the person who is woken by it.
            minutes: How many minutes in a row the metric must be beyond the threshold. Default:
                `DEFAULT_ALARM_MINUTES`.
            missing_data: What a minute without data means. Default: the alarm keeps its state.
        """
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=minutes,
            alarm_description=description,
            treat_missing_data=missing_data,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        return alarm
