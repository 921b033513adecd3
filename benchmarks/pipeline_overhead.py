"""CPU time of Tables I–V by the pipeline, and of the same numerics in a single process.

    python benchmarks/pipeline_overhead.py [--data_dir FOLDER] [--cores 2] [--trials 100]

Both do all work from the raw images to the five tables: the pipeline as its users run it, with every
process it starts counted; the single process by calling the functions behind the rules one after the
other, with one import of each library and no file between the steps. The tables must come out equal.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "workflow" / "scripts"
PATHS = [ROOT / "src", SCRIPTS / "data", SCRIPTS / "trials", SCRIPTS / "tables"]
TABLES = [f"results/tables/table_{n}.csv" for n in range(1, 6)]
# One thread each, as in Snakemake's jobs.
ENVIRONMENT = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], folder: Path) -> tuple[float, float]:
    """(CPU seconds of the command and all that it starts, wall seconds)."""
    before, started = cpu_of_children(), time.monotonic()
    subprocess.run(command, cwd=folder, env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL)
    return cpu_of_children() - before, time.monotonic() - started


def single_process(folder: Path, images: Path, trials: int) -> None:
    """Everything between the fetched images and the tables, in this process."""
    sys.path[:0] = map(str, PATHS)
    import numpy as np
    import yaml
    from aggregate_tables import summarise
    from gd_verify import gd_verify
    from lp_check import lp_check
    from make_binary_subsets import make_subset
    from solve_minima import solve_minima

    from relucells.cells.inspection import sample_weights
    from relucells.certify.stored import pack
    from relucells.pipeline.names import bias_token

    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    rows = []
    for name, entry in config["datasets"].items():
        source = None if entry["source"] == "gaussian" else images / f"{entry['source']}.npz"
        samples = {key: entry[key] for key in ("source", "classes", "d", "N") if key in entry}
        subset = make_subset(name, samples, source, config["seed"])
        X, y = subset["X"], subset["y"]
        for bias in map(bias_token, entry["biases"]):
            draws = sample_weights(
                config["seed"],
                name,
                bias,
                range(trials),
                entry["K"],
                X.shape[1],
                config["sample_weights"]["bias"],
            )
            minima = solve_minima(X, y, draws["W"])
            lp = pack(lp_check(X, y, minima["pattern"], config["lp_check"]["time_limit"]))
            descent = None
            if entry.get("descent", True):
                descent = gd_verify(X, y, draws["W"], draws["z"], config["gd_verify"])
            rows.append(summarise(minima, lp, descent, config["confidence"])["genuine_pct"])
    np.savetxt(folder / "genuine.txt", rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data_dir", help="folder with official image files")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--single", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.single:
        single_process(options.single, options.single / "data" / "images", options.trials)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        settings = [f"trials={options.trials}", f"trials_per_job={options.trials}"]
        if options.data_dir:
            settings.append(f"data_dir={Path(options.data_dir).resolve()}")
        snakemake = [sys.executable, "-m", "snakemake"]
        how = ["--snakefile", str(ROOT / "Snakefile"), "--cores", str(options.cores)]
        how += ["--config", *settings, "--quiet", "all"]
        images = [f"data/images/{name}.npz" for name in ("mnist", "cifar10")]
        fetching, _ = timed([*snakemake, *images, *how], folder)
        pipeline, wall = timed([*snakemake, *TABLES, *how], folder)
        single = [sys.executable, __file__, "--single", str(folder), "--trials", str(options.trials)]
        alone, _ = timed(single, folder)
        import pandas as pd

        made = pd.concat(pd.read_csv(folder / table)["genuine_pct"] for table in TABLES)
        same = [float(line) for line in (folder / "genuine.txt").read_text().split()]
        assert made.tolist() == same, "the two did not compute the same tables"
    print(f"fetching images, the same for both     {fetching:7.1f} s CPU")
    print(f"pipeline, {options.cores} cores                     {pipeline:7.1f} s CPU {wall:7.1f} s wall")
    print(f"same numerics in a single process     {alone:8.1f} s CPU")
    print(f"ratio                                 {pipeline / alone:8.2f}")


if __name__ == "__main__":
    main()
