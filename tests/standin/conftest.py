"""A stand-in for each test: started in some 30 ms, and its time passes only when the test lets it pass."""

from collections.abc import Iterator

import pytest

from standin import Standin
from standin.clock import Clock

PASSWORD = "Str0ng-enough"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin(coreapps=3, clock=Clock(speed=None), password=PASSWORD) as made:
        yield made


@pytest.fixture
def token(standin: Standin) -> str:
    return standin.login("admin", PASSWORD)
