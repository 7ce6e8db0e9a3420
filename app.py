"""The CDK app: settings -> plan -> stacks."""

import json
import sys
from pathlib import Path

from stacks.deployment import add_stacks, new_app
from stacks.settings import Settings, SettingsError

# The CDK CLI hands over the same context, with `-c` on top; `python app.py` alone has this.
context = json.loads((Path(__file__).parent / "cdk.json").read_text(encoding="utf-8"))["context"]
app = new_app(context)
try:
    settings, plan = Settings.from_context(app.node.get_all_context())
except SettingsError as error:
    sys.exit(str(error))
add_stacks(app, settings, plan)
app.synth()
