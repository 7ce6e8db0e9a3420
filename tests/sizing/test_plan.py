"""`plan`: counts, caps, hosts, classes, reasons, and every refusal."""

import csv
import json
import os
import subprocess
import sys
from math import ceil
from pathlib import Path

import pytest

import sizing
from sizing import SizingError, max_hosts, plan
from sizing.engines import ENGINES
from sizing.facts import catalogue
from sizing.planning import placement
from sizing.planning.cost import INTERFACE_ENDPOINTS


@pytest.mark.parametrize(
    ("environment", "hosts", "webs", "coreapps", "masters"), [("production", 3, 3, 3, 3), ("staging", 2, 2, 2, 2)]
)
def test_the_environment_decides_the_default_counts(environment, hosts, webs, coreapps, masters):
    answer = plan(environment=environment)
    assert (answer.hosts.minimum, answer.webs, answer.coreapps, answer.masters) == (hosts, webs, coreapps, masters)
    assert answer.active_coreapps == coreapps - 1


@pytest.mark.parametrize(("active", "cap"), [(2, 3), (4, 4), (8, 5), (16, 8), (32, 15)])
@pytest.mark.parametrize("environment", ["production", "staging"])
def test_caps_are_the_published_ones(active, cap, environment):
    assert max_hosts(active, environment) == cap
    assert plan(active, environment=environment).hosts.maximum == cap


@pytest.mark.parametrize(("environment", "cap"), [("production", 3), ("staging", 2)])
def test_one_coreapp_is_capped_by_the_default_hosts(environment, cap):
    assert max_hosts(1, environment) == cap
    assert plan(1, environment=environment).hosts.maximum == cap


@pytest.mark.parametrize(
    ("rate", "active"),
    [(0, 2), (10, 2), (20, 2), (20.5, 4), (40, 4), (80, 8), (81, 16), (160, 16), (161, 32), (250, 32), (350, 32)],
)
def test_the_rate_alone_gives_the_coreapps_of_the_vendors_map(rate, active):
    answer = plan(messages_per_second=rate)
    assert answer.active_coreapps == active
    assert "vendor's published AWS map" in answer.reasons[0]


@pytest.mark.parametrize(("active", "rate"), [(1, 10), (2, 20), (4, 40), (8, 80), (16, 160), (32, 250)])
def test_coreapps_alone_are_planned_for_the_rate_of_the_map(active, rate):
    answer = plan(active)
    assert answer.messages_per_second == rate
    source = "where the vendor's published AWS map" if active == 1 else "the greatest supported rate that the vendor's"
    assert answer.reasons[1].startswith(f"{rate} messages/s, {source}")


@pytest.mark.parametrize(
    ("active", "rate", "tls", "released"), [(8, 100, False, "db.m4.2xlarge"), (32, 250, True, "db.m4.4xlarge")]
)
def test_the_published_classes_come_out_of_the_retired_family(active, rate, tls, released):
    for same_rate in (rate, None):
        answer = plan(active, same_rate, tls=tls, database_families=("m4",), historical=True)
        assert answer.database.instance_class == released
        assert "Historical comparison" in answer.reasons[-1]


@pytest.mark.parametrize(
    ("name", "successor"),
    [("db.m4.2xlarge", "db.m5.2xlarge"), ("db.m4.10xlarge", "db.m5.8xlarge"), ("db.r4.large", "db.r5.large"),
     ("db.t2.large", "db.t3.large"), ("db.m3.xlarge", "db.m5.xlarge")],
)  # fmt: skip
def test_a_retired_class_is_refused_with_its_successor(name, successor):
    with pytest.raises(SizingError, match=successor):
        plan(2, database_class=name)


# The rates that go with 1, 2, 4, 8, 16 and 32 coreapps, and the least vCPU of D-3 for each.
VCPU = {10: 2, 20: 2, 40: 4, 80: 8, 160: 16, 250: 16}


@pytest.mark.parametrize("region", catalogue.regions())
@pytest.mark.parametrize("engine", ENGINES)
def test_every_choice_satisfies_every_constraint(region, engine):
    for active in sizing.SHARD_COUNTS:
        answer = plan(active, engine=engine, region=region)
        db = catalogue.database_classes()[answer.database.instance_class]
        assert db.status != "retired"
        assert not db.burstable
        assert db.name in catalogue.regional_classes(engine, region)
        assert engine != "mysql" or "8.4" in db.mysql_versions
        assert db.vcpu >= VCPU[int(answer.messages_per_second)]
        assert answer.connections.expected <= 0.5 * answer.database.max_connections
        assert answer.connections.high <= 0.9 * answer.database.max_connections
        assert not catalogue.host_types()[answer.hosts.instance_type].burstable


