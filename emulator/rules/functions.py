"""Lambda: roles that cannot be assumed, handlers that are not there, limits."""

from __future__ import annotations

import io
import re
import zipfile
from functools import lru_cache

from emulator.handlers import internals
from emulator.handlers.internals import Step

from .book import number, properties_of, refuse
from .iam import trusts

_FUNCTION, _PERMISSION = "AWS::Lambda::Function", "AWS::Lambda::Permission"
_CREATE = "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"
_VARIABLES = "https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html: those that no function can be made with any more.
_RETIRED = frozenset(
    {"python2.7", "python3.6", "python3.7", "python3.8", "nodejs10.x", "nodejs12.x", "nodejs14.x", "nodejs16.x"}
)
_RESERVED = frozenset(
    [
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_DEFAULT_REGION",
        "AWS_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_LAMBDA_RUNTIME_API",
        "LAMBDA_TASK_ROOT",
        "LAMBDA_RUNTIME_DIR",
    ]
)
_ENVIRONMENT_BYTES = 4096
_CONCURRENCY, _UNRESERVED = 1000, 100


@refuse(_FUNCTION, source=_CREATE)
def function_role(step: Step) -> str | None:
    """The role of a function exists and lets Lambda assume it."""
    if trusts(properties_of(step).get("Role"), "lambda.amazonaws.com"):
        return None
    return "The role defined for the function cannot be assumed by Lambda."


@refuse(_FUNCTION, source="https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html")
def handler_is_missing(step: Step) -> str | None:
    """The handler names a module in the archive and a function in it; AWS itself says so at the first call."""
    given = properties_of(step)
    code, runtime = given.get("Code") or {}, str(given.get("Runtime", ""))
    if not runtime.startswith("python") or not {"ZipFile", "S3Bucket"} & code.keys():
        return None
    path, _, name = str(given.get("Handler", "")).rpartition(".")
    if "ZipFile" in code:
        source = code["ZipFile"] if path == "index" else None
    else:
        archive = internals.function_code(code)
        if archive is None:
            return (
                "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key "
                "does not exist."
            )
        source = _module(archive, path.replace(".", "/"))
    if source is None:
        return (
            f"Runtime.ImportModuleError: Unable to import module '{path}': No module named '{path.rpartition('.')[2]}'"
        )
    if not re.search(
        rf"^(?:async )?def {re.escape(name)}\b|^{re.escape(name)}\b\s*[:=]|import .*\b{re.escape(name)}\b",
        source,
        re.MULTILINE,
    ):
        module = path.rpartition(".")[2]
        return f"Runtime.HandlerNotFound: Handler '{name}' missing on module '{module}'"
    return None


@lru_cache(maxsize=64)
def _module(archive: bytes, path: str) -> str | None:
    """Return the source of a Python module in an archive, None when it is not there."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        names = set(opened.namelist())
        for name in (f"{path}.py", f"{path}/__init__.py"):
            if name in names:
                return opened.read(name).decode(errors="replace")
    return None


@refuse(_FUNCTION, source="https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html")
def retired_runtime(step: Step) -> str | None:
    """A function cannot be made with a runtime that AWS has retired."""
    runtime = str(properties_of(step).get("Runtime", ""))
    if runtime not in _RETIRED:
        return None
    kind = re.match(r"[a-z]+", runtime)
    newer = "python3.13" if kind and kind[0] == "python" else "nodejs22.x"
    return (
        f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. We "
        f"recommend you use a supported runtime while creating or updating functions, such as {newer}."
    )


@refuse(_FUNCTION, source=_CREATE)
def function_limits(step: Step) -> str | None:
    """A function has 128 to 10,240 MB of memory and ends within 900 s."""
    given = properties_of(step)
    for key, low, high in (("MemorySize", 128, 10_240), ("Timeout", 1, 900)):
        value = given.get(key)
        if value is not None and not low <= number(value) <= high:
            bound = f"less than or equal to {high}" if number(value) > high else f"greater than or equal to {low}"
            name = key[0].lower() + key[1:]
            return (
                f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
                f"Member must have value {bound}"
            )
    return None


@refuse(_FUNCTION, source=_VARIABLES)
def reserved_variables(step: Step) -> str | None:
    """A function cannot set the variables that Lambda sets itself."""
    variables = (properties_of(step).get("Environment") or {}).get("Variables") or {}
    if found := sorted(_RESERVED & variables.keys()):
        return (
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided contains reserved keys that are currently not supported for modification. Reserved keys used "
            f"in this request: {', '.join(found)}"
        )
    return None


@refuse(_FUNCTION, source=_VARIABLES)
def environment_size(step: Step) -> str | None:
    """All variables of a function together have at most 4 KB."""
    variables = (properties_of(step).get("Environment") or {}).get("Variables") or {}
    size = sum(len(str(text).encode()) for pair in variables.items() for text in pair)
    if size <= _ENVIRONMENT_BYTES:
        return None
    return (
        "Lambda was unable to configure your environment variables because the environment variables you have "
        "provided exceeded the 4KB limit. String measured: " + str(variables)[:40]
    )


@refuse(_FUNCTION, source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html")
def reserved_concurrency(step: Step) -> str | None:
    """The functions of an account leave 100 of its concurrent executions unreserved."""
    reserved = number(properties_of(step).get("ReservedConcurrentExecutions"))
    if _CONCURRENCY - reserved >= _UNRESERVED:
        return None
    return (
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
        f"below its minimum value of [{_UNRESERVED}]."
    )


@refuse(_FUNCTION, source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html")
def function_network(step: Step) -> str | None:
    """The subnets and security groups of a function exist."""
    network = properties_of(step).get("VpcConfig") or {}
    for subnet in network.get("SubnetIds") or []:
        if subnet not in internals.subnets:
            return (
                "Error occurred while DescribeSubnets. EC2 Error Code: InvalidSubnetID.NotFound. EC2 Error "
                f"Message: The subnet ID '{subnet}' does not exist"
            )
    for group in network.get("SecurityGroupIds") or []:
        if group not in internals.security_groups:
            return (
                "Error occurred while DescribeSecurityGroups. EC2 Error Code: InvalidGroup.NotFound. EC2 Error "
                f"Message: The security group '{group}' does not exist"
            )
    return None


@refuse(_FUNCTION, source=_CREATE, moment="create", code="AlreadyExists")
def function_exists(step: Step) -> str | None:
    """A function cannot have the name of another one."""
    name = properties_of(step).get("FunctionName")
    return f"Function already exist: {name}" if name and name in internals.functions else None


@refuse(_PERMISSION, source="https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html", code="NotFound")
def permission_of_nothing(step: Step) -> str | None:
    """A permission belongs to a function that exists."""
    reference = str(properties_of(step).get("FunctionName"))
    parts = reference.split(":function:")[-1].split(":")
    return None if parts[0] in internals.functions else f"Function not found: {reference}"
