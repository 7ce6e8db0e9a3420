"""`python -m sizing.refresh` against stubbed answers of the AWS APIs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
from botocore.stub import Stubber

from sizing import SizingError
from sizing.engines import ENGINES
from sizing.facts import catalogue
from sizing.refresh import main, read_tables, refresh

ENGINE_NAMES = ("MySQL", "Aurora MySQL", "PostgreSQL")


def product(service, attributes, usd):
    return json.dumps(
        {
            "product": {"attributes": attributes},
            "serviceCode": service,
            "terms": {
                "OnDemand": {"t": {"priceDimensions": {"d": {"unit": "Hrs", "pricePerUnit": {"USD": str(usd)}}}}},
                "Reserved": {"r": {"priceDimensions": {"d": {"unit": "Hrs", "pricePerUnit": {"USD": "0.01"}}}}},
            },
            "version": "20261101000000",
            "publicationDate": "2026-11-01T00:00:00Z",
        }
    )


def database(name, usd, deployment="Single-AZ", vcpu="2", memory="8 GiB", **more):
    attributes = {"instanceType": name, "deploymentOption": deployment, "vcpu": vcpu, "memory": memory}
    return product("AmazonRDS", attributes | {"currentGeneration": "Yes"} | more, usd)


@pytest.fixture
def data(tmp_path):
    return Path(shutil.copytree(catalogue.DATA, tmp_path / "data"))


def answers(orderable=(), priced=(), hosts=(), host_prices=(), region="us-east-1"):
    """Return clients that give these answers, one page each; `priced` is for MySQL."""
    rds, pricing, ec2 = (
        boto3.client(service, region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        for service in ("rds", "pricing", "ec2")
    )
    stub = Stubber(rds)
    for engine in ENGINES:
        options = [
            {"DBInstanceClass": name, "EngineVersion": version} for named, name, version in orderable if named == engine
        ]
        stub.add_response(
            "describe_orderable_db_instance_options", {"OrderableDBInstanceOptions": options}, {"Engine": engine}
        )
    stub.activate()
    stub = Stubber(pricing)
    for name in ENGINE_NAMES:
        filters = {"regionCode": region, "databaseEngine": name, "productFamily": "Database Instance"}
        stub.add_response(
            "get_products",
            {"PriceList": list(priced) if name == "MySQL" else []},
            {
                "ServiceCode": "AmazonRDS",
                "Filters": [{"Type": "TERM_MATCH", "Field": key, "Value": value} for key, value in filters.items()],
            },
        )
    stub.add_response("get_products", {"PriceList": list(host_prices)})
    stub.activate()
    stub = Stubber(ec2)
    stub.add_response("describe_instance_types", {"InstanceTypes": list(hosts)}, {})
    stub.activate()
    return lambda service, region: {"rds": rds, "pricing": pricing, "ec2": ec2}[service]


def m6i(memory=8192):
    return {
        "InstanceType": "m6i.large",
        "VCpuInfo": {"DefaultVCpus": 2},
        "MemoryInfo": {"SizeInMiB": memory},
        "CurrentGeneration": False,  # as the shipped table has it
    }


def test_new_prices_classes_and_orderability_are_written_with_date_and_offer(data):
    clients = answers(
        orderable=[("mysql", "db.m7g.large", "8.4.3"), ("mysql", "db.m9x.large", "8.0.44"),
                   ("aurora-mysql", "db.serverless", "8.0.mysql_aurora.3.10.0")],
        priced=[database("db.m7g.large", 0.16), database("db.m7g.large", 0.32, "Multi-AZ"),
                database("db.m9x.large", 0.2, physicalProcessor="AWS Graviton5 Processor"),
                database("db.m7g.large", 9.0, "Multi-AZ (readable standbys)"),
                database("db.serverless", 0.1)],
        hosts=[m6i(), {**m6i(), "InstanceType": "x1.32xlarge"}],
        host_prices=[product("AmazonEC2", {"instanceType": "m6i.large"}, 0.101),
                     product("AmazonEC2", {"instanceType": "x1.32xlarge"}, 13.3)],
    )  # fmt: skip
    shown = refresh(["us-east-1"], clients, data)
    tables = read_tables(data)
    price = tables["database_prices"].rows["mysql", "us-east-1", "db.m7g.large", "multi-az"]
    assert (price["usd_per_hour"], price["as_of"]) == ("0.32", "2026-11-01")
    assert tables["sources"].rows[price["source"],]["text"] == (
        "AWS price list AmazonRDS, offer 20261101000000, 2026-11-01"
    )
    fresh = tables["database_classes"].rows["db.m9x.large",]
    assert (fresh["architecture"], fresh["memory_gib"], fresh["mysql_versions"]) == ("arm64", "8", "8.0")
    assert tables["database_classes"].rows["db.m7g.large",]["mysql_versions"] == "8.4"
    assert tables["database_regions"].rows["mysql", "us-east-1"]["classes"] == "m7g=large m9x=large"
    assert tables["host_prices"].rows["us-east-1", "m6i.large"]["usd_per_hour"] == "0.101"
    assert ("x1.32xlarge",) not in tables["host_types"].rows
    assert "+mysql,us-east-1,db.m7g.large,multi-az,0.32,2026-11-01,A,rds-offer-20261101000000" in shown
    assert "serverless" not in shown


def test_what_the_answers_do_not_mention_keeps_its_row(data):
    before = read_tables(data)
    refresh(["eu-west-1"], answers(priced=[database("db.m6g.large", 0.17)], region="eu-west-1"), data)
    after = read_tables(data)
    changed = {key for key, row in after["database_prices"].rows.items() if before["database_prices"].rows[key] != row}
    assert changed == {("mysql", "eu-west-1", "db.m6g.large", "single-az")}
    assert after["database_classes"] == before["database_classes"]
    assert after["host_types"] == before["host_types"]


def test_a_dry_run_and_an_answer_without_news_write_nothing(data):
    text = (data / "database_prices.csv").read_text()
    assert refresh(["us-east-1"], answers(priced=[database("db.m6g.large", 0.153)]), data, write=False)
    assert (data / "database_prices.csv").read_text() == text
    assert refresh(["eu-west-1"], answers(region="eu-west-1", hosts=[m6i()]), data) == ""


@pytest.mark.parametrize(
    ("clients", "parameter", "message"),
    [
        (lambda: answers(priced=[database("db.m4.large", 0.175, memory="16 GiB")]), "database_classes", "allowed 636"),
        (lambda: answers(priced=[database("db.r5.large", 0.24, memory="64 GiB")]), "database_classes", "allowed 1000"),
        (lambda: answers(priced=[database("db.m6g.large", 5)]), "database_prices", "three times 0.152"),
    ],
)
def test_tables_that_fail_the_published_values_are_not_written(data, clients, parameter, message):
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(SizingError, match=message) as caught:
        refresh(["us-east-1"], clients(), data)
    assert {problem.parameter for problem in caught.value.problems} == {parameter}
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_an_unknown_region_is_refused_before_anything_is_asked(data, capsys):
    with pytest.raises(SizingError, match="mars-1"):
        refresh(["mars-1"], lambda service, region: pytest.fail("asked"), data)
    assert main(["--regions", "mars-1"]) == 2
    assert "regions: got ['mars-1']; allowed" in capsys.readouterr().err


def test_without_credentials_it_says_so_in_one_line(tmp_path):
    """Run as a program, with no way to any credentials."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    clean |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "sizing.refresh", "--dry-run"],
        capture_output=True,
        text=True,
        env=clean,
        cwd=Path(__file__).parents[2],
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("AWS did not answer: ")
    assert len(done.stderr.splitlines()) == 1
