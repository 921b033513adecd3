"""configs/tour.yaml: every section of the whole report, in few jobs."""

import re

from conftest import ROOT

from relucells.pipeline.costs import planned_jobs

MOST_JOBS = 150
# Asked for by name, or about files of a user's own.
NOT_OF_A_RUN = {"check_reference", "read_network", "examine_network", "tabulate_networks"}


def test_the_tour_runs_every_rule_of_everything_in_few_jobs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(ROOT / "configs/tour.yaml")]
    jobs = planned_jobs("everything", arguments)
    assert sum(jobs.values()) < MOST_JOBS
    rules = set()
    for path in (ROOT / "workflow").rglob("*.smk"):
        for block in re.split(r"^rule ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
            if "script:" in block:  # the others are targets
                rules.add(block.partition(":")[0])
    assert rules - NOT_OF_A_RUN <= set(jobs)
