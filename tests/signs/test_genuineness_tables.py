"""From decisions to the table and the figure, on a data set that takes seconds."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from decide_conventions import decide_conventions
from find_lower_loss import lowest_loss
from follow_witnesses import columns, follow, network_of, perturbed, stable_step
from lp_check import lp_check
from plot_genuineness import draw, heights
from tabulate_genuineness import add_printed, conventions_table, descent_table, readable, summarise
from verify_certificates import check

from relucells.cells.inspection import draw_weights
from relucells.certify.quality import Quality
from relucells.descent import gradient
from relucells.pipeline.conventions import CONVENTIONS, step_of
from relucells.pipeline.decisions import read_decisions, write_decisions
from relucells.pipeline.job import write_npz
from relucells.samples.gaussian import two_gaussians
from relucells.samples.inputs import prepare
from relucells.samples.randomness import stream

LIMITS = {"program_limit": 50, "time_limit": None}
TRIALS, K = 6, 5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Decisions, checks and files of two biases, as the rules make them."""
    folder = tmp_path_factory.mktemp("genuineness")
    X, y = two_gaussians(3, 60, stream(0, "tables"))
    draws = [draw_weights(stream(0, "tables", "start", n), K, 4, 0.0) for n in range(2)]
    lower = lowest_loss(X, y, *map(np.stack, zip(*draws, strict=True)), iterations=300)
    files = {"verified": [], **{name: [] for name in CONVENTIONS}}
    found = {}
    for bias in (0, 20):
        draws = [draw_weights(stream(0, "tables", bias, n), K, 4, bias) for n in range(TRIALS)]
        W, z = map(np.stack, zip(*draws, strict=True))
        patterns = np.stack([X @ w.T > 0 for w in W])
        block, facts = folder / "mini" / str(bias) / "000-005", {"dataset": "mini", "bias": str(bias)}
        facts |= {"trial": np.arange(TRIALS)}
        made = {"positive": lp_check(X, y, patterns, 60)} | decide_conventions(X, y, patterns, z, LIMITS)
        for name, of_convention in made.items():
            files[name].append(str(block / f"{step_of(name)}.npz"))
            write_decisions(files[name][-1], name, of_convention, **facts)
        decisions = read_decisions(files[name][-1] for name in CONVENTIONS)
        checked = {}
        for convention, of_convention in decisions.items():
            levels, qualities = check(
                prepare(X), y, patterns, of_convention, Quality("bad", lower.W, lower.z)
            )
            checked |= {f"{convention}_level": levels, f"{convention}_quality": qualities}
        files["verified"].append(str(block / "verified.npz"))
        write_npz(files["verified"][-1], **facts, **checked)
        found[bias] = (W, z, patterns, decisions, checked)
    return X, y, lower, found, files


def test_all_certificates_are_proven(run):
    for *_, decisions, checked in run[3].values():
        assert list(decisions) == list(CONVENTIONS)
        for convention, of_convention in decisions.items():
            decided = np.array([decision.verdict != "undecided" for decision in of_convention])
            assert (checked[f"{convention}_level"][decided] == "proven").all()


def test_a_broken_certificate_is_counted(run):
    X, y, lower, found, _ = run
    _, _, patterns, decisions, _ = found[0]
    broken = [dataclasses.replace(decision, loss=decision.loss + 1) for decision in decisions["positive"]]
    levels, qualities = check(prepare(X), y, patterns, broken, Quality("bad", lower.W, lower.z))
    row = summarise(np.array([d.verdict for d in broken]), levels, qualities, 0.95)
    assert row["verified_pct"] == 0 and row["genuine_pct"] == 0


def test_conventions_include_each_other(run):
    """What is genuine for given signs is genuine for some choice; positive is one of the uniform ones."""
    for *_, decisions, _ in run[3].values():
        genuine = {name: np.array([d.verdict == "genuine" for d in ds]) for name, ds in decisions.items()}
        assert not (genuine["positive"] & ~genuine["uniform"]).any()
        assert not (genuine["uniform"] & ~genuine["exists"]).any()
        assert not (genuine["sampled"] & ~genuine["exists"]).any()


