"""The images of the client, and how its containers run."""

from pydantic import BaseModel

from stacks.settings.declaration import TOPIC, TRUE_OR_FALSE, setting


class Client(BaseModel):
    """The images of the client, and how its containers run."""

    model_config = TOPIC

    registry: str = setting(
        "docker.whatsapp.biz",
        "Registry of the client's images.",
        "a registry without scheme, such as 123456789012.dkr.ecr.eu-west-1.amazonaws.com/whatsapp",
        pattern=r"^[a-z0-9][a-z0-9.:-]*(/[a-z0-9._-]+)*$",
    )
    image_tag: str = setting(
        "v2.61.1",
        "Tag of the client's images.",
        "an image tag",
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$",
    )
    no_new_privileges: bool = setting(
        True,
        "No process of the client gains rights by a program of another user. The vendor never ran its image so "
        "(docs/aws.md): turn it off if the client does not start.",
        TRUE_OR_FALSE,
    )
    init_process: bool = setting(
        True,
        "A small init process is the first in each container. The vendor never ran its image so (docs/aws.md): turn it "
        "off if the client does not start.",
        TRUE_OR_FALSE,
    )
    memory_limits: bool = setting(
        True,
        "A container ends at twice the memory that it reserves. The vendor's templates reserve and set no limit "
        "(docs/aws.md): turn it off if containers are ended for their memory.",
        TRUE_OR_FALSE,
    )
    container_health_checks: bool = setting(
        True,
        "ECS asks in each container whether its port is open. The vendor never ran its image so (docs/aws.md): turn it "
        "off if containers run well but are called unhealthy.",
        TRUE_OR_FALSE,
    )
