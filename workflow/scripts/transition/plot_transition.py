"""Three pictures: shares over N, how the N of one half scales with K and d, and all kinds of data."""

import numpy as np
import pandas as pd
from compare_kinds import OTHERS, PROPERTIES
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from relucells.pipeline.figures import BLACK, BLUE, GREY, PAGE_WIDTH, RED, SERIES, YELLOW, new_figure, save
from relucells.pipeline.job import job, write_csv
from relucells.pipeline.paper import display_name

STYLES = {
    "sampled": {"color": BLUE, "linestyle": "-", "marker": "o"},
    "exists": {"color": RED, "linestyle": "--", "marker": "s"},
    "global among covered": {"color": GREY, "linestyle": "-", "marker": "v"},
    "full rank": {"color": BLACK, "linestyle": ":", "marker": "D"},
    "covered": {"color": YELLOW, "linestyle": "-.", "marker": "^"},
}
WORDS = {
    "sampled": "genuine, signs of the drawn z",
    "exists": "genuine, some choice of signs",
    "global among covered": "genuine and full rank, among covered cells",
    "full rank": "A has full row rank",
    "covered": "covered: a neuron of its sign for every active sample",
}
MAPPED = ("sampled", "exists", "full rank", "covered")
SCALED = "global among covered"  # the share whose laws are drawn, without cells that the signs exclude
BOUNDS = {"above": ("low", ">"), "below": ("high", "<")}  # the end that is known, and its marker
COLUMNS = 4  # panels in a row of the map
LINES = ("c K D", "c (K + D)", "2 K D / (K + 2)", "Σδ = N − ½")  # beside the best law


def name_kind(kind: str, source: str = "official") -> str:
    """A kind of data as readers know it, with the source of images that are not the official ones."""
    first, _, rest = kind.partition("_")
    marked = "" if source in ("official", "gaussian") else f" ({source})"
    return f"{display_name(first)} {rest.replace('_', ' ')}".strip() + marked


def log_axis(axis, label: str) -> None:
    """A logarithmic axis with few, plain numbers. Call it after drawing."""
    low, high = axis.get_view_interval()
    axis.set_major_locator(LogLocator(10, subs=(1, 2, 5) if high / low < 40 else (1,), numticks=9))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
    axis.set_label_text(label)


def spread(values: list, most: int) -> list:
    """At most so many of the sorted values, evenly, both ends among them."""
    values = sorted(values)
    return [values[i] for i in sorted(set(np.linspace(0, len(values) - 1, most).round().astype(int)))]


def sweep(points: pd.DataFrame, kind: str, along: str) -> pd.DataFrame:
    """The series of a kind at the smallest |bias| along K or d, at the other's most frequent value."""
    own = points[points["kind"] == kind][["kind", "d", "K", "bias"]].drop_duplicates()
    own = own[own["bias"].abs() == own["bias"].abs().min()]
    other = "d" if along == "K" else "K"
    return own[own[other] == own[other].mode().iloc[0]].sort_values(along)


def panels_of_map(points: pd.DataFrame) -> list[pd.DataFrame]:
    """Rows of the map, each a frame of at most ``COLUMNS`` series: along K, along d, images, other biases."""
    kinds = [kind for kind in ("gaussian", "mnist") if kind in set(points["kind"])]
    kinds = kinds or [points["kind"].iloc[0]]
    rows = [sweep(points, kinds[0], "K"), *(sweep(points, kind, "d") for kind in kinds)]
    own = points[points["kind"] == kinds[0]][["kind", "d", "K", "bias"]].drop_duplicates()
    biased = own[own["bias"] != rows[0]["bias"].iloc[0]].sort_values(["K", "bias"])
    chosen = []
    for row in [*rows, biased]:
        seen = {tuple(line) for earlier in chosen for line in earlier.itertuples(index=False)}
        new = row[[tuple(line) not in seen for line in row.itertuples(index=False)]]
        if len(new) and row is biased:
            chosen.append(new.head(COLUMNS))
        elif len(new):
            chosen.append(new.iloc[spread(list(range(len(new))), COLUMNS)])
    return chosen