def test_no_cheaper_class_would_have_done():
    """Checked against a walk over every class and its listed price, written apart from the product's."""
    answer = plan(8, 100)
    paid = ENGINES["mysql"].price("us-east-1", answer.database.instance_class, multi_az=False)
    assert paid is not None
    for db in catalogue.orderable("mysql", "us-east-1", "8.4"):
        price = ENGINES["mysql"].price("us-east-1", db.name, multi_az=False)
        if price and price.usd < paid.usd and not db.burstable:
            limit = sizing.max_connections(db.name)
            assert limit < 2 * 1200 or db.vcpu < 8, db.name


@pytest.mark.parametrize("active", sizing.SHARD_COUNTS)
@pytest.mark.parametrize("trunking", [True, False])
def test_the_fleet_fits_under_the_cap_with_any_host_lost(active, trunking):
    answer = plan(active, eni_trunking=trunking)
    hosts, tasks = answer.hosts, answer.tasks
    tiers = placement.fleet(
        coreapp=(tasks.coreapp.count, tasks.coreapp.memory_reservation_mib),
        master=(tasks.master.count, tasks.master.memory_reservation_mib),
        webapp=(tasks.webapp.count, tasks.webapp.memory_reservation_mib),
    )
    placed = placement.empty_hosts(hosts.maximum, 3, hosts.task_memory_mib, hosts.tasks_per_host)
    assert placement.place(placed, tiers) == []
    for lost in range(hosts.maximum):
        assert placement.lose(placed, frozenset({lost}), tiers) == []


@pytest.mark.parametrize("active", sizing.SHARD_COUNTS)
@pytest.mark.parametrize("spares", [1, 2])
def test_a_deployment_stops_one_task_at_a_time_and_never_more_than_the_spares(active, spares):
    for task in vars_of(plan(active, spares=spares).tasks):
        kept = ceil(task.count * task.minimum_healthy_percent / 100)  # ECS rounds up
        assert task.count - kept == 1
        assert ceil(task.count * (task.minimum_healthy_percent + 1) / 100) == task.count  # no larger percent would do
        assert task.maximum_percent == 200


def vars_of(tasks):
    return tasks.coreapp, tasks.webapp, tasks.master


def test_without_spares_a_deployment_starts_before_it_stops():
    answer = plan(2, spares=0)
    assert answer.tasks.coreapp.minimum_healthy_percent == 100
    assert any("no spare" in reason for reason in answer.reasons)


def test_every_spare_is_one_coreapp_more_and_the_cap_stays():
    answer = plan(8, spares=3)
    assert (answer.coreapps, answer.tasks.coreapp.count, answer.hosts.maximum) == (11, 11, 5)


def test_heavier_messages_reserve_more_memory():
    reserved = [
        plan(8, message_type=kind).tasks.coreapp.memory_reservation_mib
        for kind in ("text", "image1MB", "image2MB", "image4MB")
    ]
    assert reserved == sorted(reserved)
    assert reserved[0] == 1024


def test_production_never_gets_a_burstable_class_and_staging_may():
    assert plan(1, environment="staging", database_families=("t4g",)).database.instance_class == "db.t4g.2xlarge"
    with pytest.raises(SizingError, match="database_families"):
        plan(1, database_families=("t4g",))


def test_a_region_without_host_prices_says_which_prices_ranked():
    answer = plan(8, region="eu-west-2")
    assert any("us-east-1 prices ranked" in reason for reason in answer.reasons)
    assert answer.monthly_cost.at_cap is None
    assert answer.monthly_cost.unknown


