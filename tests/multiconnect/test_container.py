"""The script that starts a container, run by a real shell."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from multiconnect.container import (
    CA_FILE,
    CA_VARIABLE,
    CLEAN_UP,
    ECR_REGISTRY,
    LAUNCH,
    TASK_ADDRESS,
    answers_on,
    start_command,
)

PEM = "-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n"


def run(folder: Path, command: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Run a start script with the client's files in `folder`; return what the client sees as its environment."""
    launch, cleanup, pem = folder / "launch.sh", folder / "cleanup.sh", folder / "rds-ca.pem"
    launch.write_text("#!/bin/sh\nenv -0\n")
    cleanup.write_text("#!/bin/sh\nexit 1\n")
    launch.chmod(0o755)
    script = command.replace(LAUNCH, str(launch)).replace(CLEAN_UP, str(cleanup)).replace(CA_FILE, str(pem))
    # The clean-up loop outlives the shell, as it does in the container: it must not hold the pipe of the test.
    script = script.replace(" || true; done) &", " || true; done) >/dev/null 2>&1 &").replace("sleep 86400", "false")
    done = subprocess.run(
        ["/bin/sh", "-c", script], env={"PATH": os.environ["PATH"], **environment}, capture_output=True, check=True
    )
    return dict(item.split("=", 1) for item in done.stdout.decode().split("\0") if "=" in item)


def test_the_client_is_told_its_own_address(tmp_path: Path) -> None:
    command = start_command(advertise={"COREAPP_HOSTNAME": TASK_ADDRESS}, tls=False, clean_up=False)
    seen = run(tmp_path, command, {})
    expected = subprocess.run(["hostname", "-i"], capture_output=True, text=True, check=True).stdout.split()[0]
    assert seen["COREAPP_HOSTNAME"] == expected
    assert "hostname" not in seen["COREAPP_HOSTNAME"]


def test_the_authorities_become_the_file_that_the_client_reads_and_leave_the_environment(tmp_path: Path) -> None:
    command = start_command(advertise={}, tls=True, clean_up=False)
    seen = run(tmp_path, command, {CA_VARIABLE: PEM.rstrip("\n"), "WA_DB_SSL_CA": CA_FILE})
    assert (tmp_path / "rds-ca.pem").read_text() == PEM
    assert CA_VARIABLE not in seen


def test_without_authorities_a_container_that_wants_tls_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run(tmp_path, start_command(advertise={}, tls=True, clean_up=False), {})


def test_the_clean_up_runs_beside_the_client_and_its_failure_does_not_end_it(tmp_path: Path) -> None:
    seen = run(tmp_path, start_command(advertise={"A": "b"}, tls=False, clean_up=True), {})
    assert seen["A"] == "b"


def test_the_client_takes_the_place_of_the_shell_and_so_hears_the_signal_to_stop() -> None:
    assert start_command(advertise={}, tls=False, clean_up=True).splitlines()[-1] == f"exec {LAUNCH}"


def test_the_health_check_tells_an_open_port_from_a_closed_one() -> None:
    import socket

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
