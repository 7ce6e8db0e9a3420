"""The settings of one deployment: every key, read from the context and judged all at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from pydantic import ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from sizing import Plan, Problem
from stacks.settings.checks import judge
from stacks.settings.declaration import allowed_for, choices_of
from stacks.settings.errors import Refusal, SettingsError
from stacks.settings.foreign import is_foreign
from stacks.settings.keys.client import Client
from stacks.settings.keys.database import MOST_STORAGE_GIB, Database
from stacks.settings.keys.deployment import Deployment
from stacks.settings.keys.network import ZONE_ID, Network
from stacks.settings.keys.operation import Operation
from stacks.settings.keys.organisation import Organisation
from stacks.settings.keys.shards import Shards
from stacks.settings.keys.sizes import Sizes
from stacks.settings.suggestion import did_you_mean, nearest

STORAGE_GROWTH = 10
"""How many times its first size a database's storage may become by itself."""


# Python lists the fields of the last base first. A default can be derived from the keys before it, so the deployment
# with its environment stands last.
class Settings(Organisation, Operation, Shards, Client, Network, Database, Sizes, Deployment):
    """One deployment, complete and consistent: a value of this type can be deployed.

    A key that is None leaves the figure to sizing; the plan has it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> tuple[Self, Plan]:
        """Check everything that the context says and return the settings with the plan that follows from them.

        Every deployment is judged as it stands in `cdk.json`; the one that is asked for with `-c` on top.

        Args:
            context: All context of the app, that of `cdk.json` and of `-c` merged.

        Raises:
            SettingsError: With every problem: key, value given, what is allowed.

        Example:
            >>> settings, plan = Settings.from_context({"deployments": {"production": {}}, "active_coreapps": "8"})
            >>> settings.name, plan.coreapps, plan.hosts.maximum
            ('wa-production', 9, 5)
        """
        deployments = context.get("deployments", {})
        ours = {*cls.model_fields, "deployments"}
        given = {key: value for key, value in context.items() if key != "deployments" and not is_foreign(key, ours)}
        name = given.pop("deployment", cls.model_fields["deployment"].default)
        made: tuple[Self, Plan] | None = None
        problems = _shape_problems(deployments, name)
        if problems:
            # Without the deployment there is no environment, and -c can be judged key by key only.
            problems += cls._read(given)[1]
        else:
            made, found = cls._judge({**deployments[name], **given, "deployment": name})
            problems += found
        for each, values in _well_formed(deployments):
            replaced = given.keys() & values.keys()
            if each != name or replaced:
                found = cls._judge({**values, "deployment": each})[1]
                problems += [
                    problem._replace(parameter=f"deployments.{each}.{problem.parameter}")
                    for problem in found
                    # Of the deployment that is asked for, what -c leaves alone has been judged above.
                    if each != name or problem.parameter in replaced
                ]
        if made is None or problems:
            raise SettingsError(problems)
        return made

    @classmethod
    def _judge(cls, values: Mapping[str, Any]) -> tuple[tuple[Self, Plan] | None, list[Problem]]:
        """Judge the keys of one deployment, each for itself and together."""
        settings, problems = cls._read(values)
        plan, found = judge(dict(settings), {problem.parameter for problem in problems}, values)
        return (settings, plan) if plan else None, problems + found

    @classmethod
    def _read(cls, values: Mapping[str, Any]) -> tuple[Self, list[Problem]]:
        """Judge each key for itself; the settings that are returned have defaults in the place of what is refused."""
        known = cls.model_fields
        problems = [_unknown(key, value, known) for key, value in values.items() if key not in known]
        problems += [_unfit(key, None, known[key]) for key, value in values.items() if key in known and value is None]
        sound = {key: value for key, value in values.items() if key in known and value is not None}
        try:
            return cls.model_validate(sound), problems
        except ValidationError as error:
            # A default that cannot be derived, since what it is derived from is refused, is no problem of its own.
            found = {each["loc"]: each for each in error.errors(include_url=False) if each["loc"][0] in sound}
        for (key, *inside), fault in found.items():
            # Of a list, the parts that are refused are told, not the whole.
            problem = _unfit(str(key), fault["input"] if inside else sound[str(key)], known[str(key)])
            reason = fault.get("ctx", {}).get("error")
            problems.append(problem._replace(reason=str(reason) if isinstance(reason, Refusal) else ""))
        refused = {problem.parameter for problem in problems}
        return cls.model_validate({key: value for key, value in sound.items() if key not in refused}), problems

    @property
    def zones_are_ids(self) -> bool:
        """Whether the zones are named by ids, which mean the same place in every account."""
        return bool(self.availability_zone_names and ZONE_ID.fullmatch(self.availability_zone_names[0]))

    def max_storage_gib(self, plan: Plan) -> int:
        """Return how far the database's storage grows by itself, in GiB."""
        return self.database_max_storage_gib or min(STORAGE_GROWTH * plan.database.storage_gib, MOST_STORAGE_GIB)


def _unknown(key: str, value: object, known: Iterable[str]) -> Problem:
    names = {*known, "deployments"} - {key}
    near = nearest(key, names) or nearest(re.split("[:/]", key)[0], names)
    hint = f"did you mean {near}?" if near else f"known keys: {', '.join(sorted(known))}"
    return Problem(key, value, f"none, there is no such key; {hint}")


def _unfit(key: str, value: object, field: FieldInfo) -> Problem:
    allowed = did_you_mean(allowed_for(field), value, choices_of(field))
    return Problem(key, value, f"{allowed}, or leave the key out" if value is None else allowed)


def _shape_problems(deployments: object, name: object) -> list[Problem]:
    """Return what keeps the deployment that is asked for from being found."""
    if not isinstance(deployments, Mapping):
        return [Problem("deployments", deployments, "an object with one entry for each deployment")]
    problems = [
        Problem(f"deployments.{each}", values, "an object of settings keys")
        for each, values in deployments.items()
        if not isinstance(values, Mapping)
    ]
    if not isinstance(name, str) or name not in deployments:
        known = ", ".join(sorted(deployments)) or "none: cdk.json holds no `deployments`"
        problems.append(Problem("deployment", name, did_you_mean(known, name, deployments)))
    return problems


def _well_formed(deployments: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(deployments, Mapping):
        yield from ((name, values) for name, values in deployments.items() if isinstance(values, Mapping))