@pytest.mark.parametrize(
    ("arguments", "parameters"),
    [
        ({"active_coreapps": 3}, ["active_coreapps"]),
        ({"active_coreapps": True}, ["active_coreapps"]),
        ({"active_coreapps": "8"}, ["active_coreapps"]),
        ({"active_coreapps": 64}, ["active_coreapps"]),
        ({"messages_per_second": 351}, ["messages_per_second"]),
        ({"messages_per_second": -1}, ["messages_per_second"]),
        ({"messages_per_second": float("inf")}, ["messages_per_second"]),
        ({"tls": "on"}, ["tls"]),
        ({"environment": "test"}, ["environment"]),
        ({"engine": "oracle"}, ["engine"]),
        ({"engine": ["mysql"]}, ["engine"]),
        ({"engine_version": "5.7"}, ["engine_version"]),
        ({"region": "mars-1"}, ["region"]),
        ({"message_type": "fax"}, ["message_type"]),
        ({"model": 3}, ["model"]),
        ({"spares": -1}, ["spares"]),
        ({"spares": 3}, ["spares"]),
        ({"webs": 0}, ["webs"]),
        ({"masters": 1}, ["masters"]),
        ({"database_class": "db.nope"}, ["database_class"]),
        ({"database_class": "db.t4g.2xlarge"}, ["database_class"]),
        ({"database_class": "db.r8g.large", "engine": "mysql", "region": "il-central-1"}, ["database_class"]),
        ({"database_class": "db.m6g.large"}, ["database_class"]),
        ({"database_class": 5}, ["database_class"]),
        ({"host_type": "m7g.large"}, ["host_type"]),
        ({"host_type": "t3.large"}, ["host_type"]),
        ({"host_type": "c6i.large"}, ["host_type"]),
        ({"host_type": "m6i.large", "masters": 9, "webs": 4, "spares": 2}, ["spares"]),
        ({"database_families": "m6g"}, ["database_families"]),
        ({"database_families": ("m4",)}, ["database_families"]),
        ({"database_families": ()}, ["database_families"]),
        ({"host_families": ("z9",)}, ["host_families"]),
        ({"host_families": ("c4",), "eni_trunking": False, "webs": 50}, ["host_families"]),
        ({"database_architecture": "mips"}, ["database_architecture"]),
        ({"availability_zones": 5}, ["availability_zones"]),
        ({"database_storage_gib": 5}, ["database_storage_gib"]),
        ({"nat_gateways": 9}, ["nat_gateways"]),
        ({"interface_endpoints": 1}, ["interface_endpoints"]),
        ({"without_endpoints": "ecs"}, ["without_endpoints"]),
        ({"without_endpoints": ("ecs", "s3")}, ["without_endpoints"]),
        (
            {"active_coreapps": 3, "tls": 1, "environment": "x", "spares": -1, "database_class": "db.nope"},
            ["active_coreapps", "tls", "environment", "spares"],
        ),
        (
            {"spares": 9, "database_class": "db.m4.large", "nat_gateways": -1},
            ["spares", "database_class", "nat_gateways"],
        ),
        ({"database_class": "db.m6g.large", "host_type": "c6i.large"}, ["host_type", "database_class"]),
    ],
)
def test_bad_arguments_are_named_all_at_once(arguments, parameters):
    with pytest.raises(SizingError) as caught:
        plan(**arguments)
    assert [problem.parameter for problem in caught.value.problems] == parameters
    assert all(problem.allowed for problem in caught.value.problems)
    assert len(str(caught.value).splitlines()) == len(parameters)


def test_a_problem_says_value_reason_and_what_is_allowed():
    with pytest.raises(SizingError) as caught:
        plan(8, 100, database_class="db.m6g.large")
    (problem,) = caught.value.problems
    assert problem.reason == "1200 expected connections are over 50 % of its 636"
    assert problem.allowed.startswith("for example db.")
    assert str(problem) == (
        "database_class: got 'db.m6g.large'; "
        f"1200 expected connections are over 50 % of its 636; allowed {problem.allowed}"
    )


def test_where_nothing_else_fits_a_problem_says_so():
    with pytest.raises(SizingError) as caught:
        plan(8, 100, database_class="db.m6g.large", database_families=("m7g",))
    (problem,) = caught.value.problems
    assert problem.allowed == "more families or another engine"


def test_the_reason_does_not_stand_in_what_is_allowed():
    with pytest.raises(SizingError) as caught:
        plan(host_families=("c4",), eni_trunking=False, webs=50)
    (problem,) = caught.value.problems
    assert problem.reason == "no type holds 56 tasks on 3 hosts with one lost"
    assert problem.allowed == "more families or fewer tasks"


def test_too_many_spares_say_how_many_fit():
    with pytest.raises(SizingError, match=r"spares: got 9; allowed 0 to 4"):
        plan(8, spares=9)
    with pytest.raises(SizingError, match=r"spares: got 4; allowed 0 to \d under the cap of 5 hosts"):
        plan(8, spares=4, host_type="c6i.large")


def test_a_plan_is_plain_json():
    answer = plan(8)
    read = json.loads(json.dumps(answer.to_dict()))
    assert read["hosts"]["maximum"] == 5
    assert read["monthly_cost"]["at_cap"] == answer.monthly_cost.at_cap
    assert [each["name"] for each in read["alternatives"]] == [each.name for each in answer.alternatives]


def test_the_next_five_say_why_they_lost():
    runners = plan(8).alternatives
    for kind in ("database", "host"):
        prices = [each.usd_per_hour or 0 for each in runners if each.kind == kind]
        assert len(prices) == 5
        assert prices == sorted(prices)
    assert all(each.reason for each in runners)


def test_an_answer_does_not_depend_on_the_process():
    """Sets have another order in each process, unless the seed of their hashes is the same."""
    code = "import json, sizing; print(json.dumps(sizing.plan(16, 120.0).to_dict()))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=Path(__file__).parents[2],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1


