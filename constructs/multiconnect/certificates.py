"""The root certificates of Amazon RDS that travel with the package, one bundle per region. Imports no CDK."""

from importlib.resources import files


def certificate_authorities(region: str) -> str:
    """Return the PEM bundle of the RDS root certificates of one region.

    Raises:
        FileNotFoundError: No bundle is shipped for the region.
    """
    return files("multiconnect").joinpath("rds_ca", f"{region}.pem").read_text(encoding="ascii")


def certificate_regions() -> list[str]:
    """Return the regions that a bundle is shipped for, sorted.

    >>> "eu-west-1" in certificate_regions()
    True
    """
    return sorted(
        entry.name.removesuffix(".pem")
        for entry in files("multiconnect").joinpath("rds_ca").iterdir()
        if entry.name.endswith(".pem")
    )
