"""The table of the roles, and the script that starts a container, run by a real shell."""

import os
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from multiconnect.roles import (
    CA_FILE,
    CA_VARIABLE,
    CLEAN_UP,
    COREAPP,
    LAUNCH,
    MASTER,
    REPOSITORIES,
    ROLES,
    WEBAPP,
    Reach,
    Role,
)
from tests.assembly import ROOT

PEM = "-----BEGIN CERTIFICATE-----\nabc=\n-----END CERTIFICATE-----\n"
NAMES = tuple(role.name for role in ROLES)
each_role = pytest.mark.parametrize("role", ROLES, ids=NAMES)


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


def test_the_table_has_the_three_roles_of_the_client_and_their_two_images() -> None:
    assert NAMES == ("Webapp", "Coreapp", "Master")
    assert [role.repository for role in ROLES] == ["web", "coreapp", "coreapp"]
    assert REPOSITORIES == ("web", "coreapp")


@each_role
def test_a_role_reaches_ports_that_the_other_listens_on(role: Role) -> None:
    by_name = {other.name: other for other in ROLES}
    assert role.reaches
    for reach in role.reaches:
        assert {reach.first_port, reach.last_port} <= set(by_name[reach.role].ports)
        assert reach.first_port <= reach.last_port
    ranges = sorted((reach.role, reach.first_port, reach.last_port) for reach in role.reaches)
    overlaps = [(a, b) for a, b in pairwise(ranges) if a[0] == b[0] and a[2] >= b[1]]
    assert overlaps == [], "no port is opened twice"


@each_role
def test_a_role_says_its_ports_and_checks_one_of_them(role: Role) -> None:
    assert role.health_port in role.ports
    (told,) = [value for name, value in role.variables.items() if name.endswith("_EXTERNAL_PORTS")]
    assert told == ",".join(map(str, role.ports))


@pytest.mark.parametrize("peer", ["Coreapp", "Master"])
def test_webapps_never_reach_the_control_port(peer: str) -> None:
    opened = [reach for reach in WEBAPP.reaches if reach.role == peer]
    assert opened == [
        Reach(role=peer, first_port=6250, last_port=6251, purpose="Messages, contacts"),
        Reach(role=peer, first_port=6253, last_port=6253, purpose="Health"),
    ]


@pytest.mark.parametrize("role", [COREAPP, MASTER], ids=lambda role: role.name)
def test_coreapps_and_masters_reach_all_ports_of_each_other(role: Role) -> None:
    assert {(reach.role, reach.first_port, reach.last_port) for reach in role.reaches} == {
        ("Coreapp", 6250, 6253),
        ("Master", 6250, 6253),
    }


def test_all_roles_hold_the_same_peer_secret_and_webapps_alone_the_keys_of_the_api() -> None:
    assert {role.secrets["WA_SECRET"].name for role in ROLES} == {"PeerSecret"}
    assert set(WEBAPP.secrets) == {"WA_SECRET", "WA_WEB_JWT_CRYPTO_KEY", "WA_API_KEY"}
    assert set(COREAPP.secrets) == set(MASTER.secrets) == {"WA_SECRET"}


def test_the_table_is_data_and_loads_no_cdk() -> None:
    code = "import sys, multiconnect.roles; print('aws_cdk' in sys.modules, 'jsii' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT / "constructs", capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


@each_role
def test_a_container_is_told_its_own_address(tmp_path: Path, role: Role) -> None:
    seen = run(tmp_path, role.start_command(tls=False), {})
    variable = {"Webapp": "WEBAPP_HOSTNAME", "Coreapp": "COREAPP_HOSTNAME", "Master": "COREAPP_HOSTNAME"}[role.name]
    expected = subprocess.run(["hostname", "-i"], capture_output=True, text=True, check=True).stdout.split()[0]
    assert seen[variable] == expected
    assert "hostname" not in seen[variable]


@each_role
def test_the_authorities_become_the_file_that_the_client_reads_and_leave_the_environment(
    tmp_path: Path, role: Role
) -> None:
    seen = run(tmp_path, role.start_command(tls=True), {CA_VARIABLE: PEM.rstrip("\n"), "WA_DB_SSL_CA": CA_FILE})
    assert (tmp_path / "rds-ca.pem").read_text() == PEM
    assert CA_VARIABLE not in seen


@each_role
def test_without_authorities_a_container_that_wants_tls_does_not_start(tmp_path: Path, role: Role) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        run(tmp_path, role.start_command(tls=True), {})


@each_role
def test_the_clean_up_runs_beside_webapps_and_coreapps_and_its_failure_does_not_end_them(
    tmp_path: Path, role: Role
) -> None:
    command = role.start_command(tls=False)
    assert (CLEAN_UP in command) == (role.name != "Master")
    assert role.address_variable in run(tmp_path, command, {})


@each_role
def test_the_client_takes_the_place_of_the_shell_and_so_hears_the_signal_to_stop(role: Role) -> None:
    assert role.start_command(tls=False).splitlines()[-1] == f"exec {LAUNCH}"
