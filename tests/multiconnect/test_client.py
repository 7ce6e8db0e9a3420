"""The three services and what their containers are told (facts 1.4 to 1.8)."""

import math
from typing import Any

import pytest

from multiconnect import roles
from multiconnect.roles import CA_FILE, CA_VARIABLE, CERTIFICATES_PATH
from multiconnect.service import LOG_BUFFER_MIB
from tests.assembly import Assembly
from tests.conftest import Synth

ROLES = tuple(role.name for role in roles.ROLES)
PEERS = ("Coreapp", "Master")


def service(made: Assembly, role: str) -> dict[str, Any]:
    return made.enterprise.one("AWS::ECS::Service", f"Client{role}")


def task(made: Assembly, role: str) -> dict[str, Any]:
    return made.enterprise.one("AWS::ECS::TaskDefinition", f"Client{role}")


def container(made: Assembly, role: str) -> dict[str, Any]:
    (found,) = task(made, role)["ContainerDefinitions"]
    return found


def environment(made: Assembly, role: str) -> dict[str, Any]:
    return {item["Name"]: made.follow(item["Value"]) for item in container(made, role)["Environment"]}


def secrets(made: Assembly, role: str) -> dict[str, Any]:
    return {item["Name"]: made.follow(item["ValueFrom"]) for item in container(made, role)["Secrets"]}


@pytest.mark.parametrize(("role", "image"), [("Webapp", "web"), ("Coreapp", "coreapp"), ("Master", "coreapp")])
def test_images_come_from_the_named_registry_with_one_tag(synth: Synth, role: str, image: str) -> None:
    assert container(synth(), role)["Image"] == f"docker.whatsapp.biz/{image}:v2.61.1"
    other = synth(registry="registry.example/client", image_tag="v2.57.2")
    assert container(other, role)["Image"] == f"registry.example/client/{image}:v2.57.2"


