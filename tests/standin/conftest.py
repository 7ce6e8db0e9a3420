"""A stand-in for each test: started in some 30 ms, its time runs 600 times as fast."""

from collections.abc import Iterator

import pytest

from standin import Standin

PASSWORD = "Str0ng-enough"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin(coreapps=3, speed=600, password=PASSWORD) as made:
        yield made


@pytest.fixture
def token(standin: Standin) -> str:
    return standin.login("admin", PASSWORD)
