"""The shared files: encrypted, backed up, and reached by the client's roles through access points alone."""

from typing import Any

from multiconnect.media import FOLDERS
from tests.assembly import Assembly


def file_system(made: Assembly) -> dict[str, Any]:
    return made.enterprise.one("AWS::EFS::FileSystem")


def test_files_are_encrypted_backed_up_and_moved_to_the_cheaper_class(production: Assembly) -> None:
    found = file_system(production)
    assert found["Encrypted"] is True
    assert "ClusterKey" in str(found["KmsKeyId"])
    assert found["BackupPolicy"] == {"Status": "ENABLED"}
    assert found["ThroughputMode"] == "elastic"
    assert {"TransitionToIA": "AFTER_30_DAYS"} in found["LifecyclePolicies"]


def test_the_file_systems_own_policy_gives_nothing_to_anybody(production: Assembly) -> None:
    """It stands in the place of EFS's own, which lets everybody mount. The roles have all rights instead (T-47)."""
    (statement,) = file_system(production)["FileSystemPolicy"]["Statement"]
    assert (statement["Effect"], statement["Principal"]) == ("Deny", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert set(statement["Action"]) == {
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientRootAccess",
        "elasticfilesystem:ClientWrite",
    }


def test_the_three_task_roles_mount_and_write_through_the_access_points_alone(production: Assembly) -> None:
    policy = production.enterprise.one("AWS::IAM::Policy", "MountPolicy")
    assert {role["Ref"].removeprefix("Client")[:6] for role in policy["Roles"]} == {"Webapp", "Coreap", "Master"}
    (statement,) = policy["PolicyDocument"]["Statement"]
    # The access points act as uid 0, which EFS lets nobody do without the right to be root (T-47).
    assert statement["Action"] == [
        "elasticfilesystem:ClientMount",
        "elasticfilesystem:ClientRootAccess",
        "elasticfilesystem:ClientWrite",
    ]
    points = statement["Condition"]["StringEquals"]["elasticfilesystem:AccessPointArn"]
    assert all(name in str(points) for name in production.enterprise.of("AWS::EFS::AccessPoint"))


def test_there_is_an_access_point_for_each_folder_with_a_fixed_user(production: Assembly) -> None:
    points = [item["Properties"] for item in production.enterprise.of("AWS::EFS::AccessPoint").values()]
    assert {point["RootDirectory"]["Path"] for point in points} == {f"/{name}" for name in FOLDERS}
    for point in points:
        owner = point["RootDirectory"]["CreationInfo"]
        assert (point["PosixUser"]["Uid"], point["PosixUser"]["Gid"]) == (owner["OwnerUid"], owner["OwnerGid"])
        assert not owner["Permissions"].endswith(("2", "3", "6", "7")), "not writable for the world"


def test_there_is_a_mount_target_in_each_private_subnet(production: Assembly) -> None:
    targets = production.enterprise.of("AWS::EFS::MountTarget").values()
    subnets = [target["Properties"]["SubnetId"]["Fn::ImportValue"] for target in targets]
    assert sorted(subnets) == [f"wa-production:Private{number}" for number in (1, 2, 3)]


def test_nfs_is_open_to_the_client_and_its_hosts_alone(production: Assembly) -> None:
    rules = [
        rule["Properties"]
        for rule in production.enterprise.of("AWS::EC2::SecurityGroupIngress").values()
        if "MediaSecurityGroup" in str(rule["Properties"]["GroupId"])
    ]
    assert {(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in rules} == {(2049, 2049, "tcp")}
    sources = sorted(rule["SourceSecurityGroupId"]["Fn::GetAtt"][0] for rule in rules)
    assert [source.partition("SecurityGroup")[0] for source in sources] == [
        "ClientCoreapp",
        "ClientMaster",
        "ClientWebapp",
        "Fleet",
    ]