@pytest.mark.parametrize("role", ROLES)
class TestEveryRole:
    def test_is_told_that_it_is_part_of_a_cluster_on_this_database(self, production: Assembly, role: str) -> None:
        found = environment(production, role)
        assert (found["WA_APP_MULTICONNECT"], found["WA_CONFIG_ON_DB"]) == ("1", "1")
        assert (found["WA_DB_ENGINE"], found["WA_DB_PORT"]) == ("MYSQL", "3306")
        assert "Endpoint.Address" in str(found["WA_DB_HOSTNAME"])
        assert found["AWS_REGION"] == "us-east-1"

    def test_never_asks_its_host_who_it_is(self, production: Assembly, role: str) -> None:
        # WA_RUNNING_ENV=AWS makes the client look for host and dynamic ports itself; here it is told its address (D-4).
        assert "WA_RUNNING_ENV" not in environment(production, role)

    def test_gets_login_and_keys_as_secrets_and_nothing_secret_as_plain_text(
        self, production: Assembly, role: str
    ) -> None:
        found = secrets(production, role)
        assert {"WA_DB_USERNAME", "WA_DB_PASSWORD", "WA_SECRET"} <= set(found)
        assert "ClientLogin" in str(found["WA_DB_PASSWORD"])
        assert str(found["WA_DB_PASSWORD"]).count(":password::") == 1
        plain = environment(production, role)
        assert not {name for name in plain if any(word in name for word in ("PASSWORD", "SECRET", "KEY", "TOKEN"))}

    def test_verifies_the_database_when_tls_is_on(self, production: Assembly, role: str) -> None:
        assert environment(production, role)["WA_DB_SSL_CA"] == CA_FILE
        assert ":parameter/" in str(secrets(production, role)[CA_VARIABLE])
        mounts = {item["ContainerPath"]: item["SourceVolume"] for item in container(production, role)["MountPoints"]}
        volumes = {item["Name"]: item for item in task(production, role)["Volumes"]}
        assert volumes[mounts[CERTIFICATES_PATH]] == {"Name": "certificates"}, "lives and dies with the task"

    def test_hears_nothing_of_certificates_when_tls_is_off(self, synth: Synth, role: str) -> None:
        off = synth(tls="false", allow_plaintext_database="true")
        assert "WA_DB_SSL_CA" not in environment(off, role)
        assert CA_VARIABLE not in secrets(off, role)
        assert CA_VARIABLE not in str(container(off, role)["Command"])
        assert CERTIFICATES_PATH not in str(container(off, role)["MountPoints"])

    def test_starts_by_the_clients_own_script(self, production: Assembly, role: str) -> None:
        found = container(production, role)
        assert found["EntryPoint"] == ["/bin/sh", "-c"]
        (command,) = found["Command"]
        assert command.splitlines()[-1] == "exec /opt/whatsapp/bin/launch_within_docker.sh"

    def test_shares_data_and_media_over_tls_with_its_role(self, production: Assembly, role: str) -> None:
        mounts = {item["SourceVolume"]: item for item in container(production, role)["MountPoints"]}
        assert mounts["data"]["ContainerPath"] == "/usr/local/waent/data"
        assert mounts["media"]["ContainerPath"] == "/usr/local/wamedia"
        for volume in task(production, role)["Volumes"]:
            if volume["Name"] in ("data", "media"):
                efs = volume["EFSVolumeConfiguration"]
                assert efs["TransitEncryption"] == "ENABLED"
                assert efs["AuthorizationConfig"]["IAM"] == "ENABLED"
                assert volume["Name"].capitalize() in efs["AuthorizationConfig"]["AccessPointId"]["Ref"]
                assert efs.get("RootDirectory", "/") == "/"  # another one is refused beside an access point

    def test_has_a_soft_and_a_hard_memory_limit_from_the_plan(self, production: Assembly, role: str) -> None:
        size = getattr(production.plan.tasks, role.lower())
        found = container(production, role)
        assert (found["MemoryReservation"], found["Memory"]) == (size.memory_reservation_mib, size.memory_limit_mib)
        assert found["MemoryReservation"] < found["Memory"]

    def test_has_a_task_role_and_an_execution_role_of_its_own(self, production: Assembly, role: str) -> None:
        found = task(production, role)
        roles = {found["TaskRoleArn"]["Fn::GetAtt"][0], found["ExecutionRoleArn"]["Fn::GetAtt"][0]}
        assert len(roles) == 2
        others = [task(production, other) for other in ROLES if other != role]
        assert not roles & {
            other[key]["Fn::GetAtt"][0] for other in others for key in ("TaskRoleArn", "ExecutionRoleArn")
        }

    def test_drops_what_it_does_not_need(self, production: Assembly, role: str) -> None:
        found = container(production, role)
        assert found["LinuxParameters"]["Capabilities"]["Drop"] == ["MKNOD"]
        assert "no-new-privileges" in found["DockerSecurityOptions"]
        assert not found.get("Privileged", False)

    def test_is_watched_and_given_time_to_write_its_queue(self, production: Assembly, role: str) -> None:
        found = container(production, role)
        port = 443 if role == "Webapp" else 6253
        assert f"/{port}" in found["HealthCheck"]["Command"][1]
        assert found["StopTimeout"] == 120  # the host allows as much: ECS_CONTAINER_STOP_TIMEOUT=2m

    def test_has_an_address_of_its_own_in_a_private_subnet(self, production: Assembly, role: str) -> None:
        assert task(production, role)["NetworkMode"] == "awsvpc"
        network = service(production, role)["NetworkConfiguration"]["AwsvpcConfiguration"]
        assert network["AssignPublicIp"] == "DISABLED"
        assert [item["Fn::ImportValue"] for item in network["Subnets"]] == [
            f"wa-production:Private{number}" for number in (1, 2, 3)
        ]

    def test_is_spread_over_zones_and_hosts_and_rebalanced_unless_that_could_stop_a_shard(
        self, production: Assembly, role: str
    ) -> None:
        found = service(production, role)
        assert [item["Field"] for item in found["PlacementStrategies"]] == [
            "attribute:ecs.availability-zone",
            "instanceId",
        ]
        assert {item["Type"] for item in found["PlacementStrategies"]} == {"spread"}
        assert found["AvailabilityZoneRebalancing"] == ("DISABLED" if role == "Coreapp" else "ENABLED")
        assert found["DeploymentConfiguration"]["MaximumPercent"] > 100  # rebalancing is refused otherwise
        assert "PlacementConstraints" not in found

    def test_runs_where_the_provider_makes_room(self, production: Assembly, role: str) -> None:
        found = service(production, role)
        assert "LaunchType" not in found
        (strategy,) = found["CapacityProviderStrategy"]
        assert "CapacityProvider" in str(strategy["CapacityProvider"])

    def test_goes_back_by_itself_when_a_deployment_fails(self, production: Assembly, role: str) -> None:
        breaker = service(production, role)["DeploymentConfiguration"]["DeploymentCircuitBreaker"]
        assert breaker == {"Enable": True, "Rollback": True}

    @pytest.mark.parametrize("active", [1, 2, 8, 32])
    def test_loses_one_task_at_a_time_in_a_deployment(self, synth: Synth, role: str, active: int) -> None:
        found = service(synth(active_coreapps=active), role)
        kept = math.ceil(found["DesiredCount"] * found["DeploymentConfiguration"]["MinimumHealthyPercent"] / 100)
        assert found["DesiredCount"] - kept == 1

    def test_starts_after_its_database_user_and_its_right_to_mount(self, production: Assembly, role: str) -> None:
        (body,) = production.enterprise.of("AWS::ECS::Service", f"Client{role}").values()
        assert any("MountPolicy" in name for name in body["DependsOn"])
        assert "DatabaseUser" in body["DependsOn"]

    def test_logs_without_blocking_to_an_encrypted_group_with_an_end(self, production: Assembly, role: str) -> None:
        log = container(production, role)["LogConfiguration"]
        assert (log["LogDriver"], log["Options"]["mode"]) == ("awslogs", "non-blocking")
        assert log["Options"]["max-buffer-size"] == f"{LOG_BUFFER_MIB * 2**20}b" == "26214400b"
        group = production.enterprise.one("AWS::Logs::LogGroup", f"Client{role}")
        assert log["Options"]["awslogs-group"]["Ref"] in production.enterprise.of(
            "AWS::Logs::LogGroup", f"Client{role}"
        )
        assert group["RetentionInDays"] == 365
        assert "LogKey" in str(production.follow(group["KmsKeyId"]))


