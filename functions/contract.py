"""The names that the functions share with the templates that deploy and call them; nothing else, and no import.

Constructs and stacks may import this module alone of `functions`. A name that stood on both sides as a literal could
be changed on one of them, and only a failing deploy would show it.
"""

from typing import Final

SHARD_COUNTS: Final = (1, 2, 4, 8, 16, 32)
"""The only numbers of shards that there are (M-2)."""

# Handlers, as Lambda names them.
ENI_TRUNKING_HANDLER: Final = "functions.eni_trunking.handler.handler"
FIRST_WEBAPP_HANDLER: Final = "functions.first_webapp.handler.handler"
HOSTS_HANDLER: Final = "functions.hosts.handler.handle"
DATABASE_USER_HANDLER: Final = "functions.database_user.handler.handler"
PROTECTION_HANDLER: Final = "functions.protection.handler.handle"
SHARDS_ON_EVENT_HANDLER: Final = "functions.shards.handler.on_event"
SHARDS_IS_COMPLETE_HANDLER: Final = "functions.shards.handler.is_complete"
SHARDS_RECONCILE_HANDLER: Final = "functions.shards.handler.reconcile"

# Property of the custom resource EniTrunking.
ROLE_ARN: Final = "RoleArn"

# Properties of the custom resource FirstWebapp, beside the cluster's name.
TASK_DEFINITION_ARN: Final = "TaskDefinitionArn"
CAPACITY_PROVIDER: Final = "CapacityProvider"
SUBNET_IDS: Final = "SubnetIds"
SECURITY_GROUP_ID: Final = "SecurityGroupId"
HEALTH_CHECKED: Final = "HealthChecked"

# Properties of the custom resource DatabaseUser.
MASTER_SECRET_ARN: Final = "MasterSecretArn"  # noqa: S105 - the name of a property
USER_SECRET_ARN: Final = "UserSecretArn"  # noqa: S105 - the name of a property
HOST: Final = "Host"
PORT: Final = "Port"
TLS_REQUIRED: Final = "TlsRequired"

# Property of DatabaseUser and of the shards.
CA_PARAMETER_NAME: Final = "CaParameterName"

# Properties of the custom resource Protection.
LOAD_BALANCER_ARN: Final = "LoadBalancerArn"
DATABASE_IDENTIFIER: Final = "DatabaseIdentifier"
# Properties of the custom resources HostsBefore and HostsAfter, which have `Place` and `ClusterName` too.
WEBAPP_TASKS: Final = "WebappTasks"
COREAPP_TASKS: Final = "CoreappTasks"
MASTER_TASKS: Final = "MasterTasks"
GROUP_NAME: Final = "GroupName"
LAUNCH_TEMPLATE_VERSION: Final = "LaunchTemplateVersion"

# Properties of the two custom resources around the coreapp service, of the reconciler and of the runbook.
PLACE: Final = "Place"
BEFORE: Final = "before"
AFTER: Final = "after"
SHARDS: Final = "Shards"
ENDPOINT: Final = "Endpoint"
STACK_NAME: Final = "StackName"
SECRET_ARN: Final = "SecretArn"  # noqa: S105 - the name of a property
CLUSTER_NAME: Final = "ClusterName"
SERVICE_NAME: Final = "ServiceName"
CERTIFICATE_MAX_AGE_DAYS: Final = "CertificateMaxAgeDays"

# Input of the function of the hosts when EventBridge calls it: the stack whose rollback begins.
ROLLED_BACK_STACK: Final = "RolledBackStack"

# What `on_event` returns for `is_complete`: when it was asked, and the number of shards that both fleets can hold.
STARTED: Final = "Started"
FLOOR: Final = "Floor"

# What `is_complete` returns: whether nothing is left to do.
IS_COMPLETE: Final = "IsComplete"

# Outputs of the enterprise stack that the functions read.
ENDPOINT_OUTPUT: Final = "Endpoint"
SHARD_COUNT_OUTPUT: Final = "ShardCount"
CLUSTER_NAME_OUTPUT: Final = "ClusterName"
COREAPP_SERVICE_OUTPUT: Final = "CoreappService"
WEBAPP_SERVICE_OUTPUT: Final = "WebappService"
MASTER_SERVICE_OUTPUT: Final = "MasterService"
GROUP_NAME_OUTPUT: Final = "HostGroup"
MAXIMUM_HOSTS_OUTPUT: Final = "MaximumHosts"
