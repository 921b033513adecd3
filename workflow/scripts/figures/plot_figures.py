"""Draw Figures 1 to 3 from the tables behind them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relucells.pipeline.figures import BLACK, BLUE, GREY, RED, SERIES, YELLOW, new_figure, save
from relucells.pipeline.job import job

SAMPLES = ("a", "b", "c")
MINIMA = {  # how the two kinds of local minima are called and filled
    "differentiable": ("local minimum", {}),
    "not differentiable": ("local minimum at a kink", {"markerfacecolor": "white"}),
}

Data = dict[str, pd.DataFrame]


def line(series: int, **changes) -> dict:
    """A series' colour and line style without its marker: for curves on a fine grid."""
    return SERIES[series] | {"marker": ""} | changes


def figure_1(data: pd.DataFrame) -> Figure:
    """Densities above, the network's output below, the regions as bands behind both."""
    figure, (densities, output) = new_figure(2.9, rows=2, sharex=True)
    cuts = {region: data["x"][data["region"] == region] for region in (1, 2, 3)}
    right, left = cuts[2].max(), cuts[2].min()
    x = data["x"]
    densities.plot(x, data["density_positive"], label="$y = +1$", **line(0))
    densities.plot(x, data["density_negative"], label="$y = -1$", **line(1))
    output.plot(x, data["output"], **line(3, linestyle="-"))
    for axes in (densities, output):
        axes.axvspan(left, right, color=GREY, alpha=0.18, linewidth=0)
        for at in (left, right):
            axes.axvline(at, color=BLACK, linewidth=0.6)
    top = 1.28 * data["density_positive"].max()
    for region, (low, high) in {1: (right, x.max()), 2: (left, right), 3: (x.min(), left)}.items():
        densities.text((low + high) / 2, 0.94 * top, rf"$\Omega_{region}$", ha="center", va="center")
    reach = 0.11 * (x.max() - x.min())
    height = 0.62 * data["output"].abs().max()
    for k, at, sign in ((1, right, 1), (2, left, -1)):  # each arrow on the side that the output leaves free
        tip, y = at + sign * reach, -sign * height
        output.annotate("", (tip, y), (at, y), arrowprops={"arrowstyle": "->", "linewidth": 1})
        outward, inward = ("left", "right") if sign > 0 else ("right", "left")
        normal = f"$n_{k} = {'+' if sign > 0 else '-'}i$"
        output.text(at + 1.15 * sign * reach, y, normal, ha=outward, va="center")
        output.text(at - 0.1 * sign * reach, y, f"$h_{k}$", ha=inward, va="center")
    densities.set(ylabel="class density", ylim=(0, top), xlim=(x.min(), x.max()))
    densities.legend(loc="center right", bbox_to_anchor=(1.0, 0.6), handlelength=1.6)
    output.set(xlabel="$x$", ylabel="output $f(x)$")
    return figure


def empirical_loss(curve: pd.DataFrame, samples: list[pd.DataFrame]) -> Figure:
    """Figure 2 a to c: the loss of one sample, its minima, and the expected loss, on one scale for all."""
    figure, axes = new_figure()
    axes.plot(curve["location"], curve["loss"], label="this sample", **line(0))
    axes.plot(curve["location"], curve["expected_loss"], label="expected", **line(4, linestyle="--"))
    for kind, (label, style) in MINIMA.items():
        at = curve[curve["minimum"] == kind]
        if len(at):
            axes.plot(at["location"], at["loss"], "o", color=BLUE, label=label, **style)
    both = pd.concat(samples)[["loss", "expected_loss"]]
    margin = 0.05 * (both.max().max() - both.min().min())
    axes.set(xlabel="location of $w_1$", ylabel="loss $L$")
    axes.set_ylim(both.min().min() - margin, both.max().max() + margin)
    axes.set_xlim(curve["location"].min(), curve["location"].max())
    axes.legend(loc="lower right")
    return figure