@pytest.mark.parametrize("role", PEERS)
def test_coreapps_and_masters_advertise_their_address_and_ports(production: Assembly, role: str) -> None:
    assert 'export COREAPP_HOSTNAME="$(hostname -i' in container(production, role)["Command"][0]
    assert environment(production, role)["COREAPP_EXTERNAL_PORTS"] == "6250,6251,6252,6253"
    assert environment(production, role)["WA_DB_CONNECTION_IDLE_TIMEOUT"] == "180000"  # milliseconds
    assert [item["ContainerPort"] for item in container(production, role)["PortMappings"]] == [6250, 6251, 6252, 6253]


def test_masters_are_masters_and_coreapps_are_not(production: Assembly) -> None:
    assert environment(production, "Master")["WA_MASTER_NODE"] == "1"
    assert "WA_MASTER_NODE" not in environment(production, "Coreapp") | environment(production, "Webapp")


def test_webapps_know_their_public_name_and_share_one_key(production: Assembly) -> None:
    found = environment(production, "Webapp")
    assert "LoadBalancer" in str(found["WA_WEB_SERVERNAME"])
    assert found["WEBAPP_EXTERNAL_PORTS"] == "443"
    assert found["WA_DB_PERSISTENT"] == "1"
    assert 'export WEBAPP_HOSTNAME="$(hostname -i' in container(production, "Webapp")["Command"][0]
    assert {"WA_WEB_JWT_CRYPTO_KEY", "WA_API_KEY"} <= set(secrets(production, "Webapp"))
    assert not {"WA_WEB_JWT_CRYPTO_KEY", "WA_API_KEY"} & set(secrets(production, "Coreapp"))


def test_both_sides_hold_the_same_peer_secret(production: Assembly) -> None:
    assert len({str(secrets(production, role)["WA_SECRET"]) for role in ROLES}) == 1


def test_generated_keys_have_the_length_and_letters_that_the_client_takes(production: Assembly) -> None:
    found = production.enterprise.of("AWS::SecretsManager::Secret")
    assert len(found) == 3
    for body in found.values():
        generator = body["Properties"]["GenerateSecretString"]
        assert generator["PasswordLength"] == 64
        assert generator["ExcludePunctuation"] is True
        assert "ClusterKey" in str(body["Properties"]["KmsKeyId"])


def ports_open_to(made: Assembly, target: str) -> set[tuple[str, int, int]]:
    found = set()
    for body in made.enterprise.of("AWS::EC2::SecurityGroupIngress").values():
        rule = body["Properties"]
        if f"Client{target}SecurityGroup" in str(rule["GroupId"]):
            source = rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].partition("SecurityGroup")[0]
            found.add((source, rule["FromPort"], rule["ToPort"]))
    return found


