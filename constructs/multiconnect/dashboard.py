"""One page that shows the plan beside what really runs."""

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from multiconnect.client import Client
from multiconnect.database.access import DatabaseMetrics
from multiconnect.entry import Entry
from multiconnect.fleet import Fleet
from sizing import Plan

COLUMNS = 24
"""Width of a CloudWatch dashboard."""


class Dashboard(Construct):
    """A CloudWatch dashboard: the plan, tasks, hosts, memory, connections and targets."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        plan: Plan,
        fleet: Fleet,
        entry: Entry,
        client: Client,
        database: DatabaseMetrics,
    ) -> None:
        """Make the dashboard.

        Args:
            scope: The stack.
            construct_id: Its id.
            plan: Its numbers stand above the graphs and are drawn in them as lines.
            fleet: Hosts and memory.
            entry: Unhealthy webapps.
            client: Running tasks.
            database: Connections, CPU and storage.
        """
        super().__init__(scope, construct_id)
        cloudwatch.Dashboard(
            self,
            "Page",
            widgets=[
                [
                    cloudwatch.TextWidget(
                        width=COLUMNS,
                        height=2,
                        markdown=f"**{plan.active_coreapps} shards**: {plan.coreapps} coreapps, {plan.webs} webapps, "
                        f"{plan.masters} masters on {plan.hosts.minimum} to {plan.hosts.maximum} "
                        f"{plan.hosts.instance_type}; {plan.database.instance_class}. Why: see the metadata of the "
                        "database stack.",
                    )
                ],
                [
                    _graph(
                        "Coreapps",
                        client.coreapp.running_tasks(),
                        lines={"shards": plan.active_coreapps, "shards + spares": plan.coreapps},
                    ),
                    _graph("Webapps and masters", client.webapp.running_tasks(), client.master.running_tasks()),
                    _graph("Unhealthy webapps", entry.unhealthy_webapps()),
                ],
                [
                    _graph("Hosts", fleet.hosts_in_service(), lines={"cap": plan.hosts.maximum}),
                    _graph("Memory reserved by tasks, %", fleet.memory_reservation(), lines={"full": 100}),
                    _graph("Database connections, % of the class", database.connections(), lines={"limit": 100}),
                ],
                [
                    _graph("Database CPU, %", database.cpu_utilization()),
                    _graph("Database storage left", database.free_storage()),
                ],
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric, lines: dict[str, int] | None = None) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(
        title=title,
        width=COLUMNS // 3,
        left=list(metrics),
        left_y_axis=cloudwatch.YAxisProps(min=0),
        left_annotations=[
            cloudwatch.HorizontalAnnotation(label=label, value=value) for label, value in (lines or {}).items()
        ],
    )
