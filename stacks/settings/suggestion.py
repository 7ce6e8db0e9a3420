"""The one name that somebody most likely meant."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher

CLOSE_ENOUGH = 0.66
"""The least similarity of a name that is suggested, of at most 1. Two letters that changed place in three give 0.67."""

PART_OF_A_NAME = 0.8
"""The similarity that words of a name have to the whole name, at the least."""


def nearest(given: object, names: Iterable[str], close_enough: float = CLOSE_ENOUGH) -> str | None:
    """Return the name that is nearest to what was given, or None when none is near.

    Case, hyphens, spaces and other punctuation make no difference. A name is also near when it has all the words that
    were given, or begins with what was given.

    Args:
        given: What was written; anything but text has no near name.
        names: What may be written.
        close_enough: The least similarity, of at most 1.

    Example:
        >>> keys = ["active_coreapps", "tls", "database_class"]
        >>> nearest("activeCoreapps", keys), nearest("coreapps", keys), nearest("tsl", keys)
        ('active_coreapps', 'active_coreapps', 'tls')
        >>> nearest("colour", keys)
    """
    if not isinstance(given, str) or not (wanted := squeezed(given)):
        return None
    words = set(_words(given))

    def similarity(name: str) -> float:
        matched = SequenceMatcher(None, wanted, squeezed(name), autojunk=False).ratio()
        part = words <= set(_words(name)) or (len(wanted) > 2 and squeezed(name).startswith(wanted))
        # Of several names that have all the words, the one with the fewest letters more is the nearest.
        return max(matched, PART_OF_A_NAME) + 0.1 * matched if part else matched

    score, name = max(((similarity(name), name) for name in names), default=(0.0, ""))
    return name if score >= close_enough else None


def squeezed(name: str) -> str:
    """Return a name without case and punctuation.

    Example:
        >>> squeezed("Active-Coreapps:")
        'activecoreapps'
    """
    return re.sub(r"[\W_]", "", name).lower()


def _words(name: str) -> list[str]:
    """Return the words of a name in snake_case, kebab-case or camelCase, in lower case."""
    return re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())


def did_you_mean(allowed: str, given: object, choices: Iterable[object]) -> str:
    """Return what is allowed, with the nearest choice when one is near."""
    near = nearest(given, map(str, choices))
    return f"{allowed}; did you mean {near}?" if near else allowed
