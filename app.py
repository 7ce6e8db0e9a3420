"""The CDK app: settings -> plan -> stacks."""

import json
import sys
from pathlib import Path

from aws_cdk import App, DefaultStackSynthesizer

from stacks import add_stacks
from stacks.settings import Settings, SettingsError

# The CDK CLI hands over the same context, with `-c` on top; `python app.py` alone has this.
context = json.loads((Path(__file__).parent / "cdk.json").read_text(encoding="utf-8"))["context"]
app = App(
    context=context,
    analytics_reporting=False,
    # Of the JavaScript below: they cost a tenth of a synth, name no line of ours, but a temporary folder that makes two
    # synths differ. cdk.json turns off those of the resources.
    stack_traces=False,
    tree_metadata=False,
    # The CLI checks the bootstrap version itself; the rule would cost each template 500 of its 51,200 bytes.
    default_stack_synthesizer=DefaultStackSynthesizer(generate_bootstrap_version_rule=False),
)
try:
    settings, plan = Settings.from_context(app.node.get_all_context())
except SettingsError as error:
    sys.exit(str(error))
add_stacks(app, settings, plan)
app.synth()
