"""How the four stacks are put together to one app."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aws_cdk import Annotations, App, Environment

from sizing import Plan
from stacks.database import DatabaseStack
from stacks.enterprise import EnterpriseStack
from stacks.functions import FunctionsStack
from stacks.network import NetworkStack
from stacks.organisation import stack_options, tag_and_bind
from stacks.settings import Settings
from stacks.settings.advice import advice

# Here and not in cdk.json: the CDK CLI warns of each context key in that file that begins with "aws:".
NO_CREATION_TRACES = {"aws:cdk:disable-creation-stack-traces": True}


def new_app(context: Mapping[str, Any], folder: Path | None = None) -> App:
    """Return an empty app.

    Args:
        context: The context of `cdk.json`. What the CDK CLI hands over takes precedence.
        folder: Where the templates go. Default: where the CLI says, or a temporary folder.
    """
    return App(
        context={**context, **NO_CREATION_TRACES},
        outdir=str(folder) if folder else None,
        analytics_reporting=False,
        # Stack traces and the tree would show the CDK's JavaScript and no line of ours. They cost a tenth of a synth,
        # and they hold the name of a temporary folder, so that two synths would differ. The traces of the resources
        # have a context key of their own.
        stack_traces=False,
        tree_metadata=False,
    )


def add_stacks(app: App, settings: Settings, plan: Plan) -> None:
    """Add the four stacks of one deployment to an app: network, database, Lambda, enterprise.

    Args:
        app: The app that owns the stacks.
        settings: What is asked for.
        plan: The sizes that follow from the settings.
    """
    name, env = settings.name, Environment(account=settings.account, region=settings.region)

    def options() -> dict[str, Any]:
        # Deletion protection of the database stops `cdk destroy` too late, after the services have gone (T-42).
        protection = {"termination_protection": settings.deletion_protection}
        return {"settings": settings, "env": env, **protection, **stack_options(settings)}

    network = NetworkStack(app, f"{name}-network", plan=plan, **options())
    database = DatabaseStack(app, f"{name}-database", plan=plan, network=network, **options())
    functions = FunctionsStack(app, f"{name}-lambda", network=network, database=database, **options())
    enterprise = EnterpriseStack(
        app, f"{name}-enterprise", plan=plan, network=network, database=database, functions=functions, **options()
    )
    for stack in (network, database, functions, enterprise):
        tag_and_bind(stack, settings)
    for each in advice(settings, plan):
        # On the stack that is deployed last, since a deploy of all stacks shows the warnings of each before the first.
        Annotations.of(enterprise).add_warning_v2(f"multiconnect:{each.id}", each.text)