def test_all_active_cells_are_bad_where_the_signs_differ(run):
    *_, z, patterns, decisions, checked = (None, *run[3][20])
    mixed = np.abs(np.sign(z).sum(axis=1)) < K
    full = patterns.all(axis=(1, 2))
    assert (mixed & full).any()
    for n in np.flatnonzero(mixed & full):
        assert decisions["sampled"][n].verdict == "genuine"
        assert checked["sampled_quality"][n] == "bad"


def test_table_counts_the_decisions_and_figure_shows_them(run):
    _, _, _, found, files = run
    entry = {"dataset": "gaussian", "d": 3, "K": K, "N": 60, "biases": [0, 20], "data_source": "gaussian"}
    decisions = {name: files[name] for name in CONVENTIONS}
    frame = conventions_table({"mini": entry}, decisions, files["verified"], 0.95)
    assert list(frame["convention"]) == [*CONVENTIONS, *CONVENTIONS] and (frame["n_trials"] == TRIALS).all()
    printed = pd.DataFrame(
        {"dataset": ["gaussian"], "d": [3], "K": [K], "N": [60], "bias": ["20"], "column": ["genuine_pct"]}
    ).assign(printed=["40"])
    assert add_printed(frame, printed, {"mini": {"": "other"}})["paper_genuine_pct"].isna().all()
    frame = add_printed(frame, printed, {"mini": {"trapped_pct": "another descent"}})
    assert set(frame.loc[frame["bias"] == "20", "paper_genuine_pct"]) == {40.0}
    assert frame.loc[frame["bias"] == "0", "paper_genuine_pct"].isna().all()
    for row in frame.itertuples():
        verdicts = [d.verdict for d in found[int(row.bias)][3][row.convention]]
        assert row.genuine_pct == pytest.approx(100 * verdicts.count("genuine") / TRIALS)
        assert row.genuine_pct_low <= row.genuine_pct <= row.genuine_pct_high
    assert "paper's genuine %" in readable(frame)
    shown = heights(frame)
    assert (shown[["bad", "global", "open", "undecided"]].sum(axis=1) <= 100 + 1e-6).all()
    figure = draw(shown)
    assert len([axes for axes in figure.axes if axes.has_data()]) == 1


def test_descent_stays_at_certified_minima(run, tmp_path):
    X, y, _, found, _ = run
    W, z, patterns, decisions, _ = found[20]
    n = next(n for n, decision in enumerate(decisions["exists"]) if decision.verdict == "genuine")
    decision, inputs = decisions["exists"][n], prepare(X)
    start = network_of(decision, W[n], z[n])
    assert (X @ start[0].T > 0).tolist() == patterns[n].tolist()
    by_W, by_z = gradient(X, y, *start)
    assert max(np.abs(by_W).max(), np.abs(by_z).max()) < 1e-9
    near = perturbed(inputs, *start, 0.1, stream(0, "near"))
    assert (X @ near[0].T > 0).tolist() == patterns[n].tolist()
    settings = {"step": 1e-6, "gradient_tolerance": 1e-3, "max_steps": 5000}
    runs = follow(inputs, y, {"witness": start, "perturbed": near}, settings)
    assert [one["outcome"] for one in runs] == ["trapped", "trapped"]
    assert runs[1]["steps"] > 0 and abs(runs[1]["loss"] - decision.loss) < 1e-4
    rows = [one | {"trial": n, "convention": "exists", "minimum": decision.loss} for one in runs]
    path = tmp_path / "mini" / "20.npz"
    write_npz(path, dataset="mini", bias="20", **columns(rows))
    entry = {"dataset": "gaussian", "d": 3, "K": K, "N": 60, "biases": [20], "data_source": "gaussian"}
    table = descent_table({"mini": entry}, [str(path)])
    assert table["trapped"].tolist() == [1, 1, 0] and table["n_runs"].tolist() == [1, 1, 0]


def test_stable_step_is_the_inverse_of_the_largest_curvature():
    rng = stream(0, "curvature")
    X, W, z = rng.standard_normal((12, 3)), rng.standard_normal((4, 3)), rng.standard_normal(4)
    values = X @ W.T
    active = values > 0
    rows = np.column_stack([*(z[j] * active[:, [j]] * X for j in range(4)), active * values])
    largest = np.linalg.eigvalsh(2 / 12 * rows @ rows.T)[-1]
    assert stable_step(prepare(X), W, z) == pytest.approx(1 / largest)
    assert stable_step(prepare(np.abs(X)), -np.abs(W), z) == 0.0