def draw_shares(axes: Axes, own: pd.DataFrame) -> None:
    """One series: every convention's shares with their intervals, undecided cells as a hatched band."""
    first = own.iloc[0]
    for convention in MAPPED:
        style, shown = STYLES[convention], own[own["convention"] == convention]
        if shown.empty:
            continue
        x, share = shown["N"] / (first["d"] + 1), shown["share"]
        thin = style | {"linewidth": 0.9, "markersize": 2.6}
        bars = np.clip([share - shown["low"], shown["high"] - share], 0, None)
        faint = 0.35 if convention == "covered" else 1.0
        axes.errorbar(x, share, bars, elinewidth=0.5, alpha=faint, clip_on=False, **thin)
        if convention == "sampled":
            axes.fill_between(x, shown["global"], color=style["color"], alpha=0.15, linewidth=0)
        if shown["undecided"].any():
            axes.fill_between(
                x, share, shown["share_undecided_genuine"], facecolor="none", edgecolor=style["color"],
                hatch="/////", linewidth=0.0,
            )  # fmt: skip
    axes.set_xscale("log")
    log_axis(axes.xaxis, "")
    axes.set_ylim(0, 1)
    bias = "" if first["bias"] == 0 else f", bias {first['bias']:g}".replace("-", "−")
    axes.set_title(
        f"{name_kind(first['kind'], first['data_source'])}, $d = {first['d']}$, $K = {first['K']}${bias}",
        fontsize=6.5,
    )


def draw_map(points: pd.DataFrame) -> tuple[Figure, pd.DataFrame]:
    rows = panels_of_map(points)
    columns = max(map(len, rows))
    figure, grid = new_figure(
        1.45 * len(rows) + 0.5, PAGE_WIDTH, len(rows), columns, sharey=True, squeeze=False
    )
    shown = []
    for line, series in zip(grid, rows, strict=True):
        line[0].set_ylabel("share of cells")
        for axes in line[len(series) :]:
            axes.axis("off")
        for axes, setting in zip(line, series.to_dict("records"), strict=False):
            own = points[np.logical_and.reduce([points[key] == value for key, value in setting.items()])]
            draw_shares(axes, own)
            shown.append(own)
    figure.supxlabel("samples per dimension, $N / (d + 1)$", fontsize=8)
    lines = [
        figure.axes[0].plot([], [], label=WORDS[name], **STYLES[name] | {"markersize": 3})[0]
        for name in MAPPED
    ]
    lines.append(Patch(color=BLUE, alpha=0.15, label="genuine, drawn signs, and of full rank: global"))
    figure.legend(handles=lines, loc="outside upper center", ncols=2)
    return figure, pd.concat(shown).drop_duplicates()


def bars(located: pd.DataFrame) -> np.ndarray:
    """Lengths of error bars, (2, n), down and up; an end that is far or infinite is cut off."""
    high = np.minimum(located["high"], located["N_half"] * 30)
    return np.clip([located["N_half"] - located["low"], high - located["N_half"]], 0, None)