@pytest.mark.parametrize("role", roles.ROLES, ids=ROLES)
def test_a_role_has_exactly_what_its_row_of_the_table_says(production: Assembly, role: roles.Role) -> None:
    found = container(production, role.name)
    assert found["Name"] == role.container_name
    assert [item["ContainerPort"] for item in found["PortMappings"]] == list(role.ports)
    assert found["Command"] == [role.start_command(tls=True)]
    told = environment(production, role.name)
    assert {name: told[name] for name, value in role.variables.items() if "{" not in value} == {
        name: value for name, value in role.variables.items() if "{" not in value
    }
    assert all("LoadBalancer" in str(told[name]) for name, value in role.variables.items() if "{" in value)
    common = {"WA_DB_USERNAME", "WA_DB_PASSWORD", CA_VARIABLE}
    assert set(secrets(production, role.name)) - common == set(role.secrets)
    for variable, generated in role.secrets.items():
        assert f"Client{generated.name}" in str(secrets(production, role.name)[variable])
        made = production.enterprise.one("AWS::SecretsManager::Secret", f"Client{generated.name}")
        assert made["GenerateSecretString"]["PasswordLength"] == generated.length
    for reach in role.reaches:
        assert (f"Client{role.name}", reach.first_port, reach.last_port) in ports_open_to(production, reach.role)


def test_no_role_is_reached_beyond_the_table(production: Assembly) -> None:
    for target in ROLES:
        opened = ports_open_to(production, target) - {("Entry", 443, 443)}
        assert opened == {
            (f"Client{role.name}", reach.first_port, reach.last_port)
            for role in roles.ROLES
            for reach in role.reaches
            if reach.role == target
        }


@pytest.mark.parametrize("role", ROLES)
def test_a_service_has_one_security_group_its_roles_own(production: Assembly, role: str) -> None:
    (group,) = service(production, role)["NetworkConfiguration"]["AwsvpcConfiguration"]["SecurityGroups"]
    assert group["Fn::GetAtt"][0].startswith(f"Client{role}SecurityGroup")


@pytest.mark.parametrize("peer", PEERS)
def test_the_control_port_is_closed_to_webapps(production: Assembly, peer: str) -> None:
    assert ports_open_to(production, peer) == {
        ("ClientWebapp", 6250, 6251),
        ("ClientWebapp", 6253, 6253),
        ("ClientCoreapp", 6250, 6253),
        ("ClientMaster", 6250, 6253),
    }


def test_webapps_are_reached_through_the_balancer_alone(production: Assembly) -> None:
    assert ports_open_to(production, "Webapp") == {("Entry", 443, 443)}


def test_the_database_takes_the_client_and_the_function_that_makes_its_user(production: Assembly) -> None:
    rules = [
        body["Properties"]
        for body in production.of("AWS::EC2::SecurityGroupIngress").values()
        if "DatabaseSecurityGroup" in str(production.follow(body["Properties"]["GroupId"]))
    ]
    assert {(rule["FromPort"], rule["ToPort"]) for rule in rules} == {(3306, 3306)}
    sources = sorted(rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].partition("SecurityGroup")[0] for rule in rules)
    assert sources == ["ClientCoreapp", "ClientMaster", "ClientWebapp", "DatabaseUser"]


def test_an_image_in_ecr_is_pulled_by_the_execution_role_from_these_two_repositories(synth: Synth) -> None:
    made = synth(
        registry="123456789012.dkr.ecr.us-east-1.amazonaws.com/client", alarm_email="ops@example.com"
    ).enterprise
    for role in ROLES:
        policy = made.one("AWS::IAM::Policy", f"Client{role}TaskExecutionRole")
        pulls = [item for item in policy["PolicyDocument"]["Statement"] if "ecr:BatchGetImage" in item["Action"]]
        (statement,) = pulls
        assert all("123456789012:repository/client/" in str(resource) for resource in statement["Resource"])


def test_the_local_deployment_uses_the_masters_login_and_no_function_for_a_user(synth: Synth) -> None:
    local = synth("local")
    assert "MasterUserSecret" in str(secrets(local, "Coreapp")["WA_DB_PASSWORD"])
    assert local.enterprise.of("AWS::CloudFormation::CustomResource", "DatabaseUser") == {}


@pytest.mark.parametrize("active", [1, 8])
def test_alarms_speak_when_spares_are_missing_and_when_shards_are(synth: Synth, active: int) -> None:
    made = synth(active_coreapps=active)
    for part, threshold in {"SparesMissing": made.plan.coreapps, "ShardsMissing": active}.items():
        found = made.enterprise.one("AWS::CloudWatch::Alarm", part)
        assert (found["Namespace"], found["MetricName"]) == ("ECS/ContainerInsights", "RunningTaskCount")
        assert (found["ComparisonOperator"], found["Threshold"]) == ("LessThanThreshold", threshold)
        assert found["TreatMissingData"] == "breaching", "no number at all is no good sign"
        assert "ClientCoreapp" in str(found["Dimensions"])
