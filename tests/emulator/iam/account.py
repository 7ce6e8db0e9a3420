"""The account that the templates of a deployment make, for the judge of the target: nothing is deployed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from emulator.iam import managed
from emulator.iam.model import Document, Role
from tests.assembly import Assembly

ACCOUNT = "123456789012"
# What `Ref` answers where it is not the name.
REF_IS_ARN = {
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
}
# The end of an ARN: `{name}` is the resource's. Where there is none, nothing of IAM names such a resource.
ARNS = {
    "AWS::AutoScaling::AutoScalingGroup": "autoscaling:{place}:autoScalingGroup:0:autoScalingGroupName/{name}",
    "AWS::CloudWatch::Alarm": "cloudwatch:{place}:alarm:{name}",
    "AWS::ECS::Cluster": "ecs:{place}:cluster/{name}",
    "AWS::ECS::TaskDefinition": "ecs:{place}:task-definition/{name}:1",
    "AWS::EFS::AccessPoint": "elasticfilesystem:{place}:access-point/{name}",
    "AWS::EFS::FileSystem": "elasticfilesystem:{place}:file-system/{name}",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing:{place}:loadbalancer/net/{name}/0",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "elasticloadbalancing:{place}:targetgroup/{name}/0",
    "AWS::Events::Rule": "events:{place}:rule/{name}",
    "AWS::IAM::InstanceProfile": "iam::{account}:instance-profile/{name}",
    "AWS::IAM::ManagedPolicy": "iam::{account}:policy/{name}",
    "AWS::IAM::Role": "iam::{account}:role/{name}",
    "AWS::KMS::Key": "kms:{place}:key/{name}",
    "AWS::Lambda::Function": "lambda:{place}:function:{name}",
    "AWS::Logs::LogGroup": "logs:{place}:log-group:{name}:*",
    "AWS::RDS::DBInstance": "rds:{place}:db:{name}",
    "AWS::SNS::Topic": "sns:{place}:{name}",
    "AWS::SecretsManager::Secret": "secretsmanager:{place}:secret:{name}-AbCdEf",
    "AWS::StepFunctions::StateMachine": "states:{place}:stateMachine:{name}",
}
NAMES = (
    "Name",
    "RoleName",
    "FunctionName",
    "LogGroupName",
    "StateMachineName",
    "ClusterName",
    "AutoScalingGroupName",
    "DBInstanceIdentifier",
    "TopicName",
)


@dataclass(frozen=True)
class Resource:
    """A resource, with what the functions of CloudFormation make of its properties."""

    place: str
    kind: str
    arn: str
    ref: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Templates:
    """The account of one assembly; `emulator.iam.model.Account` says what its methods mean.

    Attributes:
        assembly: The templates.
        changed: Properties that take the place of those of a resource, by its place: `stack/logical id`.
    """

    assembly: Assembly
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    id: str = ACCOUNT

    @property
    def region(self) -> str:
        return self.assembly.settings.region

    def with_changed(self, place: str, properties: Mapping[str, Any]) -> "Templates":
        """Return the account in which a resource has other properties; what is resolved once is kept."""
        account = replace(self, changed={place: properties})
        account.__dict__["_resolved"] = self._resolved
        return account

    @cached_property
    def _resolved(self) -> dict[str, Resource]:
        return {
            f"{stack}/{name}": Resource(
                place=f"{stack}/{name}",
                kind=item["Type"],
                arn=self._arn(stack, name),
                ref=self._ref(stack, name),
                properties=self._value(stack, item.get("Properties", {})),
            )
            for stack, template in self.assembly.templates.items()
            for name, item in template.resources.items()
        }

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """All resources by place."""
        return {
            place: replace(item, properties=self.changed[place]) if place in self.changed else item
            for place, item in self._resolved.items()
        }

    def of(self, *kinds: str) -> Iterator[Resource]:
        """Yield the resources of some types."""
        return (item for item in self.resources.values() if item.kind in kinds)

    # ---- functions of CloudFormation ----

    def _name(self, stack: str, name: str) -> str:
        given = self.assembly.templates[stack].resources[name].get("Properties", {})
        named = [given[key] for key in NAMES if isinstance(given.get(key), str)]
        return named[0] if named else f"{self.assembly.settings.name}-{stack}-{name}"

    def _arn(self, stack: str, name: str) -> str:
        item = self.assembly.templates[stack].resources[name]
        own = self._name(stack, name)
        if item["Type"] == "AWS::ECS::Service":
            cluster = self._value(stack, item["Properties"]["Cluster"])
            return f"arn:aws:ecs:{self.region}:{self.id}:service/{cluster}/{own}"
        end = ARNS.get(item["Type"], "none:{place}:{name}")
        return "arn:aws:" + end.format(name=own, account=self.id, place=f"{self.region}:{self.id}")

    def _ref(self, stack: str, name: str) -> str:
        item = self.assembly.templates[stack].resources[name]
        if item["Type"] == "AWS::ECS::ClusterCapacityProviderAssociations":
            return str(self._value(stack, item["Properties"]["Cluster"]))
        return self._arn(stack, name) if item["Type"] in REF_IS_ARN else self._name(stack, name)

    def _stack(self, name: str) -> str:
        return f"arn:aws:cloudformation:{self.region}:{self.id}:stack/{name}/a-b-c-d-e"

    def _reference(self, stack: str, name: str) -> Any:
        known = {
            "AWS::AccountId": self.id,
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self._stack(f"{self.assembly.settings.name}-{stack}"),
            "AWS::StackName": f"{self.assembly.settings.name}-{stack}",
            "AWS::URLSuffix": "amazonaws.com",
        }
        template = self.assembly.templates[stack]
        if name in template.resources:
            return self._ref(stack, name)
        return known.get(name) or template.body["Parameters"][name]["Default"]

    def _attribute(self, stack: str, name: str, attribute: str) -> str:
        if attribute == "Arn":
            return self._arn(stack, name)
        if attribute == "MasterUserSecret.SecretArn":
            return f"arn:aws:secretsmanager:{self.region}:{self.id}:secret:rds!db-{stack}-{name}-AbCdEf"
        if attribute == "Name":
            return self._name(stack, name)
        return f"{self._name(stack, name)}.{attribute}"

    def _value(self, stack: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._value(stack, item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), *_ = value.items()
            match function:
                case "Ref":
                    return self._reference(stack, argument)
                case "Fn::GetAtt":
                    return self._attribute(stack, *argument)
                case "Fn::Join":
                    return argument[0].join(str(item) for item in self._value(stack, argument[1]))
                case "Fn::Sub":
                    return re.sub(r"\$\{([^}]+)\}", lambda found: str(self._reference(stack, found[1])), argument)
                case "Fn::ImportValue":
                    exporter, exported = self.assembly.exports[argument]
                    return self._value(exporter, exported)
                case "Fn::Select":
                    # What only a deployment knows is shorter here, and nothing of IAM.
                    return dict(enumerate(self._value(stack, argument[1]))).get(int(argument[0]), "unknown")
                case "Fn::Split":
                    return str(self._value(stack, argument[1])).split(argument[0])
                case "Fn::GetAZs":
                    return [f"{self.region}{letter}" for letter in "abcdef"]
                case "Fn::Base64":
                    return self._value(stack, argument)
        return {key: self._value(stack, inner) for key, inner in value.items()}

    # ---- what the judge asks ----

    @cached_property
    def _roles(self) -> dict[str, Role]:
        roles = {}
        for item in self.of("AWS::IAM::Role"):
            inline = [policy["PolicyDocument"] for policy in item.properties.get("Policies", [])]
            added = [
                policy.properties["PolicyDocument"]
                for policy in self.of("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
                if item.ref in policy.properties.get("Roles", [])
            ]
            own = {policy.ref: policy.properties["PolicyDocument"] for policy in self.of("AWS::IAM::ManagedPolicy")}
            attached = [own.get(arn) or managed.document(arn) for arn in item.properties.get("ManagedPolicyArns", [])]
            roles[item.arn] = Role(
                arn=item.arn,
                trust=item.properties["AssumeRolePolicyDocument"],
                policies=[*inline, *added, *attached],
            )
        return roles

    @cached_property
    def _policies(self) -> dict[str, Document]:
        found: dict[str, Document] = {item.arn: item.properties["KeyPolicy"] for item in self.of("AWS::KMS::Key")}
        for item in self.of("AWS::EFS::FileSystem"):
            if "FileSystemPolicy" in item.properties:
                found[item.arn] = item.properties["FileSystemPolicy"]
        for item in self.of("AWS::SNS::TopicPolicy"):
            found |= dict.fromkeys(item.properties["Topics"], item.properties["PolicyDocument"])
        for item in self.of("AWS::SecretsManager::ResourcePolicy"):
            found[item.properties["SecretId"]] = item.properties["ResourcePolicy"]
        for item in self.of("AWS::Lambda::Permission"):
            statement = {
                "Effect": "Allow",
                "Principal": {"Service": item.properties["Principal"]},
                "Action": item.properties["Action"],
                "Resource": item.properties["FunctionName"],
            }
            if "SourceArn" in item.properties:
                statement["Condition"] = {"ArnLike": {"aws:SourceArn": item.properties["SourceArn"]}}
            document = found.setdefault(item.properties["FunctionName"], {"Statement": []})
            document["Statement"].append(statement)
        return found

    def role(self, arn: str) -> Role | None:
        return self._roles.get(arn)

    def resource_policy(self, arn: str) -> Document | None:
        return self._policies.get(arn)

    def key_of(self, arn: str) -> str | None:
        """Return the key by the property of the resource; of a managed master secret by the database's."""
        for item in self.resources.values():
            if item.arn == arn or item.ref == arn:
                return self._key(item.properties.get("KmsKeyId") or item.properties.get("KmsMasterKeyId"))
            if item.kind == "AWS::RDS::DBInstance" and f"rds!db-{item.place.replace('/', '-')}-" in arn:
                return self._key((item.properties.get("MasterUserSecret") or {}).get("KmsKeyId"))
        return None

    def _key(self, reference: str | None) -> str | None:
        return next((key.arn for key in self.of("AWS::KMS::Key") if reference in (key.arn, key.ref)), None)

    def arn(self, resource_type: str, name: str) -> str | None:
        if resource_type == "AWS::CloudFormation::Stack":
            return self._stack(name)
        return next((item.arn for item in self.of(resource_type) if name in (item.ref, item.arn)), None)

    def described(self, resource_type: str, reference: str) -> Document | None:
        found = (item for item in self.of(resource_type) if reference in (item.ref, item.arn))
        if resource_type == "AWS::ECS::ClusterCapacityProviderAssociations":
            found = (item for item in self.of(resource_type) if item.properties.get("Cluster") == reference)
        return next((item.properties for item in found), None)
