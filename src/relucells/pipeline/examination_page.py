"""An examination as one self-contained page: sentences, a slice of the landscape, tables. No JavaScript."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relucells.atlas.slices import Slice, slice_landscape
from relucells.examination.examine import Examination
from relucells.examination.words import number
from relucells.pipeline.figures import BLACK, GREY, UNSTAMPED, new_figure, plt
from relucells.pipeline.job import write_text
from relucells.pipeline.slice_picture import draw_slice, slice_counts

TEMPLATE = Path(__file__).with_name("examination.html.jinja")
LINES = 30  # walls that cross the window of the slice
ROWS = 60  # neurons that the table of walls lists
KEYS = [
    Line2D([], [], color=BLACK, marker="o", markersize=5, markeredgecolor="white", linestyle="none"),
    Line2D([], [], color=BLACK, linewidth=1.6),
    Line2D([], [], color=BLACK, marker="o", markersize=7, markerfacecolor="white", linestyle="none"),
    Line2D([], [], color=BLACK, linewidth=1.1, linestyle="--"),
    Line2D([], [], color=GREY, linewidth=0.5),
    Patch(facecolor="#C8B968", edgecolor="white", hatch="/////"),
    Patch(facecolor="#C8B968", edgecolor="white"),
]
LABELS = [
    "the network",
    "gradient descent",
    "the cell’s nearest minimum, if in the window",
    "the way there, if not",
    "contours of the loss",
    "cell, minimum not genuine",
    "cell, minimum genuine",
]


def slice_of(found: Examination, lines: int) -> Slice:
    """The plane through the network along the negative gradient and the way to its cell's minimum."""
    problem, net = found.problem, found.net
    labels = problem.y - problem.F @ net.c  # the free part stays as it is in the plane
    return slice_landscape(problem.inputs, labels, net.W, net.z, lines=lines)


def picture(found: Slice) -> Figure:
    """The slice with its keys."""
    figure, axes = new_figure(height=5.4, width=5.2)
    image = draw_slice(axes, found, Normalize(0.0, max(*(cell.loss for cell in found.cells), 1e-300)))
    axes.set_box_aspect(1)
    axes.set_xlabel("along the negative gradient")
    axes.set_ylabel("to the cell’s minimum")
    figure.colorbar(image, ax=axes, shrink=0.8, label="loss at the cell’s minimum")
    figure.legend(KEYS, LABELS, loc="outside lower left", ncols=2)
    return figure


def page(found: Examination, plane: Slice) -> str:
    """The page's HTML."""
    image = io.BytesIO()
    figure = picture(plane)
    figure.savefig(image, format="png", dpi=200, metadata=UNSTAMPED[".png"])
    plt.close(figure)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE.parent), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(TEMPLATE.name).render(
        title=title(found),
        words=found.words(),
        uri="data:image/png;base64," + base64.b64encode(image.getvalue()).decode(),
        counts=slice_counts(plane),
        off_plane=f"{100 * plane.off_plane:.0f}",
        free=bool(found.problem.free),
        tables=[_points(found), _cells(found), _walls(found)],
        left_out=max(0, len(found.net.z) - ROWS),
    )


def title(found: Examination) -> str:
    """The verdict in a few words."""
    if found.quality is None or found.point is None:
        return f"A network that is {found.kind}" if found.point is None else f"A network at a {found.kind}"
    return f"A network at a {found.quality.kind} {found.kind}"


def write_page(found: Examination, path: str | Path, plane: Slice | None = None) -> None:
    """Write the page, whole or not at all; plane : ``slice_of`` it, if that is at hand."""
    write_text(path, page(found, plane or slice_of(found, LINES)))


def _points(found: Examination) -> dict[str, Any]:
    header = ["point", "kind", "loss", "distance", "share of the network’s size", "level"]
    rows = [["the network", "—", number(found.loss), "0", "0 %", ""]]
    for name, point in (
        ("certified point near it", found.point),
        ("where exact descent ends", found.descent),
    ):
        if point is not None:
            share = f"{number(100 * point.relative_distance)} %"
            rows.append([name, point.kind, number(point.loss), number(point.distance), share, point.level])
    return {"title": "The network, and the points near it", "header": header, "rows": rows}


def _cells(found: Examination) -> dict[str, Any]:
    names = {"given": "the network’s", "exists": "some"}
    rows = []
    for name, cell in found.cell.items():
        decision = cell.decision
        far = number(cell.distance) if cell.minimum is not None else "—"
        margin = number(decision.margin) if np.isfinite(decision.margin) else "−∞"
        rows.append(
            [
                names[name],
                decision.verdict,
                number(decision.loss),
                margin,
                far,
                cell.quality or "—",
                cell.level,
            ]
        )
    header = ["signs", "genuine?", "loss", "margin", "distance", "bad or global", "level"]
    return {"title": "The minimum of its cell", "header": header, "rows": rows}


def _walls(found: Examination) -> dict[str, Any]:
    order = np.argsort(found.walls.distance, kind="stable")[:ROWS]
    rows = [
        [
            str(j),
            number(found.walls.distance[j]) if np.isfinite(found.walls.distance[j]) else "—",
            str(found.walls.sample[j]) if found.walls.sample[j] >= 0 else "—",
            str(int(found.walls.pattern[:, j].sum())),
            number(found.net.z[j]),
        ]
        for j in order
    ]
    header = ["neuron", "distance to its nearest wall", "sample", "active samples", "output weight"]
    return {"title": "Neurons, nearest wall first", "header": header, "rows": rows}
