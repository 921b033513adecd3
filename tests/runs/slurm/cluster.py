"""A real Slurm with a single node on this machine, for the tests.

It needs root and Debian's packages slurm-wlm and munge, neither systemd nor cgroups. Everything it
writes stays in one folder, except /etc/slurm/slurm.conf: a job step loses SLURM_CONF and looks there.

    python tests/slurm/cluster.py FOLDER      runs one until Ctrl-C
"""

import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

CONFIGURATION = Path("/etc/slurm/slurm.conf")
TEMPLATE = Path(__file__).with_name("slurm.conf")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel")
MEMORY_MB = 16000  # as handed out; nobody checks that the machine has so much
PATIENCE = 900  # seconds for the node to come up, on a machine that does much else


def obstacle() -> str | None:
    """Why no cluster can be started here, or None."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        return f"Slurm is not installed ({', '.join(missing)}): apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "a Slurm node needs root"
    if CONFIGURATION.exists() and not _is_ours():
        return f"this machine has a Slurm of its own ({CONFIGURATION})"
    return None


def _is_ours() -> bool:
    return CONFIGURATION.read_text().startswith(TEMPLATE.read_text().splitlines()[0])


class Cluster:
    """munged, slurmctld and slurmd as child processes, which end with the process that started them."""

    def __init__(self, folder: Path):
        self.folder = folder.resolve()
        self.daemons: dict[str, subprocess.Popen] = {}
        self.turn: IO | None = None

    def start(self) -> None:
        """Wait until no other test run on this machine has one: it has one configuration and set of ports."""
        CONFIGURATION.parent.mkdir(exist_ok=True)
        self.turn = CONFIGURATION.with_suffix(".lock").open("w")
        fcntl.flock(self.turn, fcntl.LOCK_EX)
        for name in ("controller", "node"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        text = TEMPLATE.read_text()
        for key, value in {
            "HOST": socket.gethostname().split(".")[0],
            "STATE": self.folder,
            "CPUS": os.cpu_count(),
            "MEMORY": MEMORY_MB,
        }.items():
            text = text.replace(f"@{key}@", str(value))
        CONFIGURATION.write_text(text)
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
        self._launch(
            "munged",
            "--foreground",
            "--force",  # the folder may be one that others cannot enter
            *(f"--{kind}-file={self.folder / f'munge.{kind}'}" for kind in ("key", "log", "pid", "seed")),
            f"--socket={self.folder / 'munge.socket'}",
        )
        self._wait("munged", lambda: (self.folder / "munge.socket").exists())
        self.start_controller()
        self._launch("slurmd", "-D")
        self._wait("slurmd", lambda: self._ask("sinfo", "-h", "-o", "%T") in ("idle", "mixed", "allocated"))

    def stop(self) -> None:
        if "slurmctld" in self.daemons:
            self._ask("scancel", "--me")
            deadline = time.monotonic() + PATIENCE
            while self._ask("squeue", "-h") and time.monotonic() < deadline:
                time.sleep(0.2)
        for name in reversed(list(self.daemons)):
            self._end(name)
        if self.turn:
            if CONFIGURATION.exists() and _is_ours():
                CONFIGURATION.unlink()
            self.turn.close()

    def start_controller(self) -> None:
        self._launch("slurmctld", "-D")
        self._wait("slurmctld", lambda: "UP" in self._ask("scontrol", "ping"))

    def stop_controller(self) -> None:
        self._end("slurmctld")

    def jobs(self, state: str) -> list[str]:
        """Ids of the jobs in a state, as squeue names it: RUNNING, PENDING …"""
        return self._ask("squeue", "-h", "-t", state, "-o", "%i").split()

    def _launch(self, program: str, *arguments: str) -> None:
        with (self.folder / f"{program}.out").open("ab") as output:
            self.daemons[program] = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", program, *arguments],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )

    def _end(self, program: str) -> None:
        daemon = self.daemons.pop(program)
        daemon.terminate()
        try:
            daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def _wait(self, program: str, ready) -> None:
        deadline = time.monotonic() + PATIENCE
        while not ready():
            if self.daemons[program].poll() is not None or time.monotonic() > deadline:
                logs = "".join(
                    log.read_text(errors="replace")[-2000:] for log in self.folder.glob(f"{program}.*o*")
                )
                raise RuntimeError(f"{program} did not come up: {logs}")
            time.sleep(0.1)

    @staticmethod
    def _ask(*command: str) -> str:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        except subprocess.TimeoutExpired:
            return ""
        return done.stdout.strip()


if __name__ == "__main__":
    if len(sys.argv) != 2 or obstacle():
        sys.exit(obstacle() or __doc__)
    cluster = Cluster(Path(sys.argv[1]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends it too
    try:
        cluster.start()
        print("up; Ctrl-C ends it", flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        cluster.stop()