def one_weight_probability(curve: pd.DataFrame, samples: list[pd.DataFrame]) -> Figure:
    """Figure 2 d: P_t, what drawn samples give, and the minima of the three samples of a to c."""
    figure, axes = new_figure(2.5)
    location = curve["location"]
    axes.plot(location, curve["probability"], label="$P_t$, eq. (17)", **line(0))
    axes.plot(location, curve["share_genuine"], label="drawn samples", **line(1))
    loss = samples[0]
    axes.axvline(loss["location"][loss["expected_loss"].idxmin()], color=BLACK, linewidth=0.7, linestyle=":")
    shapes = zip(samples, SAMPLES, ("o", "s", "^"), (BLACK, RED, YELLOW), strict=True)
    for sample, name, marker, colour in shapes:
        for kind, (_, style) in MINIMA.items():
            at = sample["location"][sample["minimum"] == kind]
            height = np.interp(at, location, curve["probability"])
            label = f"minima of ({name})" if kind == "differentiable" else None
            face = {"color": colour, "markeredgecolor": BLACK, "markeredgewidth": 0.5} | style
            axes.plot(at, height, marker, label=label, **face)
    axes.set(xlabel="location of $w_1$", ylabel="probability", ylim=(-0.03, 1.05))
    axes.set_xlim(location.min(), location.max())
    axes.legend(loc="upper left", bbox_to_anchor=(0.14, 1.0), handlelength=1.5)
    return figure


def two_weight_surface(surface: pd.DataFrame) -> Figure:
    """Figure 2 e: the product over both locations."""
    height = surface.pivot(index="location_2", columns="location_1", values="probability")
    first, second = np.meshgrid(height.columns, height.index)
    view = {"projection": "3d", "elev": 32, "azim": 128}  # from the corner where both weights meet
    figure, axes = new_figure(2.9, subplot_kw=view)
    axes.plot_surface(
        first, second, height, cmap="cividis", rcount=len(height), ccount=len(first), antialiased=False
    )
    axes.set(xlabel="location of $w_1$", ylabel="location of $w_2$", zlim=(0, 1))
    axes.set_zlabel("product of $P_t$", labelpad=-4)
    axes.xaxis.labelpad = axes.yaxis.labelpad = -6
    axes.tick_params(pad=-2)
    axes.set_box_aspect(None, zoom=0.86)
    return figure


def shift_probability(curve: pd.DataFrame) -> Figure:
    """Figure 3: linear axis above, logarithmic below; a grey band or line where F is singular."""
    figure, (linear, logarithmic) = new_figure(3.4, rows=2, sharex=True)
    shift = curve["shift"]
    unique = curve.mask(curve["coincident"])  # elsewhere h* is one of many: no point of the curves
    linear.plot(shift, unique["probability"], label="$P_t$, eq. (18)", **line(0))
    linear.set(ylabel="$P_t$")
    linear.set_ylim(bottom=0)
    linear.ticklabel_format(axis="y", useMathText=True)  # 10 to the −11, not 1e−11
    logarithmic.plot(shift, unique["log10_probability"], **line(0))
    exact = unique["log10_probability_any_gap"]
    logarithmic.plot(shift, exact, label="no sample in any gap", **line(1))
    for number, (low, high) in enumerate(stretches(shift, curve["singular"])):
        for axes in (linear, logarithmic):
            label = "$F$ singular" if number == 0 and axes is logarithmic else None
            axes.axvspan(low, high, color=GREY, alpha=0.3, linewidth=0.8, label=label)
    logarithmic.set(xlabel="shift", ylabel=r"$\log_{10}$ probability", xlim=(shift.min(), shift.max()))
    logarithmic.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    figure.legend(loc="outside upper center", ncols=3, handlelength=1.6, columnspacing=1.2)
    return figure


def stretches(x: pd.Series, marked: pd.Series) -> list[tuple[float, float]]:
    """First and last x of every run of marked rows."""
    run = (marked != marked.shift()).cumsum()[marked]
    return [(part.min(), part.max()) for _, part in x[marked].groupby(run)]


def drawings(data: Data) -> dict[str, Callable[[], Figure]]:
    """How each figure is drawn from the tables, by the figure's name."""
    samples = [data[f"figure_2{name}"] for name in SAMPLES]
    return (
        {"figure_1": lambda: figure_1(data["figure_1"])}
        | {
            f"figure_2{name}": lambda name=name: empirical_loss(data[f"figure_2{name}"], samples)
            for name in SAMPLES
        }
        | {"figure_2d": lambda: one_weight_probability(data["figure_2d"], samples)}
        | {"figure_2e": lambda: two_weight_surface(data["figure_2e"])}
        | {f"figure_3{p}": lambda p=p: shift_probability(data[f"figure_3{p}"]) for p in "abcd"}
    )


if __name__ == "__main__":
    with job(snakemake) as log:
        data = {Path(path).stem: pd.read_csv(path, keep_default_na=False) for path in snakemake.input}
        draw = drawings(data)
        outputs = [Path(path) for path in snakemake.output]
        for name in dict.fromkeys(path.stem for path in outputs):
            save(draw[name](), [path for path in outputs if path.stem == name])
        log.info("drew %s", ", ".join(draw))