def test_a_class_without_a_price_is_chosen_only_by_name_and_its_cost_is_not_guessed():
    name = "db.m7g.2xlarge"
    assert ENGINES["mysql"].price("us-east-1", name, multi_az=False) is None
    answer = plan(8, database_class=name)
    assert answer.database.instance_class == name
    assert answer.monthly_cost.at_cap is None
    assert answer.monthly_cost.unknown == (f"database {name} Multi-AZ: no price is known for us-east-1",)
    assert answer.monthly_cost.known_at_cap > 0
    with pytest.raises(SizingError, match="database_families"):
        plan(8, database_families=("m7g",))


def test_a_multi_az_price_is_the_listed_one_or_twice_the_single_one_and_marked():
    listed = ENGINES["mysql"].price("us-east-1", "db.r6g.xlarge", multi_az=True)
    assert listed is not None
    assert (listed.usd, listed.doubled) == (0.859, False)
    doubled = ENGINES["mysql"].price("us-east-1", "db.m6g.2xlarge", multi_az=True)
    assert doubled is not None
    assert (doubled.usd, doubled.doubled) == (2 * 0.608, True)
    pair = ENGINES["aurora-mysql"].price("us-east-1", "db.r6g.large", multi_az=True)
    assert pair is not None
    assert (pair.usd, pair.doubled) == (2 * 0.26, False)  # two instances are two prices


def test_totals_are_the_sums_of_their_items():
    cost = plan(8).monthly_cost
    usd = [item.usd or 0 for item in cost.items + cost.hosts_at_cap]
    assert cost.at_cap == pytest.approx(sum(usd))
    for item in cost.items + cost.hosts_at_minimum:
        assert item.usd == pytest.approx(item.quantity * (item.usd_per_unit or 0), abs=0.01)


def test_families_generations_and_architecture_narrow_the_choice():
    assert plan(8, database_families=("r5",)).database.instance_class.startswith("db.r5.")
    assert plan(8, database_architecture="x86_64").database.architecture == "x86_64"
    newer = plan(8, minimum_database_generation=7, minimum_host_generation=7)
    assert catalogue.generation(newer.database.instance_class.split(".")[1]) >= 7
    assert catalogue.generation(newer.hosts.instance_type) >= 7


def test_more_vcpu_a_coreapp_takes_larger_hosts():
    answer = plan(32, host_vcpu_per_coreapp=1)
    assert (answer.hosts.maximum - 1) * answer.hosts.vcpu >= 32
    assert answer.hosts.vcpu > plan(32).hosts.vcpu


@pytest.mark.parametrize("table", sorted(path.stem for path in catalogue.DATA.glob("*.csv")))
def test_every_shipped_row_has_its_source_and_date(table):
    with (catalogue.DATA / f"{table}.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert rows
    if table == "sources":
        used = set()
        for path in catalogue.DATA.glob("*.csv"):
            with path.open(newline="") as lines:
                used |= {
                    row[name] for row in csv.DictReader(lines) for name in ("source", "limit_source") if name in row
                }
        assert {row["id"] for row in rows} == used  # none missing, none left over
        return
    for row in rows:
        assert row["source"]
        assert row["as_of"]


def test_a_region_where_not_every_account_has_three_zones_gets_two_by_default():
    assert plan(region="us-west-1").hosts.availability_zones == 2
    assert plan(region="us-west-1", availability_zones=3).hosts.availability_zones == 3  # an older account has three
    assert plan(region="us-west-2").hosts.availability_zones == 3
    assert plan(region="us-west-2", environment="staging").hosts.availability_zones == 2


def test_each_region_has_its_zones_by_ids_of_its_own():
    ids = [zone for region in catalogue.regions() for zone in catalogue.zones(region).every_account]
    ids += [zone for region in catalogue.regions() for zone in catalogue.zones(region).some_accounts]
    assert len(ids) == len(set(ids))
    assert {region for region in catalogue.regions() if len(catalogue.zones(region).every_account) < 3} == {
        "cn-north-1",
        "us-west-1",
    }
    assert all(catalogue.source_text(catalogue.zones(region).source) for region in catalogue.regions())


def test_endpoints_that_are_left_out_cost_nothing():
    def endpoint_hours(**arguments):
        items = {item.name: item.quantity for item in plan(**arguments).monthly_cost.items}
        return items.get("interface endpoints", 0)

    whole = endpoint_hours()
    assert whole == len(INTERFACE_ENDPOINTS) * 3 * 730
    assert endpoint_hours(without_endpoints=("ecs", "logs")) == whole - 2 * 3 * 730
    assert endpoint_hours(without_endpoints=("ecs", "ecs")) == whole - 3 * 730
    assert endpoint_hours(without_endpoints=INTERFACE_ENDPOINTS) == 0
    assert endpoint_hours(interface_endpoints=False, without_endpoints=("ecs",)) == 0