def draw_places(axes: Axes, places: pd.DataFrame, along: str, name: str) -> None:
    """Located places with their intervals."""
    for convention in ("sampled", "exists", SCALED, "full rank"):
        own = places[(places["convention"] == convention) & (places["status"] == "located")]
        x = own["d"] + 1 if along == "d" else own["K"]
        style = STYLES[convention] | {"linestyle": "none"}
        axes.errorbar(
            x, own["N_half"], bars(own), elinewidth=0.7, markersize=3.6, label=WORDS[convention], **style
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    log_axis(axes.xaxis, name)
    log_axis(axes.yaxis, "$N$ where the share is ½")


def draw_rivals(axes: Axes, predicted: pd.DataFrame, names: list[str], along: str) -> None:
    """What the laws say along one direction, the best one as a thick line."""
    looks = [
        {"color": BLUE, "linestyle": "-", "linewidth": 1.6, "alpha": 0.6},
        *({"color": GREY, "linestyle": style, "linewidth": 0.9} for style in ("--", "-.", ":", (0, (1, 3)))),
    ]
    for look, law in zip(looks, names, strict=False):
        own = predicted[predicted["law"] == law].sort_values(along)
        axes.plot(own["d"] + 1 if along == "d" else own["K"], own["predicted"], label=law, **look)


def scaled(frame: pd.DataFrame, kind: str, bias: float) -> pd.Series:
    """Which rows are of this kind, bias, and the share whose laws are drawn."""
    return frame["kind"].eq(kind) & frame["bias"].eq(bias) & frame["convention"].eq(SCALED)


def draw_law(
    points: pd.DataFrame, places: pd.DataFrame, laws: pd.DataFrame, predicted: pd.DataFrame
) -> Figure:
    """Along K, along d, and all series over N in units of the best law."""
    kind = "gaussian" if "gaussian" in set(places["kind"]) else places["kind"].iloc[0]
    series = {along: sweep(points, kind, along) for along in ("K", "d")}
    bias = series["K"]["bias"].iloc[0]
    own = laws[scaled(laws, kind, bias)]
    best = own["law"].head(1).tolist()
    names = [*best, *(name for name in LINES if name not in best and name in set(own["law"]))]
    figure, (left, middle, right) = new_figure(2.9, PAGE_WIDTH, 1, 3)
    for axes, along, label in ((left, "K", "neurons $K$"), (middle, "d", "dimension $D = d + 1$")):
        draw_places(axes, places.merge(series[along]), along, label)
        if names:
            own = predicted[predicted["convention"] == SCALED].merge(series[along])
            draw_rivals(axes, own, names, along)
        fixed = "d" if along == "K" else "K"
        axes.set_title(f"{name_kind(kind)}, ${fixed} = {series[along][fixed].iloc[0]}$", fontsize=7)
    if names:
        scale = predicted[predicted["law"].eq(best[0]) & scaled(predicted, kind, bias)]
        scale = scale.set_index(["d", "K"])["predicted"]
        shown = points[scaled(points, kind, bias)]
        placed = [place in scale for place in zip(shown["d"], shown["K"], strict=True)]
        shown = shown[np.array(placed, dtype=bool)]
        for number, (K, group) in enumerate(shown.groupby("K")):
            look = SERIES[number % len(SERIES)] | {"linewidth": 0.6, "markersize": 2.4}
            if number >= len(SERIES):
                look["markerfacecolor"] = "white"
            label = f"$K = {K}$"
            for d, line in group.groupby("d"):
                right.plot(line["N"] / scale[d, K], line["share"], label=label, **look)
                label = None
        right.set_xscale("log")
        log_axis(right.xaxis, f"$N$ / ({best[0].replace(' beside', chr(10) + 'beside')})")
        right.set_ylabel("share global among covered")
        right.set_title("in units of the best law", fontsize=7)
        right.legend(fontsize=5.5, loc="upper right", handlelength=1.4, labelspacing=0.2)
    else:
        right.axis("off")
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=6.5)
    return figure


def draw_places_of_kinds(axes: Axes, kinds: pd.DataFrame) -> None:
    """For each kind of data the N where each share is ½; pairs of digits on one line."""
    kinds = kinds.assign(line=kinds["family"].fillna(kinds["kind"]))
    single = list(dict.fromkeys(kinds["line"][kinds["family"].isna()]))
    paired = list(dict.fromkeys(kinds["family"].dropna()))
    lines = [*single, *paired]
    offsets = {"covered": 0.27, "sampled": 0.09, SCALED: -0.09, "full rank": -0.27}
    for convention, offset in offsets.items():
        own = kinds[kinds["convention"] == convention]
        located = own[own["status"] == "located"]
        y = len(lines) - 1 - np.array([lines.index(line) for line in located["line"]], dtype=float) + offset
        single_kind = located["family"].isna().to_numpy()
        look = STYLES[convention] | {"linestyle": "none", "markersize": 3.2}
        axes.errorbar(
            located["N_half"][single_kind], y[single_kind], xerr=bars(located)[:, single_kind],
            elinewidth=0.7,
            label=WORDS[convention], **look,
        )  # fmt: skip
        axes.plot(located["N_half"][~single_kind], y[~single_kind], **look | {"markersize": 2, "alpha": 0.5})
        for bound in own.to_dict("records"):
            row = len(lines) - 1 - lines.index(bound["line"]) + offset
            if bound["status"] in BOUNDS:
                end, marker = BOUNDS[bound["status"]]
                axes.plot(bound[end], row, **look | {"marker": marker, "markerfacecolor": "none"})
    counts = kinds.groupby("family")["kind"].nunique()
    sources = kinds.groupby("line")["data_source"].first()
    labels = [name_kind(line, sources[line]) for line in single]
    labels += [
        f"{name_kind(line.removesuffix('_pair'), sources[line])}, {counts[line]} pairs" for line in paired
    ]
    axes.set_yticks(range(len(lines)), labels[::-1])
    axes.tick_params(axis="y", length=0)
    ends = [kinds["N_half"], *(kinds[end][kinds["status"] == status] for status, (end, _) in BOUNDS.items())]
    ends = pd.concat(ends)
    ends = ends[(ends > 0) & np.isfinite(ends)]
    axes.set_xlim(*((ends.min() / 2.5, ends.max() * 2) if len(ends) else (1, 10)))
    axes.set_xscale("log")
    log_axis(axes.xaxis, "$N$ where the share is ½")
    axes.grid(axis="y", linewidth=0.3, color="#DDDDDD")


