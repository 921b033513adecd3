"""A slice through a landscape (``relucells.atlas.slices``) as a picture, and as a table."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.patheffects import Normal, withStroke

from relucells.atlas.slices import CONVENTIONS, Slice
from relucells.pipeline.figures import BLACK, GREY

HALO = [withStroke(linewidth=2.5, foreground="white"), Normal()]
CONTOURS = 8


def draw_slice(axes: Axes, found: Slice, scale: Normalize) -> ScalarMappable:
    """Cells coloured by the loss of their minimum, hatched where it is not genuine for the signs of z.

    Thin lines: contours of the loss itself; thick: gradient descent, projected; dot: the network; circle
    or arrow: the nearest minimiser of its cell, or the way there.
    """
    given = CONVENTIONS.index("given")
    genuine = np.array([cell.verdicts[given] == "genuine" for cell in found.cells])
    colours = np.array([cell.loss for cell in found.cells])
    shapes = np.array([cell.polygon for cell in found.cells], dtype=object)
    for chosen, hatch in ((genuine, None), (~genuine, "/////")):
        axes.add_collection(
            PolyCollection(
                list(shapes[chosen]), array=colours[chosen], norm=scale, cmap="cividis_r", hatch=hatch,
                edgecolor="white", linewidth=0.4,
            )
        )  # fmt: skip
    a, b, losses = found.grid
    levels = np.unique(np.quantile(losses, np.linspace(0, 1, CONTOURS + 2)[1:-1]))
    if np.ptp(levels) > 0:
        axes.contour(a, b, losses, levels=levels, colors=GREY, linewidths=0.5)
    axes.plot(*found.path.T, color=BLACK, linewidth=1.6, path_effects=HALO)
    axes.plot(0, 0, "o", color=BLACK, markersize=5, markeredgecolor="white")
    _draw_minimum(axes, found)
    left, right, low, high = found.window
    axes.set(xlim=(left, right), ylim=(low, high))
    return ScalarMappable(scale, "cividis_r")


def _draw_minimum(axes: Axes, found: Slice) -> None:
    """The nearest minimiser, or an arrow towards it with its distance."""
    left, right, low, high = found.window
    a, b = found.minimum
    if not (a or b):
        return
    if left < a < right and low < b < high:
        axes.plot(a, b, "o", markersize=7, markerfacecolor="white", markeredgecolor=BLACK)
        return
    reach = min((right if a > 0 else -left) / abs(a or 1e-300), (high if b > 0 else -low) / abs(b or 1e-300))
    style = {"arrowstyle": "->", "linewidth": 1.1, "linestyle": "--", "path_effects": HALO}
    axes.annotate("", (0.97 * reach * a, 0.97 * reach * b), (0, 0), arrowprops=style)
    text = f"minimum at distance {np.hypot(a, b):.3g}"
    place = (0.04, 0.04) if b > 0 else (0.04, 0.9)
    axes.text(*place, text, transform=axes.transAxes, fontsize=6, path_effects=HALO)


def slice_rows(found: Slice) -> Iterator[dict]:
    """A row per cell in the window: loss, verdicts, levels, place, and pairs unlike the network's."""
    for cell in found.cells:
        row = {"centre_a": cell.polygon[:, 0].mean(), "centre_b": cell.polygon[:, 1].mean()}
        row |= {"loss_at_minimum": cell.loss, "pairs_flipped": len(cell.flipped)}
        for name, verdict, level in zip(CONVENTIONS, cell.verdicts, cell.levels, strict=True):
            row |= {f"verdict_{name}": verdict, f"level_{name}": level}
        row["corners"] = ";".join(f"{a:.8g} {b:.8g}" for a, b in cell.polygon)
        row["flipped"] = ";".join(f"{i}:{j}" for i, j in cell.flipped)
        yield row


def slice_counts(found: Slice) -> dict[str, int]:
    """Cells of the window with a genuine minimum, by convention, and all of them."""
    counts = {
        name: sum(cell.verdicts[n] == "genuine" for cell in found.cells) for n, name in enumerate(CONVENTIONS)
    }
    return {"cells": len(found.cells)} | counts
