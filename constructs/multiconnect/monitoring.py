"""Alarms and the topic that they notify."""

from typing import Final, cast

from aws_cdk import Aws, Duration, Fn
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

PERIOD: Final = Duration.minutes(1)
"""Most metrics here are read once a minute, the finest that RDS and ECS publish without extra cost."""

DEFAULT_ALARM_MINUTES: Final = 5

ABOVE: Final = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
BELOW: Final = cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD

ALARM: Final = cloudwatch.TreatMissingData.BREACHING
"""No data is bad news: what should be counted is gone, and with it the one who counts."""

KEEP: Final = cloudwatch.TreatMissingData.IGNORE
"""No data tells nothing: the alarm stays as it was. Another alarm must speak when the source itself is gone."""

FINE: Final = cloudwatch.TreatMissingData.NOT_BREACHING
"""No data is good news: the metric has values only while there is something to complain of."""


class Alarms(Construct):
    """Alarms, and the topic that they notify. Each construct adds its own by `add_alarms`.

    Attributes:
        topic: Encrypted; takes messages from alarms of this account alone, and over TLS alone.
    """

    topic: sns.ITopic

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        topic: sns.ITopic | None = None,
        key: kms.IKey | None = None,
        alarm_email: str | None = None,
    ) -> None:
        """Make the topic, unless there is one.

        Args:
            scope: The stack.
            construct_id: A contract: another id is another topic.
            topic: The topic of another `Alarms`, which is notified instead. Default: a topic of its own.
            key: Encrypts the messages of its own topic; it must let CloudWatch use it (`encryption.allow_alarms`).
                Default: none, where another topic is notified.
            alarm_email: Gets every alarm of its own topic after its owner has confirmed. Default: nobody is subscribed.

        Raises:
            ValueError: There is neither a topic nor a key for one.
        """
        super().__init__(scope, construct_id)
        if topic is None:
            if key is None:
                raise ValueError("Alarms need a topic, or a key that encrypts a topic of their own.")
            topic = self._own_topic(key, alarm_email)
        self.topic = topic
        self._action = actions.SnsAction(topic)

    def _own_topic(self, key: kms.IKey, alarm_email: str | None) -> sns.ITopic:
        topic = sns.Topic(self, "Topic", master_key=key, enforce_ssl=True)
        # The rule about TLS makes a policy, which takes the place of SNS's own. So it must also say who may publish
        # (T-8): https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[topic.topic_arn],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {
                        "aws:SourceArn": Fn.sub(
                            "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*"
                        )
                    },
                },
            )
        )
        if alarm_email:
            topic.add_subscription(subscriptions.EmailSubscription(alarm_email))
        # jsii names a parameter differently in the interface, so that no class is its own interface.
        return cast(sns.ITopic, topic)

    def add(
        self,
        construct_id: str,
        metric: cloudwatch.IMetric,
        comparison: cloudwatch.ComparisonOperator,
        threshold: float,
        *,
        missing_data: cloudwatch.TreatMissingData,
        description: str,
        minutes: int = DEFAULT_ALARM_MINUTES,
    ) -> cloudwatch.Alarm:
        """Add an alarm that notifies the topic both when it fires and when all is well again.

        Args:
            construct_id: A contract: another id is another alarm.
            metric: What is watched. Its period divides `minutes`.
            comparison: `ABOVE` or `BELOW`.
            threshold: What it is compared with, in the metric's own unit.
            missing_data: What a period without data means: `ALARM`, `KEEP` or `FINE`. There is no default, since a
                wrong one makes a total loss silent (T-41).
            description: What it means and what to do, for the person who is woken by it.
            minutes: How long the metric must be beyond the threshold. Default: `DEFAULT_ALARM_MINUTES`.

        Raises:
            ValueError: The metric's period does not divide `minutes`.
        """
        periods, rest = divmod(minutes, _period_minutes(metric))
        if rest or not periods:
            raise ValueError(f"{construct_id}: {minutes} minutes are no whole number of the metric's periods.")
        alarm = cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            comparison_operator=comparison,
            evaluation_periods=periods,
            alarm_description=description,
            treat_missing_data=missing_data,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        return alarm


def _period_minutes(metric: cloudwatch.IMetric) -> int:
    """Return the period of a metric or of an expression."""
    found = metric.to_metric_config()
    if found.metric_stat:
        return int(found.metric_stat.period.to_minutes())
    if found.math_expression:
        return int(found.math_expression.period) // 60
    raise TypeError("a metric is either one of CloudWatch or an expression of some")
