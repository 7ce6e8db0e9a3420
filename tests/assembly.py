"""Stacks synthesized in this process, and a way to read them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sizing import Plan
from stacks.settings import Settings
from stacks.settings.advice import advice

ROOT = Path(__file__).parents[1]
CDK_CONTEXT: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
DEPLOYMENTS = tuple(CDK_CONTEXT["deployments"])
STACKS = ("network", "database", "lambda", "enterprise")
MESSAGES = ("aws:cdk:info", "aws:cdk:warning", "aws:cdk:error")
ACCEPTED = {"E9006": ["Properties.EngineVersion"], "W3010": ["Properties.AvailabilityZone"]}
"""The CDK's own findings that are accepted: the properties that each may be about."""


@dataclass(frozen=True)
class Template:
    """One stack's template."""

    path: Path

    @cached_property
    def body(self) -> dict[str, Any]:
        return json.loads(self.path.read_text(encoding="utf-8"))

    @property
    def resources(self) -> dict[str, Any]:
        return self.body["Resources"]

    def of(self, kind: str, part: str = "") -> dict[str, Any]:
        """Return the resources of a type whose logical id contains `part`, by logical id."""
        return {name: item for name, item in self.resources.items() if item["Type"] == kind and part in name}

    def one(self, kind: str, part: str = "") -> Any:
        """Return the properties of the only such resource."""
        found = self.of(kind, part)
        assert len(found) == 1, f"{kind} {part}: {sorted(found)}"
        return next(iter(found.values()))["Properties"]

    def waits_for(self, name: str) -> set[str]:
        """Return everything that CloudFormation makes before a resource: named or pointed to, directly or not."""
        found: set[str] = set()
        open_ends = [name]
        while open_ends:
            text = json.dumps(self.resources[open_ends.pop()])
            near = {other for other in self.resources if f'"{other}"' in text} - found
            found |= near
            open_ends += near
        return found


@dataclass(frozen=True)
class Assembly:
    """What one synth of the four stacks wrote."""

    folder: Path
    settings: Settings
    plan: Plan

    @cached_property
    def templates(self) -> dict[str, Template]:
        found = {
            path.name.removesuffix(".template.json").removeprefix(f"{self.settings.name}-"): Template(path)
            for path in self.folder.glob("*.template.json")
        }
        return {name: found.pop(name) for name in STACKS} | found

    @property
    def network(self) -> Template:
        return self.templates["network"]

    @property
    def database(self) -> Template:
        return self.templates["database"]

    @property
    def functions(self) -> Template:
        return self.templates["lambda"]

    @property
    def enterprise(self) -> Template:
        return self.templates["enterprise"]

    def of(self, kind: str) -> dict[str, Any]:
        """Return the resources of a type in all stacks, by `stack/logical id`."""
        return {
            f"{stack}/{name}": item
            for stack, template in self.templates.items()
            for name, item in template.of(kind).items()
        }

    def everything(self) -> Iterator[tuple[str, Any]]:
        """Yield each resource of all stacks as `stack/logical id` and body."""
        for stack, template in self.templates.items():
            for name, item in template.resources.items():
                yield f"{stack}/{name}", item

    @cached_property
    def exports(self) -> dict[str, tuple[str, Any]]:
        """What a stack exports, by the export's name: the stack and the value."""
        return {
            output["Export"]["Name"]: (stack, output["Value"])
            for stack, template in self.templates.items()
            for output in template.body.get("Outputs", {}).values()
            if "Export" in output
        }

    def follow(self, value: Any) -> Any:
        """Return a value with what its imports stand for in their place."""
        if isinstance(value, list):
            return [self.follow(item) for item in value]
        if isinstance(value, dict):
            if "Fn::ImportValue" in value:
                return self.exports[value["Fn::ImportValue"]][1]
            return {key: self.follow(inner) for key, inner in value.items()}
        return value

    def messages(self) -> list[str]:
        """Return what the CDK had to say about the stacks, beside the validation report."""
        return [
            f"{construct}: {entry['data']}"
            for path in self.folder.glob("*.metadata.json")
            for construct, entries in json.loads(path.read_text(encoding="utf-8")).items()
            for entry in entries
            if entry["type"] in MESSAGES
        ]

    def findings(self) -> list[str]:
        """Return what the validation report says, beside the messages: rules of the CDK itself and of the plugins.

        A finding that is accepted counts as none where it is about the properties that it is accepted for.
        """
        report = json.loads((self.folder / "validation-report.json").read_text(encoding="utf-8"))
        plugins = [each for each in report["pluginReports"] if "cdk:annotations" not in each.get("metadata", {})]
        found = [item for plugin in plugins for item in plugin["violations"]]
        accepted = [item for plugin in plugins for item in plugin["suppressedViolations"]]
        found += [
            item
            for item in accepted
            for construct in item["violatingConstructs"]
            if construct["cloudFormationResource"]["propertyPaths"] != ACCEPTED.get(item["ruleName"])
        ]
        return [json.dumps(item) for item in found]

    def advised(self) -> list[str]:
        """Return the messages that the settings of a production deployment lead to."""
        return [
            f"/{self.settings.name}-enterprise: {each.text} [ack: multiconnect:{each.id}]"
            for each in advice(self.settings, self.plan)
        ]


STACK_ID = (
    "arn:aws:cloudformation:us-east-1:123456789012:stack/wa-production-database/51af3dc0-da77-11e4-872e-1234567db123"
)


def filled_in(value: Any) -> str:
    """Return a name as CloudFormation makes it in the stack `STACK_ID`."""
    match value:
        case str():
            return value
        case {"Ref": "AWS::StackId"}:
            return STACK_ID
        case {"Fn::Join": [between, parts]}:
            return str(between).join(filled_in(part) for part in parts)
        case {"Fn::Select": [number, {"Fn::Split": [at, text]}]}:
            return filled_in(text).split(at)[number]
    raise AssertionError(value)


def synthesize(folder: Path, context: dict[str, Any]) -> None:
    """Synthesize the four stacks of a context on top of `cdk.json` into `folder`."""
    # Here: the CDK takes seconds to load, which a run that finds its assemblies on disk does not need.
    from stacks.deployment import add_stacks, new_app

    whole = {**CDK_CONTEXT, **context}
    app = new_app(whole, folder)
    settings, plan = Settings.from_context(whole)
    add_stacks(app, settings, plan)
    app.synth()
