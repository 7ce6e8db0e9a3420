"""The CDK app: settings -> plan -> stacks."""

import json
import sys
from pathlib import Path

from aws_cdk import App, DefaultStackSynthesizer, Environment

from stacks.database import DatabaseStack
from stacks.enterprise import EnterpriseStack
from stacks.functions import FunctionsStack
from stacks.network import NetworkStack
from stacks.settings import Settings, SettingsError

# The CDK CLI hands over the same context, with `-c` on top; `python app.py` alone has this.
context = json.loads((Path(__file__).parent / "cdk.json").read_text(encoding="utf-8"))["context"]
app = App(
    context=context,
    analytics_reporting=False,
    # The CLI checks the bootstrap version itself; the rule would cost each template 500 of its 51,200 bytes.
    default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
)
try:
    settings, plan = Settings.from_context(app.node.get_all_context())
except SettingsError as error:
    sys.exit(str(error))

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
app.synth()
