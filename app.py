"""The CDK app: settings -> plan -> stacks."""

import sys
from pathlib import Path

from stacks.settings import ContextError, Settings, SettingsError, read_context


def main() -> None:
    """Judge the settings, then make the stacks of the deployment that is asked for."""
    try:
        context = read_context(Path(__file__).with_name("cdk.json"))
        settings, plan = Settings.from_context(context)
    except (ContextError, SettingsError) as error:
        sys.exit(str(error))
    # The CDK takes seconds to load, which nobody should wait for to be told of a bad setting.
    from stacks.deployment import add_stacks, new_app

    app = new_app(context)
    add_stacks(app, settings, plan)
    app.synth()


if __name__ == "__main__":
    main()