def draw_property(axes: Axes, places: pd.DataFrame, name: str, found: pd.DataFrame) -> None:
    """The places over one property of the data; ``found`` has its rank correlation, or no row."""
    of_pair = places["family"].notna()
    for where, look in (
        (of_pair, {"marker": ".", "color": GREY, "label": "pairs of classes"}),
        (~of_pair, {"marker": "o", "color": BLUE, "label": "other kinds"}),
    ):
        if where.any():
            axes.plot(places[name][where], places["N_half"][where], linestyle="none", markersize=3.6, **look)
    axes.set_yscale("log")
    log_axis(axes.yaxis, "$N$ where the share is ½")
    axes.set_xlabel(PROPERTIES[name])
    if len(found):
        text = f"ρ = {found.iloc[0].correlation:.2f}\nkinds not independent"
        axes.set_title(text.replace("-", "−"), fontsize=7)


def draw_kinds(kinds: pd.DataFrame, orders: pd.DataFrame) -> Figure:
    """Left the N where each kind has its transition, right the property that orders it best, and rank."""
    rows = kinds["family"].fillna(kinds["kind"]).nunique()
    figure, (left, *others) = new_figure(
        max(2.6, 0.27 * rows + 1.0), PAGE_WIDTH, 1, 3, width_ratios=(1.5, 1, 1)
    )
    draw_places_of_kinds(left, kinds)
    places = kinds[(kinds["convention"] == SCALED) & (kinds["status"] == "located")]
    ranked = orders[(orders["convention"] == SCALED) & (orders["among"] == OTHERS)]
    ranked = ranked.dropna(subset="correlation")
    ranked = ranked.reindex(ranked["correlation"].abs().sort_values(ascending=False, kind="stable").index)
    chosen = list(dict.fromkeys([*ranked["property"].head(1), "rank", *ranked["property"]]))
    chosen = chosen[:2] if len(places) else []
    for axes, name in zip(others, chosen, strict=False):
        draw_property(axes, places, name, ranked[ranked["property"] == name])
    for axes in others[len(chosen) :]:
        axes.axis("off")
    handles, names = left.get_legend_handles_labels()
    more, more_names = others[0].get_legend_handles_labels()
    figure.legend([*handles, *more], [*names, *more_names], loc="outside upper left", ncols=3, fontsize=6.5)
    return figure


def draw_all(files, output) -> str:
    """Read the results, draw and save the three pictures; one line on what is shown."""
    points, places = pd.read_csv(files.points), pd.read_csv(files.locations)
    kinds, orders = pd.read_csv(files.kinds), pd.read_csv(files.orders)
    figure, shown = draw_map(points)
    write_csv(output.map_csv, shown)
    save(figure, [output.map_pdf, output.map_png])
    laws, predicted = pd.read_csv(files.laws), pd.read_csv(files.predictions)
    # The laws in K and D; those at a single d have their own lines in laws.md.
    laws, predicted = (part[part["extent"].str.startswith("d ≥")] for part in (laws, predicted))
    save(draw_law(points, places, laws, predicted), [output.law_pdf, output.law_png])
    write_csv(output.kinds_csv, kinds)
    save(draw_kinds(kinds, orders), [output.kinds_pdf, output.kinds_png])
    series = len(places[["kind", "d", "K", "bias"]].drop_duplicates())
    return f"{series} series, {kinds['kind'].nunique()} kinds side by side"


if __name__ == "__main__":
    with job(snakemake) as log:
        log.info("%s", draw_all(snakemake.input, snakemake.output))
