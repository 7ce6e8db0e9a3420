"""Values that AWS would refuse, or that mean something else than they seem to, are refused with the mend."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.settings import Settings, SettingsError
from stacks.settings.addresses import public_addresses
from tests.assembly import CDK_CONTEXT


def load(**context: Any) -> Settings:
    return Settings.from_context({**CDK_CONTEXT, **context})[0]


def refusal(**context: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        load(**context)
    (line,) = str(caught.value).splitlines()
    return line


@pytest.mark.parametrize(
    ("value", "mend"),
    [
        ("198.18.0.0/16", "hosts could not reach the real owner"),
        ("127.0.0.0/16", "hosts could not reach the real owner"),
        ("169.254.0.0/16", "hosts could not reach the real owner"),
        ("240.0.0.0/16", "hosts could not reach the real owner"),
        ("100.128.0.0/16", "hosts could not reach the real owner"),
        ("8.8.0.0/16", "hosts could not reach the real owner"),
        ("172.17.0.0/16", "Docker has 172.17.0.0/16 on every host"),
        ("172.17.240.0/20", "Docker has 172.17.0.0/16 on every host"),
        ("10.0.0.0/255.255.0.0", "write 10.0.0.0/16"),
        ("10.0.0.0/0.0.255.255", "write 10.0.0.0/16"),
        ("10.0.0.0/016", "write 10.0.0.0/16"),
        ("10.0.1.0/16", "write 10.0.0.0/16 for the range"),
        ("10.0.0.0", "a single address is written 10.0.0.0/32"),
        ("10.0.0.0/15", "its size does not suit"),
        ("10.0.0.0/21", "its size does not suit"),
        ("fd00::/16", "IPv4 alone"),
        ("10.\u0660.0.0/16", "RFC 1918"),
        (" 10.0.0.0/16", "RFC 1918"),
        ("10.0.0.0/16\n", "RFC 1918"),
    ],
)
def test_a_range_that_a_vpc_should_not_have_is_refused(value: str, mend: str) -> None:
    line = refusal(vpc_cidr=value)
    assert line.startswith("vpc_cidr: got ")
    assert mend in line


@pytest.mark.parametrize(
    "value", ["10.255.0.0/16", "172.16.0.0/16", "172.18.0.0/20", "172.31.0.0/16", "192.168.0.0/16", "100.64.0.0/16"]
)
def test_a_range_that_no_host_of_the_internet_has_is_taken(value: str) -> None:
    assert load(vpc_cidr=value).vpc_cidr == value


@pytest.mark.parametrize(
    ("value", "shown", "mend"),
    [
        ("203.0.113.7", "'203.0.113.7'", "a single address is written 203.0.113.7/32"),
        ("10.0.0.0/8,203.0.113.7", "'203.0.113.7'", "a single address is written 203.0.113.7/32"),
        ("10.1.2.3/8", "'10.1.2.3/8'", "write 10.0.0.0/8 for the range, or 10.1.2.3/32 for the one address"),
        ("10.0.0.0/255.0.0.0", "'10.0.0.0/255.0.0.0'", "write 10.0.0.0/8"),
        ("2001:db8::/32", "'2001:db8::/32'", "nothing here has an IPv6 address"),
        ("::/0", "'::/0'", "nothing here has an IPv6 address"),
        ("::ffff:10.0.0.0/104", "'::ffff:10.0.0.0/104'", "nothing here has an IPv6 address"),
        ("", "''", "1 to 50 IPv4 ranges"),
        ([], "[]", "1 to 50 IPv4 ranges"),
        (",", "','", "1 to 50 IPv4 ranges"),
        ("10.0.0.0/8, 10.0.0.0/8", "'10.0.0.0/8, 10.0.0.0/8'", "10.0.0.0/8 stands twice"),
        ("10.0.0.0/\u0668", "'10.0.0.0/\u0668'", "1 to 50 IPv4 ranges"),
        ("example.com", "'example.com'", "1 to 50 IPv4 ranges"),
    ],
)
def test_callers_that_the_load_balancer_cannot_let_in_are_refused(value: Any, shown: str, mend: str) -> None:
    line = refusal(allowed_cidrs=value)
    assert line.startswith(f"allowed_cidrs: got {shown}; allowed: 1 to 50 IPv4 ranges")
    assert mend in line


def test_no_more_callers_are_taken_than_a_security_group_holds() -> None:
    ranges = [f"10.{number}.0.0/16" for number in range(51)]
    assert len(load(allowed_cidrs=ranges[:50]).allowed_cidrs) == 50
    assert "allowed: 1 to 50 IPv4 ranges" in refusal(allowed_cidrs=ranges)


EVERYBODY = {
    "at once": "0.0.0.0/0",
    "in halves": "0.0.0.0/1,128.0.0.0/1",
    "in quarters": "0.0.0.0/2,64.0.0.0/2,128.0.0.0/2,192.0.0.0/2",
    "all but a half": "0.0.0.0/1",
    "beside private ranges": "10.0.0.0/8,0.0.0.0/0",
    "all but the last /8": ",".join(
        f"{sum(2 ** (7 - bit) for bit in range(size))}.0.0.0/{size + 1}" for size in range(8)
    ),
    "two of /8": "8.0.0.0/8,9.0.0.0/8",
}


@pytest.mark.parametrize("cover", EVERYBODY)
def test_production_is_open_to_everybody_only_when_that_is_asked_for_twice(cover: str) -> None:
    line = refusal(allowed_cidrs=EVERYBODY[cover])
    assert line.startswith("allowed_cidrs: got ")
    assert line.endswith("in production (one /8), or set allow_any_address=true as well")
    assert load(allowed_cidrs=EVERYBODY[cover], allow_any_address="true")
    assert load(deployment="staging", allowed_cidrs=EVERYBODY[cover])


@pytest.mark.parametrize(
    "ranges", ["10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10", "8.0.0.0/8", "203.0.113.7/32,192.0.2.0/24"]
)
def test_callers_that_somebody_chose_need_no_switch(ranges: str) -> None:
    assert load(allowed_cidrs=ranges)


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)), min_size=1, max_size=6))
def test_public_addresses_are_counted_once_however_the_ranges_are_cut(pieces: list[tuple[int, int]]) -> None:
    def text(start: int, prefix: int) -> str:
        start &= ~((1 << (32 - prefix)) - 1)
        return ".".join(str(start >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{prefix}"

    whole = [text(*piece) for piece in pieces]
    halves = [
        text(start | bit << (31 - prefix) if bit else start & ~(1 << (31 - prefix)), prefix + 1)
        for start, prefix in pieces
        if prefix < 32
        for bit in (0, 1)
    ]
    singles = [text(*piece) for piece in pieces if piece[1] == 32]
    assert public_addresses(whole) == public_addresses(halves + singles) == public_addresses(whole + halves)
    assert 0 <= public_addresses(whole) <= public_addresses(["0.0.0.0/0"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("a..b/x", "'a..b' is not the name of a host"),
        ("docker.example./x", "'docker.example.' is not the name of a host"),
        (".docker.example", "'.docker.example' is not the name of a host"),
        ("-docker.example", "'-docker.example' is not the name of a host"),
        ("docker-.example", "'docker-.example' is not the name of a host"),
        ("docker.example:0", "a port is a number from 1 to 65535"),
        ("docker.example:65536/x", "a port is a number from 1 to 65535"),
        ("docker.example:/x", "a port is a number from 1 to 65535"),
        ("docker.example:1:2", "a port is a number from 1 to 65535"),
        ("docker.example:\u0665", "a port is a number from 1 to 65535"),
        ("docker.example/a..b", "'a..b' is not a part of an image's name"),
        ("docker.example/.a", "'.a' is not a part of an image's name"),
        ("docker.example/a-", "'a-' is not a part of an image's name"),
        ("docker.example//a", "'' is not a part of an image's name"),
        ("docker.example/", "'' is not a part of an image's name"),
        ("docker.example/A", "'A' is not a part of an image's name"),
        ("10.0.0.256", "'10.0.0.256' is not an IPv4 address"),
        ("whatsapp", "Docker would look for 'whatsapp' at Docker Hub"),
        ("whatsapp/client", "Docker would look for 'whatsapp' at Docker Hub"),
        ("https://docker.example", "a port is a number"),
        ("docker.example/" + "x" * 200, "more than 200 letters"),
        ("docker.example\n", "is not the name of a host"),
        ("", "Docker Hub"),
    ],
)
def test_a_registry_that_cannot_be_one_is_refused(value: str, reason: str) -> None:
    line = refusal(registry=value)
    assert line.startswith("registry: got ")
    assert "allowed: a registry without scheme" in line
    assert reason in line


@pytest.mark.parametrize(
    "value",
    [
        "docker.whatsapp.biz",
        "localhost/client",
        "localhost:5000",
        "10.0.0.5:5000/client",
        "docker.io/some-body/client__x.y",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/whatsapp",
    ],
)
def test_a_registry_is_taken(value: str) -> None:
    assert load(registry=value).registry == value


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("http://wa.example", "begin with https://"),
        ("wa.example", "begin with https://"),
        ("https://me@wa.example", "leave the user out"),
        ("https://me:secret@wa.example", "leave the user out"),
        ("https://wa.example:0", "a port is a number from 1 to 65535"),
        ("https://wa.example:65536", "a port is a number from 1 to 65535"),
        ("https://wa.example:", "a port is a number from 1 to 65535"),
        ("https://wa.example/", "paths and queries are the client's own"),
        ("https://wa.example?a=b", "paths and queries are the client's own"),
        ("https://wa.example#top", "paths and queries are the client's own"),
        ("https://wa example", "is not the name of a host"),
        ("https://wa.example\n", "is not the name of a host"),
        ("https://", "is not the name of a host"),
        ("https://wä.example", "is not the name of a host"),
        ("https://1.2.3", "is not an IPv4 address"),
    ],
)
def test_an_endpoint_is_a_host_and_perhaps_a_port(value: str, reason: str) -> None:
    line = refusal(shards_endpoint=value)
    assert line.startswith("shards_endpoint: got ")
    assert "allowed: https://<host>[:<port>]" in line
    assert reason in line


@pytest.mark.parametrize("value", ["https://wa.example", "https://WA.example:8443", "https://10.0.0.5:443"])
def test_an_endpoint_is_taken(value: str) -> None:
    assert load(shards_endpoint=value).shards_endpoint == value


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("aws-client", "aws"),
        ("awesome", None),
        ("awsome", "aws"),
        ("ssm-client", "ssm"),
        ("ecs-client", "ecs"),
        ("fargate-client", "fargate"),
        ("sg-client", "sg-"),
        ("sgclient", None),
        ("internal-client", "internal-"),
        ("internals", None),
    ],
)
def test_a_name_that_aws_keeps_for_itself_is_refused(name: str, prefix: str | None) -> None:
    if prefix is None:
        assert load(name=name).name == name
    else:
        assert refusal(name=name).endswith(f"AWS keeps names that begin with {prefix} for itself")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("/aws/service/ca", "begin with aws or ssm"),
        ("SSMca", "begin with aws or ssm"),
        ("/".join("abcdefghijklmnop"), "at most 15 levels"),
        ("/client//ca", "the name of a parameter"),
        ("/client/ca/", "the name of a parameter"),
        ("/client/cä", "the name of a parameter"),
        ("x" * 1012, "the name of a parameter"),
    ],
)
def test_a_parameter_that_nobody_can_have_made_is_refused(value: str, reason: str) -> None:
    line = refusal(shards_ca_parameter=value)
    assert line.startswith("shards_ca_parameter: got ")
    assert reason in line


@pytest.mark.parametrize(
    "value",
    ["a,b@x.org", "a b@x.org", "a\x00@x.org", "ä@x.org", "a@x..org", "a@-x.org", "a@x", "a@b@x.org", "a@x.org\n"],
)
def test_an_address_that_no_mail_reaches_is_refused(value: str) -> None:
    assert "allowed: an e-mail address" in refusal(alarm_email=value)


SOUND: dict[str, str] = {
    "account": "123456789012",
    "active_coreapps": "8",
    "messages_per_second": "100",
    "spares": "2",
    "webs": "4",
    "masters": "4",
    "availability_zones": "3",
    "nat_gateways": "2",
    "database_storage_gib": "200",
    "database_max_storage_gib": "400",
    "backup_retention_days": "7",
    "log_retention_days": "30",
    "certificate_max_age_days": "30",
    "vpc_cidr": "10.1.0.0/16",
    "allowed_cidrs": "10.1.0.0/16",
    "name": "wa-2",
    "host_type": "m6i.2xlarge",
    "database_class": "db.m7g.4xlarge",
    "image_tag": "v2.61.1",
    "registry": "r1.example:500",
    "shards_secret": "a1",
    "shards_endpoint": "https://h1.example:443",
    "shards_ca_parameter": "/ca1",
}
"""A value with digits for each key that can have one."""


@pytest.mark.parametrize(
    "zero", "\u0660\u09e6\uff10\U0001d7ce", ids=["Arabic", "Bengali", "full width", "mathematical"]
)
@pytest.mark.parametrize("key", SOUND)
def test_digits_of_other_scripts_are_refused(key: str, zero: str) -> None:
    assert load(**{key: SOUND[key]})
    foreign = re.sub("[0-9]", lambda digit: chr(ord(zero) + int(digit[0])), SOUND[key])
    assert refusal(**{key: foreign}).startswith(f"{key}: got ")


def test_no_pattern_takes_digits_or_letters_of_every_script() -> None:
    patterns = {
        key: each.pattern
        for key, field in Settings.model_fields.items()
        for each in field.metadata
        if getattr(each, "pattern", None)
    }
    assert len(patterns) > 4
    assert {key for key, pattern in patterns.items() if re.search(r"\\[dws]", pattern)} == set()


@pytest.mark.parametrize("key", ["active_coreapps", "spares", "messages_per_second"])
def test_a_number_is_written_as_people_write_it(key: str) -> None:
    assert refusal(**{key: "1_6"}).startswith(f"{key}: got '1_6'")


@pytest.mark.parametrize("value", [-0.0, "-0", "-0.0"])
def test_minus_zero_is_zero(value: Any) -> None:
    assert str(load(messages_per_second=value).messages_per_second) == "0.0"


@pytest.mark.parametrize(
    ("context", "line"),
    [
        ({"region": "us-west-1", "availability_zones": "3"}, "availability_zones: got 3; allowed: 2 in us-west-1"),
        ({"region": "eu-west-1", "availability_zones": 4}, "availability_zones: got 4; allowed: 2 or 3 in eu-west-1"),
        ({"region": "ap-northeast-1", "availability_zones": 4}, "availability_zones: got 4; allowed: 2 or 3 in ap-n"),
    ],
)
def test_more_zones_than_every_account_of_the_region_has_are_refused(context: dict[str, Any], line: str) -> None:
    said = refusal(**context)
    assert said.startswith(line)
    assert said.endswith("an account with more names them in availability_zone_names")


def test_a_region_with_two_zones_has_two_by_default() -> None:
    settings, plan = Settings.from_context({**CDK_CONTEXT, "region": "us-west-1"})
    assert (settings.availability_zones, plan.hosts.availability_zones, plan.nat_gateways) == (None, 2, 2)


@pytest.mark.parametrize(
    ("names", "region", "reason"),
    [
        ("us-east-1a", "us-east-1", "there is 1"),
        ("us-east-1a,us-east-1b,us-east-1c,us-east-1d,us-east-1e", "us-east-1", "there are 5"),
        ("", "us-east-1", "there are 0"),
        ("us-east-1a,us-east-1a", "us-east-1", "a zone stands twice"),
        ("us-east-1a,use1-az1", "us-east-1", "could mean one zone twice"),
        ("us-east-1a,us-west-2b", "us-east-1", "names that begin with us-east-1"),
        ("use1-az1,usw2-az2", "us-east-1", "use1-az1, use1-az2"),
        ("use1-az1,use1-az9", "us-east-1", "did you mean use1-az"),
        ("a,b", "us-east-1", "'a' is neither the name nor the id of a zone"),
        ("us-east-1,us-east-1b", "us-east-1", "'us-east-1' is neither the name nor the id of a zone"),
        ("us-west-2-lax-1a,us-west-2a", "us-west-2", "'us-west-2-lax-1a' is neither"),
        ("us-east-1A,us-east-1B", "us-east-1", "'us-east-1A' is neither"),
        ("us-east-\u0661a,us-east-1b", "us-east-1", "is neither"),
    ],
)
def test_zones_that_are_none_of_the_region_are_refused(names: str, region: str, reason: str) -> None:
    line = refusal(availability_zone_names=names, region=region)
    assert line.startswith("availability_zone_names: got ")
    assert reason in line


@pytest.mark.parametrize(
    ("names", "region"),
    [
        ("us-east-1c,us-east-1a", "us-east-1"),
        ("use1-az4,use1-az6,use1-az2", "us-east-1"),
        ("usw1-az1,usw1-az2,usw1-az3", "us-west-1"),
        ("ap-northeast-1a,ap-northeast-1b,ap-northeast-1c,ap-northeast-1d", "ap-northeast-1"),
    ],
)
def test_zones_by_name_or_by_id_say_how_many_there_are(names: str, region: str) -> None:
    settings, plan = Settings.from_context({**CDK_CONTEXT, "availability_zone_names": names, "region": region})
    assert settings.availability_zone_names == tuple(names.split(","))
    assert settings.availability_zones == plan.hosts.availability_zones == plan.nat_gateways == names.count(",") + 1


def test_a_number_of_zones_beside_names_of_others_is_refused() -> None:
    line = refusal(availability_zone_names="us-east-1a,us-east-1b", availability_zones="3")
    assert line.startswith("availability_zones: got 3; allowed: 2, as many as availability_zone_names has")


@pytest.mark.parametrize(
    ("given", "shown", "reason"),
    [
        ("ecr", "'ecr'", "did you mean ecr."),
        ("ssm,ecs-telemtry", "'ecs-telemtry'", "did you mean ecs-telemetry?"),
        ("s3", "'s3'", "there is no such endpoint"),
        ("com.amazonaws.us-east-1.ecs", "'com.amazonaws.us-east-1.ecs'", "there is no such endpoint"),
    ],
)
def test_an_endpoint_that_is_none_of_ours_is_refused_by_its_name(given: str, shown: str, reason: str) -> None:
    line = refusal(without_endpoints=given)
    assert line.startswith(f"without_endpoints: got {shown}; allowed: some of ecs, ecs-agent, ")
    assert reason in line


@pytest.mark.parametrize(
    ("context", "size", "addresses"),
    [
        ({"vpc_cidr": "10.0.0.0/20", "active_coreapps": 32, "webs": 100, "masters": 100}, 19, 272),
        ({"vpc_cidr": "10.0.0.0/20", "webs": 100, "masters": 100, "availability_zones": 2}, 19, 436),
    ],
)
def test_a_vpc_that_is_too_small_for_the_cluster_is_refused(context: dict[str, Any], size: int, addresses: int) -> None:
    line = refusal(**context)
    assert line.startswith(f"vpc_cidr: got '10.0.0.0/20'; allowed: /{size} or larger for these sizes")
    assert f"needs {addresses} addresses" in line
    assert load(**{**context, "vpc_cidr": f"10.0.0.0/{size}"})


@pytest.mark.parametrize("active", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("zones", [2, 3, 4])
def test_the_smallest_vpc_holds_every_usual_cluster(active: int, zones: int) -> None:
    assert load(active_coreapps=active, availability_zones=zones, vpc_cidr="10.0.0.0/20", nat_gateways=1)
