"""The whole landscape as a picture: all positive output weights beside one of each sign."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import Normal, withStroke

from relucells.atlas import sectors, storage
from relucells.atlas.faces import SIGNS
from relucells.atlas.words import place
from relucells.pipeline.figures import PAGE_WIDTH, new_figure, save
from relucells.pipeline.job import job

PANELS = {
    "++": "both output weights positive, as in the paper’s runs",
    "+-": "one output weight of each sign",
}
HALO = [withStroke(linewidth=2.4, foreground="white"), Normal()]


def key(label: str, marker: str, size: float, **style) -> Line2D:
    """An entry of the legend."""
    style = {"color": "black", "linestyle": "none"} | style
    return Line2D([], [], marker=marker, markersize=size, label=label, **style)


MARKS = [
    key("genuine, bad", "s", 6, markerfacecolor="none"),
    key("lowest loss of all networks", "*", 7),
    key("non-differentiable minimum", "D", 3.5, markerfacecolor="white"),
    key("descent and its end", ".", 4, linestyle="-", linewidth=0.6),
]


class Map:
    """Places on the torus, every sector one unit wide."""

    def __init__(self, stored: dict):
        self.stored = stored
        self.own = sectors.samples(stored["x"], stored["y"])
        first = self.own.angles[0]
        self.edges = np.append(self.own.angles, first + 2 * np.pi)

    def __call__(self, angle: np.ndarray) -> np.ndarray:
        turned = (np.asarray(angle) - self.edges[0]) % (2 * np.pi) + self.edges[0]
        return np.interp(turned, self.edges, np.arange(len(self.edges)))

    def ticks(self) -> tuple[list[float], list[str]]:
        """Ticks at a few rays of both sides, and at the two sectors that activate all samples or none."""
        M = self.own.sectors // 2
        data = self.stored["centre"] + self.stored["unit"] * self.own.hinges
        rays = [k + side for side in (0, M) for k in (M // 4, M - 1 - M // 3)]
        labels = [f"{'›' if k < M else '‹'}{place(data[k], self.stored, digits=2)}" for k in rays]
        return [*rays, M - 0.5, 2 * M - 0.5], [*labels, "all", "none"]


def draw_cells(axes: Axes, where: Map, s: int):
    """All cells with their colours, and frames about those with a genuine minimum."""
    stored, sectors_ = where.stored, where.own.sectors
    image = axes.imshow(stored["loss"].T, cmap="cividis_r", origin="lower", extent=(0, sectors_, 0, sectors_))
    for line in range(1, sectors_):
        axes.axhline(line, color="white", linewidth=0.15)
        axes.axvline(line, color="white", linewidth=0.15)
    for a, b in np.argwhere(stored["genuine"][..., s]):
        for color, width in (("white", 2.2), ("black", 1.1)):
            axes.add_patch(Rectangle((a, b), 1, 1, fill=False, edgecolor=color, linewidth=width, zorder=3))
        if stored["quality"][a, b, s] == "global":
            axes.plot(a + 0.5, b + 0.5, "*k", markersize=6, path_effects=HALO, zorder=5)
    return image


def draw_walls(axes: Axes, where: Map, s: int) -> None:
    """Minima on walls in both orders of the neurons."""
    stored = where.stored
    for signs, R, loss in zip(*(stored[f"wall_{name}"] for name in ("signs", "R", "loss")), strict=True):
        lowest = loss <= stored["best_loss"] * (1 + 1e-12)
        style = {"marker": "*", "markersize": 7} if lowest else {"marker": "D", "markersize": 2.6}
        for order in (slice(None), slice(None, None, -1)):
            if tuple(signs[order]) == SIGNS[s]:
                at = where(storage.directions(R[order], signs[order], where.own))
                face = "black" if lowest else "white"
                style |= {"markerfacecolor": face, "path_effects": HALO if lowest else None}
                axes.plot(*at, color="black", markeredgewidth=0.7, zorder=4, **style)


def draw_runs(axes: Axes, where: Map, runs: dict, s: int) -> None:
    """Descents; a line ends where it leaves the map and goes on at the other edge."""
    for n in np.flatnonzero(runs["signs"] == s):
        way = where(np.vstack([runs["way"][n], runs["end"][n]]))
        jumps = np.flatnonzero(np.abs(np.diff(way, axis=0)).max(axis=1) > where.own.sectors / 2) + 1
        for part in np.split(way, jumps):
            axes.plot(*part.T, "-k", linewidth=0.35, alpha=0.75, zorder=2)
        axes.plot(*way[-1], ".k", markersize=2.2, zorder=3)


def plot(stored: dict, runs: dict) -> Figure:
    """Two panels with one scale of colour."""
    where = Map(stored)
    figure, panels = new_figure(height=3.85, width=PAGE_WIDTH, columns=2, sharey=True)
    for axes, (name, title) in zip(panels, PANELS.items(), strict=True):
        s = storage.SIGN_NAMES.index(name)
        image = draw_cells(axes, where, s)
        draw_runs(axes, where, runs, s)
        draw_walls(axes, where, s)
        at, labels = where.ticks()
        axes.set_xticks(at, labels)
        axes.set_yticks(at, labels)
        axes.tick_params(length=2)
        axes.set(title=title, xlabel="neuron 1: active right (›) or left (‹) of a hinge")
        axes.set_xlim(0, where.own.sectors)
        axes.set_ylim(0, where.own.sectors)
    panels[0].set_ylabel("neuron 2")
    figure.colorbar(image, ax=panels, shrink=0.8, aspect=30, pad=0.01, label="loss at the cell’s minimum")
    figure.legend(handles=MARKS, loc="outside lower center", ncols=4, handletextpad=0.4)
    return figure


if __name__ == "__main__":
    with job(snakemake) as log:
        with np.load(snakemake.input.landscape) as file, np.load(snakemake.input.runs) as other:
            stored, runs = dict(file), dict(other)
        save(plot(stored, runs), snakemake.output)
        log.info("%d cells", stored["loss"].size)
