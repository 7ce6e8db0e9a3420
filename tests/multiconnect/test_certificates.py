"""The certificate authorities that the client verifies its database with."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from multiconnect.certificates import certificate_authorities, certificate_regions
from tests.conftest import Synth


@pytest.mark.parametrize("region", certificate_regions())
def test_each_region_has_three_roots_of_its_own_that_last(region: str) -> None:
    roots = x509.load_pem_x509_certificates(certificate_authorities(region).encode())
    names = [root.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value for root in roots]
    assert sorted(names) == [f"Amazon RDS {region} Root CA {kind} G1" for kind in ("ECC384", "RSA2048", "RSA4096")]
    for root in roots:
        assert root.issuer == root.subject
        root.verify_directly_issued_by(root)
        assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        assert root.not_valid_before_utc < datetime.now(UTC)
        assert root.not_valid_after_utc > datetime.now(UTC) + timedelta(days=10 * 365)


@pytest.mark.parametrize("region", ["us-east-1", "ap-south-1"])
def test_the_template_carries_the_regions_own_roots_unchanged(synth: Synth, region: str) -> None:
    parameter = synth(region=region).database.one("AWS::SSM::Parameter")
    assert parameter["Value"] == certificate_authorities(region)
    assert len(x509.load_pem_x509_certificates(parameter["Value"].encode())) == 3
    # The standard tier ends at 4 KB, the advanced one at 8.
    assert parameter["Tier"] == "Advanced"
    assert 4096 < len(parameter["Value"]) < 8192


def test_the_server_shows_a_certificate_of_one_of_these_roots(synth: Synth) -> None:
    assert synth().database.one("AWS::RDS::DBInstance")["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"
