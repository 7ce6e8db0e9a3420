"""What a deployment is made from: the context of `cdk.json` with `-c key=value` on top, checked all at once.

A named deployment is an object below `deployments` in `cdk.json`; `-c deployment=NAME` picks one, and every other key
overrides that deployment's value. Nothing here loads the CDK, so that a bad setting is refused at once.

`keys` has a file of keys for each topic, `checks` what several keys together tell, `reader` the way to the context.
"""

from stacks.settings.errors import ContextError, SettingsError
from stacks.settings.model import Settings
from stacks.settings.reader import read_context

__all__ = ["ContextError", "Settings", "SettingsError", "read_context"]
