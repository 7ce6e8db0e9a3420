"""What `make status` prints: values as they are, and outputs that tell a reader something."""

from typing import Any

import pytest

from emulator import report, target

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-1[bold]"


class Account(target.Target):
    def client(self, service: str) -> Any:
        answers: dict[str, Any] = {
            "describe_stacks": {"Stacks": STACKS},
            "list_clusters": {"clusterArns": []},
            "describe_auto_scaling_groups": {"AutoScalingGroups": []},
            "describe_db_instances": {"DBInstances": []},
        }
        return type("Client", (), {name: staticmethod(lambda found=found: found) for name, found in answers.items()})

    def capacity(self) -> dict[str, Any]:
        return {"moments": MOMENTS}


MOMENTS = [
    {"cluster": "mine", "began": 270.0, "ended": 300.5, "needed": 11, "serving": 4},
    {"cluster": "mine", "began": 400.0, "ended": None, "needed": 2, "serving": 1},
]


STACKS = [
    {
        "StackName": "wa-local-database",
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "1",
        "Outputs": [
            {"OutputKey": "ExportwalocalMasterLogin", "OutputValue": "exported", "ExportName": "wa-local:login"},
            {"OutputKey": "Login", "OutputValue": ARN},
        ],
    },
    {"StackName": "wa-local-lambda", "StackStatus": "CREATE_COMPLETE", "CreationTime": "2"},
]


def test_values_are_shown_as_they_are_and_exports_not_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Account(pid=1, port=1))
    shown = capsys.readouterr().out
    assert ARN in shown
    assert "xport" not in shown
    assert [line.split()[0] for line in shown.splitlines() if line.startswith(" wa-")] == [
        "wa-local-database",
        "wa-local-lambda",
    ]
    assert all(line == line.rstrip() for line in shown.splitlines())


def test_moments_without_enough_hosts_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    report.show(Account(pid=1, port=1))
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "mine: running tasks needed 11 hosts and 4 served, from 270 s of simulated time until 300 s",
        "mine: running tasks needed 2 hosts and 1 served, from 400 s of simulated time and still do",
    ]
