"""The four stacks (M-14), the settings that they are made from, and how they are put together."""

from aws_cdk import App, Environment

from sizing import Plan
from stacks.database import DatabaseStack
from stacks.enterprise import EnterpriseStack
from stacks.functions import FunctionsStack
from stacks.network import NetworkStack
from stacks.settings import Settings


def add_stacks(app: App, settings: Settings, plan: Plan) -> None:
    """Add the four stacks of one deployment to an app: network, database, Lambda, enterprise.

    Args:
        app: Where to.
        settings: What is asked for.
        plan: What follows from it.
    """
    name, env = settings.name, Environment(account=settings.account, region=settings.region)
    network = NetworkStack(app, f"{name}-network", settings=settings, env=env)
    database = DatabaseStack(app, f"{name}-database", settings=settings, plan=plan, network=network, env=env)
    functions = FunctionsStack(app, f"{name}-lambda", settings=settings, network=network, database=database, env=env)
    EnterpriseStack(
        app,
        f"{name}-enterprise",
        settings=settings,
        plan=plan,
        network=network,
        database=database,
        functions=functions,
        env=env,
    )
