"""What jobs cost: measured by each, read from the logs, and told before a run."""

import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from relucells import cli
from relucells.pipeline import costs, full_scale_plan


def test_every_job_of_the_small_run_has_its_cost(small_run):
    """Of one whose log stays, which is all of them but those that a later job overwrote."""
    frame = pd.read_csv(small_run.folder / "results/costs.csv").set_index("rule")
    assert {"fetch_data", "lp_check", "repeat_diameters", "plot_comparison"} <= set(frame.index)
    assert (frame["cpu_s"] > 0.01).all() and (frame["peak_mib"] > 5).all()
    assert (frame["cpu_s_of_the_dearest"] <= frame["cpu_s"] + 0.005).all()
    assert frame.loc["lp_check", "jobs"] == len(list((small_run.folder / "logs/lp_check").rglob("*.log")))


def test_a_busy_job_costs_what_the_system_says():
    before = float(costs.LINE.search(costs.cost_line())[1])
    sum(i * i for i in range(400_000))
    line = costs.cost_line()
    assert float(costs.LINE.search(line)[1]) >= before
    assert costs.LINE.search(f"2026-01-01 00:00:00,000 INFO {line}")


def test_the_memory_of_a_large_parent_is_not_a_childs():
    """A process starts with its parent's peak in ru_maxrss."""
    large = np.ones(50_000_000)  # 400 MB
    ask = "from relucells.pipeline import costs; print(costs.own_peak())"
    source = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", ask], env=source, capture_output=True, text=True, check=True)
    assert large.nbytes < costs.own_peak()
    assert 5e6 < int(done.stdout) < 0.7 * large.nbytes


def test_logs_are_gathered_by_rule(tmp_path):
    for name, seconds, peak in (("a/x", 1.5, 100.0), ("a/y", 0.5, 300.0), ("b", 4.0, 50.0)):
        path = tmp_path / f"{name}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"INFO working\nINFO cost: {seconds} s of CPU time, {peak} MiB at the peak\n")
    (tmp_path / "c.log").write_text("INFO no cost here\n")
    rows = costs.by_rule(costs.read_costs(tmp_path))
    assert [row["rule"] for row in rows] == ["b", "a"]
    assert rows[1] == {"rule": "a", "jobs": 2, "cpu_s": 2.0, "cpu_s_of_the_dearest": 1.5, "peak_mib": 300.0}


def test_an_estimate_takes_the_means_and_names_what_it_does_not_know():
    rows = [{"rule": "a", "jobs": "4", "cpu_s": "8"}]
    assert costs.estimate({"a": 3, "new": 1}, rows) == (6.0, ["new"])


def test_the_command_says_what_a_target_costs(monkeypatch, tmp_path, capsys):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/costs.csv").write_text("rule,jobs,cpu_s\nlp_check,2,10\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(costs, "planned_jobs", lambda target, arguments: {"lp_check": 6, "paper": 1})
    assert cli.main(["costs", "paper", "--cores", "2"]) == 0
    said = capsys.readouterr().out
    assert "7 jobs, about 30 s of CPU time, 0.2 minutes on 2" in said
    assert "without a measurement: paper" in said


def test_each_rule_is_known_from_the_newest_source_that_has_it(tmp_path):
    for name, rows in {"results": "a,1,3\nb,1,4\n", "reference": "b,1,5\nc,1,6\n"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "costs.csv").write_text("rule,jobs,cpu_s\n" + rows)
    assert costs.last_costs(tmp_path)[1] == ["results/costs.csv", "reference/costs.csv"]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/a.log").write_text("INFO cost: 9 s of CPU time, 100 MiB at the peak\n")
    rows, sources = costs.last_costs(tmp_path)
    assert {row["rule"]: float(row["cpu_s"]) for row in rows} == {"a": 9.0, "b": 4.0, "c": 6.0}
    assert sources == ["logs", "results/costs.csv", "reference/costs.csv"]
    assert costs.estimate({"a": 2, "c": 1}, rows) == (24.0, [])


def resources_of_rules() -> dict[str, tuple[float, float] | None]:
    """(mem_mb, runtime in minutes) of each rule that runs on a cluster's nodes; None without them."""
    found: dict[str, tuple[float, float] | None] = {}
    for path in (ROOT / "workflow").rglob("*.smk"):
        text = path.read_text(encoding="utf-8")
        text = text.replace("full_scale_plan.memory(int(wildcards.K))", str(full_scale_plan.memory(10)))
        for block in re.split(r"^rule ", text, flags=re.MULTILINE)[1:]:
            if "script:" in block and "localrule" not in block:
                memory, minutes = (
                    re.search(rf"^        {name}=(?:lambda wildcards: )?(\d+)", block, re.MULTILINE)
                    for name in ("mem_mb", "runtime")
                )
                name = block.partition(":")[0]
                found[name] = (float(memory[1]), float(minutes[1])) if memory and minutes else None
    return found


def test_every_rule_of_a_cluster_asks_for_more_than_it_took_in_the_reference():
    asked = resources_of_rules()
    assert len(asked) > 20 and None not in asked.values()
    measured = pd.read_csv(ROOT / "reference/costs.csv").set_index("rule")
    for name in set(asked) & set(measured.index):
        memory, minutes = asked[name]
        assert memory > 1.2 * measured.loc[name, "peak_mib"]
        assert minutes * 60 > 3 * measured.loc[name, "cpu_s_of_the_dearest"]


def test_without_a_measurement_the_command_says_what_to_do(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["costs", "paper"]) == 1
    assert re.search("results/costs.csv .*project's folder", capsys.readouterr().err)


def test_jobs_are_counted_by_a_dry_run(small_run, monkeypatch):
    monkeypatch.chdir(small_run.folder)
    snakefile = ["--snakefile", str(small_run.project / "Snakefile"), "--configfile", "settings.yaml"]
    assert costs.planned_jobs("results/tables/witnesses.md", snakefile)["follow_witnesses"] > 0
    with pytest.raises(ValueError, match="nonsense"):
        costs.planned_jobs("nonsense", snakefile)
