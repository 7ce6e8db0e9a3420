"""The images of the client."""

from pydantic import BaseModel

from stacks.settings.declaration import TOPIC, setting


class Client(BaseModel):
    """The images of the client."""

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
