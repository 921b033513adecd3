"""What jobs cost: CPU time and peak memory, as each job's log says in its last line.

When a job ends, ``relucells.pipeline.job`` asks the operating system and writes a line into the log. This
module reads it. Short jobs are measured too.
"""

import csv
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

LINE = re.compile(r"cost: ([\d.]+) s of CPU time, ([\d.]+) MiB at the peak$")
UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in ru_maxrss


def cost_line() -> str:
    """This process and the children it has waited for, as a line of the log."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    peak = max(own_peak(), children.ru_maxrss * UNIT)
    return f"cost: {seconds:.2f} s of CPU time, {peak / 2**20:.1f} MiB at the peak"


def own_peak() -> int:
    """The most memory that this process has had, in bytes.

    On Linux ru_maxrss starts at what the process that started this one had by then (Snakemake, 150 MiB).
    VmHWM does not.
    """
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return 1024 * int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT


def read_costs(logs: Path) -> list[tuple[str, float, float]]:
    """(rule, CPU seconds, MiB) of every job with a log below ``logs``, from the newest run of each."""
    found = []
    for path in sorted(logs.rglob("*.log")):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        costs = [match for line in lines[-3:] if (match := LINE.search(line))]
        if costs:
            rule = path.relative_to(logs).parts[0].removesuffix(".log")
            found.append((rule, float(costs[-1][1]), float(costs[-1][2])))
    return found


def by_rule(costs: Iterable[tuple[str, float, float]]) -> list[dict[str, object]]:
    """A row for each rule, dearest first: jobs, CPU seconds of all jobs and of the dearest, peak MiB."""
    rules: dict[str, list[tuple[float, float]]] = {}
    for rule, seconds, peak in costs:
        rules.setdefault(rule, []).append((seconds, peak))
    rows = [
        {
            "rule": rule,
            "jobs": len(found),
            "cpu_s": round(sum(seconds for seconds, _ in found), 2),
            "cpu_s_of_the_dearest": round(max(seconds for seconds, _ in found), 2),
            "peak_mib": round(max(peak for _, peak in found), 1),
        }
        for rule, found in rules.items()
    ]
    return sorted(rows, key=lambda row: (-float(str(row["cpu_s"])), str(row["rule"])))


def last_costs(folder: Path) -> tuple[list[dict[str, object]], list[str]]:
    """What is known of each rule, rows as ``by_rule`` has them, and the names of the sources.

    First the logs of the last run in the folder, of jobs of every target; then its results/costs.csv; then
    the reference's. A rule's costs are from the first source that has it.
    """
    found: dict[str, dict[str, object]] = {}
    sources = []
    for name in ("logs", "results/costs.csv", "reference/costs.csv"):
        path = folder / name
        rows: list[dict[str, object]] = []
        if path.is_dir():
            rows = by_rule(read_costs(path))
        elif path.is_file():
            with path.open(encoding="utf-8", newline="") as file:
                rows = list(csv.DictReader(file))
        new = [row for row in rows if row["rule"] not in found]
        if new:
            sources.append(name)
        found |= {str(row["rule"]): row for row in new}
    return list(found.values()), sources


def planned_jobs(target: str, arguments: Iterable[str] = ()) -> dict[str, int]:
    """How many jobs of each rule a target would run here, by a dry run of Snakemake.

    Raises ValueError with Snakemake's last line where the dry run fails.
    """
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--quiet", "rules", *arguments, "--", target]
    done = subprocess.run(command, capture_output=True, text=True)
    text = done.stderr + done.stdout  # a dry run says on stdout what is wrong with its target
    if done.returncode:
        raise ValueError(next((line for line in reversed(text.splitlines()) if line.strip()), "no output"))
    jobs = {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)}
    jobs.pop("total", None)
    return jobs


def estimate(jobs: Mapping[str, int], rows: Iterable[Mapping[str, object]]) -> tuple[float, list[str]]:
    """(CPU seconds, rules without a measurement) of so many jobs, each at its rule's mean."""
    means = {str(row["rule"]): float(str(row["cpu_s"])) / float(str(row["jobs"])) for row in rows}
    known = sum(count * means[rule] for rule, count in jobs.items() if rule in means)
    return known, sorted(rule for rule in jobs if rule not in means)
