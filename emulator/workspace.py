"""Where things lie, and the environments in which other programs run. Standard library alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
# The target takes a 12-digit access key for the account: nobody's credentials are needed or used.
ACCOUNT = "123456789012"
REGION = "us-east-1"
# Environment variables that change how a target behaves; `python -m emulator serve --help` tells what they do.
SWITCHES = ("EMULATOR_SECONDS_PER_DAY", "EMULATOR_ROLLBACK_ORDER")


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A CDK project and the folder that holds all state of its target.

    Attributes:
        project: Folder with cdk.json, `.venv` and `node_modules`. Default: this one.
        state: Folder for logs, synthesized templates and the target's lock; a relative one lies below the project.
            Default: `.local`.
    """

    project: Path = PROJECT
    state: Path = Path(".local")

    def __post_init__(self) -> None:
        object.__setattr__(self, "state", self.project / self.state)

    @property
    def tools(self) -> Path:
        """Where `emulator.install` puts Node, beside the CDK CLI."""
        return self.project / "node_modules" / ".bin"

    @property
    def home(self) -> Path:
        """Home folder of all programs: aws-cdk-lib, jsii and others write caches there, whatever one sets."""
        return self.project / ".local" / "home"

    @property
    def own_path(self) -> str:
        """The part of PATH with the project's own Node, CDK CLI and Python."""
        return os.pathsep.join([str(self.tools), str(self.project / ".venv" / "bin")])

    @property
    def assembly(self) -> Path:
        """The synthesized templates that were deployed last."""
        return self.state / "cdk.out"

    @property
    def lock(self) -> Path:
        """The file that a running target keeps locked; it holds its process id and port."""
        return self.state / "target.json"

    @property
    def log(self) -> Path:
        """What the target printed."""
        return self.state / "target.log"

    @property
    def cli_log(self) -> Path:
        """What the CDK CLI printed during the last command."""
        return self.state / "cdk.log"

    def install_environment(self) -> dict[str, str]:
        """Return the environment of pip and npm: the caller's, for the registries set up there, but other caches."""
        cache = self.project / ".local" / "cache"
        return {
            **os.environ,
            "PIP_CACHE_DIR": str(cache / "pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "npm_config_cache": str(cache / "npm"),
            "npm_config_update_notifier": "false",
        }

    def aws_environment(self, endpoint: str) -> dict[str, str]:
        """Return the variables that lead the AWS CLI, boto3 and the CDK to the target at `endpoint`."""
        return {
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CDK_DEFAULT_ACCOUNT": ACCOUNT,
            "CDK_DEFAULT_REGION": REGION,
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def cli_environment(self, endpoint: str | None) -> dict[str, str]:
        """Return the environment of the CDK CLI: no AWS setting but the target's, Node and Python of the project.

        Args:
            endpoint: Address of the target. None: for commands that ask no AWS, such as `cdk synth`.
        """
        inherited = {name: value for name, value in os.environ.items() if not _leads_elsewhere(name)}
        return {
            **inherited,
            **self.aws_environment(endpoint or "http://127.0.0.1:9"),  # port 9: refused at once
            "HOME": str(self.home),
            "PATH": self.search_path(),
            "CDK_DISABLE_VERSION_CHECK": "1",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            "CDK_REQUIRE_APPROVAL": "never",
        }

    def target_environment(self) -> dict[str, str]:
        """Return the environment of the target, which its Lambda functions inherit: little, and none of AWS's."""
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ", *SWITCHES) if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": self.search_path(),
            # The CDK's own JavaScript functions load @aws-sdk/client-ec2, as on AWS.
            "NODE_PATH": str(self.project / "node_modules"),
            "TMPDIR": str(self.state / "tmp"),
            "PYTHONUNBUFFERED": "1",
        }

    def search_path(self) -> str:
        """Return a PATH on which the project's Node, CDK CLI and Python come first."""
        path = os.environ.get("PATH", os.defpath)
        return path if path.startswith(self.own_path) else os.pathsep.join([self.own_path, path])


def _leads_elsewhere(name: str) -> bool:
    """Tell whether a variable would lead the CLI to another account, another folder, or a proxy."""
    return name.startswith(("AWS_", "CDK_", "JSII_", "XDG_")) or name.lower() in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "node_options",
    )
