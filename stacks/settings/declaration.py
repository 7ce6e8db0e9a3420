"""How a settings key is declared: its default, what it decides, what may be given."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Annotated, Any, Literal, cast, get_args, get_origin

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import core_schema

import sizing
from stacks.settings.change import Change

SIZING_ARGUMENTS = signature(sizing.plan).parameters
"""The arguments of `sizing.plan`; a settings key with the name of one is handed over to it."""

TOPIC = ConfigDict(defer_build=True)
"""For the models of one topic: only all of them together are validated, so no topic needs a validator of its own."""

TRUE_OR_FALSE = "true or false"
ANY_WHOLE_NUMBER = "a whole number, 0 or more"


@dataclass(frozen=True)
class OneOf:
    """Marks the type of a key that takes nothing but some listed values; `Literal` does so for values known here."""

    choices: Sequence[Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        """Validate the type first, then the list."""
        return core_schema.no_info_after_validator_function(self._among_the_choices, handler(source))

    def _among_the_choices(self, value: object) -> object:
        if value not in self.choices:
            raise ValueError("not among the choices")
        return value


def setting(
    default: Any, description: str, allowed: str = "", *, change: Change | None = None, **constraints: Any
) -> Any:
    """Declare a settings key.

    Args:
        default: Its value when nobody gives one, or a function of the keys above it that derives it. None where
            `sizing.plan` derives it; the plan then has the figure.
        description: What it decides. A sentence that begins with "Default:" says how a derived default comes about.
        allowed: What may be given, in words. Default: the values that the type lists.
        change: How another value reaches a live deployment (T-6). A test fails while it is not said.
        constraints: Passed to pydantic, such as `ge` and `pattern`. A pattern writes digits as [0-9], since the short
            form of regular expressions also takes digits of other scripts.
    """
    fallback = {"default_factory": default} if callable(default) else {"default": default}
    extra: dict[str, Any] = {"allowed": allowed, "change": change}
    return Field(**fallback, description=description, json_schema_extra=extra, **constraints)


def choices_of(field: FieldInfo) -> Sequence[Any]:
    """Return everything that may be given for a key; empty when its type has no such list."""
    if get_origin(field.annotation) is Literal:
        return get_args(field.annotation)
    return next((each.choices for each in field.metadata if isinstance(each, OneOf)), ())


def allowed_for(field: FieldInfo) -> str:
    """Return what may be given for a key, in words."""
    return _extra(field)["allowed"] or ", ".join(map(str, choices_of(field)))


def change_of(field: FieldInfo) -> Change | None:
    """Return how another value of a key reaches a live deployment; None when its declaration does not say so yet."""
    return cast(Change | None, _extra(field)["change"])


def _extra(field: FieldInfo) -> dict[str, Any]:
    return cast(dict[str, Any], field.json_schema_extra)


def default_of_sizing(argument: str) -> Any:
    """Return the default that `sizing.plan` has for an argument, so that it stands in one place."""
    return SIZING_ARGUMENTS[argument].default


def by_environment(*, production: Any, staging: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Derive a default from the environment."""
    return lambda known: production if known["environment"] == "production" else staging


def split_at_commas(value: object) -> object:
    """`-c key=a,b` gives text where cdk.json gives a list."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _plain_number(value: object) -> object:
    """Refuse what Python takes for a number and a person would not.

    It counts true as 1, but whoever writes true for a number has mistaken the key. It reads 1_6 as 16.
    """
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        raise ValueError("a number is expected")
    return value


def _without_minus_zero(value: float) -> float:
    return value + 0.0  # the sum of minus zero and zero is zero


Names = Annotated[tuple[str, ...], BeforeValidator(split_at_commas)]
"""Several names: a list in cdk.json, text with commas on the command line."""
WholeNumber = Annotated[int, BeforeValidator(_plain_number)]
Number = Annotated[float, BeforeValidator(_plain_number), AfterValidator(_without_minus_zero)]
