"""`python -m emulator serve` in the foreground: what it says, and how it ends."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator import launch
from emulator.workspace import PROJECT


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    said = r"^Cannot listen on port \d+ of 127\.0\.0\.1 \(Address already in use\): name another one by --port\.$"
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit, match=said):
        launch.serve(tmp_path / "target.json", taken.getsockname()[1])


@pytest.mark.emulator
def test_it_says_where_it_listens_and_ends_on_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulator", "--state", str(tmp_path), "serve"]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("The embedded target listens on http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=300)[1] == "Interrupted. Run the same command again.\n"
    assert process.returncode == 130
