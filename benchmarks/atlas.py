"""CPU time of the atlas: every cell of two neurons decided and checked, descents, picture and page.

    python benchmarks/atlas.py --samples 40

Runs the target's files through Snakemake in a folder of its own and counts the CPU time of all processes;
the slices, which need images, are left out. 40 samples make 6,400 cells under four sign vectors.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("results/atlas.html", "results/figures/atlas.pdf", "results/atlas/descents.csv")


def cpu_seconds(samples: int, folder: Path) -> float:
    """CPU seconds, user and system, of all processes of one run."""
    (folder / "settings.json").write_text(json.dumps({"atlas": {"N": samples}}), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile", "--directory", folder]
    command += ["--cores", "1", "--quiet", "all", "--configfile", folder / "settings.json", "--", *FILES]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=40, help="2 to 40")
    samples = parser.parse_args().samples
    with tempfile.TemporaryDirectory() as folder:
        seconds = cpu_seconds(samples, Path(folder))
        size = (Path(folder) / FILES[0]).stat().st_size
    print(f"{samples} samples: {seconds:.0f} s of CPU time, page of {size / 1e6:.2f} MB")
