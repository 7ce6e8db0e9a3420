"""What the service of every role shares: the health check and the registry that is recognized by its name."""

import socket
import subprocess

import pytest

from multiconnect.service import ECR_REGISTRY, answers_on


def test_the_health_check_tells_an_open_port_from_a_closed_one() -> None:
    with socket.socket() as listening:
        listening.bind(("", 0))
        port = listening.getsockname()[1]
        listening.listen()
        assert health(port) == 0
    assert health(port) != 0


def health(port: int) -> int:
    kind, command = answers_on(port).command
    assert kind == "CMD-SHELL"
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("registry", "is_ecr"),
    [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", True),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com/whatsapp/business", True),
        ("docker.whatsapp.biz", False),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.org", False),
        ("example.org/123456789012.dkr.ecr.eu-west-1.amazonaws.com", False),
    ],
)
def test_a_registry_of_ecr_is_known_by_its_name(registry: str, is_ecr: bool) -> None:
    assert bool(ECR_REGISTRY.match(registry)) is is_ecr
