"""What people see: pictures, tables for notebooks, explanations and the command line."""

import io
import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

import sizing
from sizing import SizingError, availability, plan, sweep
from sizing.__main__ import main
from sizing.show import plots

PICTURES = {
    "plan": lambda: plan(32).plot(),
    "plan beyond the map": lambda: plan(32, 900, tls=False).plot(),
    "cost": lambda: plots.cost(sweep(messages_per_second=range(351))),
    "hosts": plots.hosts,
    "staging hosts": lambda: plots.hosts("staging"),
    "nines": lambda: plots.nines([plan(8, spares=spares) for spares in range(5)]),
    "one plan's nines": lambda: plots.nines([plan(2)]),
}


@pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)
def test_a_picture_is_opaque_white_and_its_labels_are_whole_and_apart(draw):
    figure = draw()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    out = io.BytesIO()
    canvas.print_png(out)
    out.seek(0)
    pixels = matplotlib.image.imread(out)
    assert (pixels[..., 3] == 1).all()  # reads on dark pages too
    assert (pixels[0, 0, :3] == 1).all()
    assert pixels[..., :3].std() > 0.05  # something is drawn
    page = figure.bbox
    (axes,) = figure.axes
    boxes = [child.get_window_extent() for child in axes.get_children() if isinstance(child, Annotation)]
    for box in boxes:
        assert page.x0 <= box.x0 <= box.x1 <= page.x1
        assert page.y0 <= box.y0 <= box.y1 <= page.y1
    assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]


def test_a_cost_picture_of_mixed_or_unpriced_rows_is_refused():
    with pytest.raises(SizingError, match="one value of tls, region"):
        plots.cost(sweep(8, [10, 20], tls=[True, False], region=["us-east-1", "eu-west-1"]))
    with pytest.raises(SizingError, match="a region with known prices"):
        plots.cost(sweep(8, [10, 20], region="eu-west-2"))
    with pytest.raises(SizingError, match="a region with known prices"):
        plots.nines([plan(8, region="eu-west-1")])


def test_tables_for_notebooks_have_no_script_and_no_colour_of_their_own():
    answer = plan(8)
    for table in (answer, answer.connections, answer.alternatives):
        html = table._repr_html_()
        assert html.startswith("<table")
        assert "<script" not in html
        # No colour of text or ground of their own: they take the page's, light or dark.
        assert not re.search(r"(?<!border-)(color|background)\s*:", html)
    assert answer.database.instance_class in answer._repr_html_()


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-west-2"])
@pytest.mark.parametrize("engine", ["mysql", "aurora-mysql", "postgres"])
def test_an_explanation_has_source_and_date_of_every_figure(region, engine):
    answer = plan(8, region=region, engine=engine)
    text = answer.explain()
    for reason in answer.reasons:
        assert reason in text
    for item in answer.monthly_cost.items + answer.monthly_cost.hosts_at_cap:
        (line,) = {line for line in text.splitlines() if line.startswith(f"  {item.name}: ") and "minimum" not in line}
        if item.usd is None:
            assert f"no price is known for {region}" in line
        else:
            assert re.search(r"(http|offer|cfn-lint|list)", line)
            assert re.search(r"\d{4}-\d{2}|undated", line)
    facts = text.split("\nFacts\n")[1].split("\n\n")[0].splitlines()
    assert len(facts) == 6
    for fact in facts:
        assert fact.endswith(")")  # the source
    assert f"{answer.hosts.tasks_per_host} tasks a host (" in facts[1]
    assert f"{answer.database.max_connections} connections (" in facts[3]


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "sizing", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )


def test_the_command_line_prints_a_table_for_people():
    done = run("plan", "--rate", "120", "--region", "eu-west-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^Active coreapps +16 \+ 1 spare, 120 messages/s$", done.stdout, re.M)


def test_the_command_line_gives_programs_the_whole_plan(capsys):
    assert main(["plan", "--active", "8", "--no-tls", "--spares", "2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(plan(8, tls=False, spares=2).to_dict()))


def test_the_command_line_explains(capsys):
    assert main(["plan", "--rate", "40", "--database-families", "m6g", "r6g", "--explain"]) == 0
    out = capsys.readouterr().out
    assert "Runners-up" in out
    assert plan(messages_per_second=40, database_families=("m6g", "r6g")).explain() in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["plan", "--active", "3", "--spares", "-1"],
            ["--active: active_coreapps: got 3;", "--spares: spares: got -1;"],
        ),
        (["plan", "--rate", "fast"], ["invalid float value: 'fast'"]),
        (["plan", "--database-class", "db.m4.large"], ["db.m5.large"]),
        (["plan", "--json", "--explain"], ["not allowed with argument"]),
        ([], ["required"]),
    ],
)
def test_bad_input_ends_with_status_two_and_no_traceback(arguments, said):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for each in said:
        assert each in done.stderr


def test_every_argument_of_plan_has_a_flag(capsys):
    with pytest.raises(SystemExit):
        main(["plan", "--help"])
    shown = capsys.readouterr().out
    from inspect import signature

    from sizing.__main__ import FLAGS

    for argument in signature(plan).parameters:
        if argument != "model":  # a model lives in Python only
            assert FLAGS.get(argument, "--" + argument.replace("_", "-")) in shown


def test_every_public_name_loads():
    for name in sizing.__all__:
        assert getattr(sizing, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = sizing.nothing  # type: ignore[attr-defined]


def test_the_numbers_of_the_nines_picture_are_the_plans():
    plans = [plan(8, spares=spares) for spares in range(3)]
    (axes,) = plots.nines(plans).axes
    drawn = np.array(axes.lines[0].get_xydata())
    assert drawn[:, 1] == pytest.approx([availability(each).unavailable_minutes for each in plans])
    assert drawn[:, 0] == pytest.approx([each.monthly_cost.at_cap or 0 for each in plans])


def test_a_calibrated_plan_is_drawn_from_its_own_model():
    dice = np.random.default_rng(3)
    loads = pd.DataFrame(
        [(active, rate) for active in (4, 8) for rate in range(10, 110, 10)], columns=["coreapps", "rate"]
    )
    loads["tls"] = True
    loads["connections"] = 60 + 22 * loads.coreapps + 3.5 * loads.rate + dice.normal(0, 20, len(loads))
    answer = plan(8, 100, model=sizing.calibrate(loads))
    (axes,) = answer.plot().axes
    line = np.array(axes.lines[0].get_xydata())
    at = np.interp(100, line[:, 0], line[:, 1])
    assert at == pytest.approx(answer.connections.expected, abs=2)
    assert "model" not in answer.to_dict()
