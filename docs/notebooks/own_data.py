# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Your own data
#
# Any X and y will do. In a notebook the library takes arrays; the workflow takes an npz file with the arrays
# `X` (N × d) and `y` (labels −1 and +1), and a few lines of config.

# %%
import tempfile
from pathlib import Path

import numpy as np

import relucells

rng = np.random.default_rng(7)
angle = rng.uniform(0, 2 * np.pi, 60)
radius = np.where(np.arange(60) < 30, 1.0, 2.0)
X = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])  # two rings
y = np.where(radius == 1, 1.0, -1.0)

# %% [markdown]
# A prepared data set is analysed once and used for many cells.

# %%
samples = relucells.prepare(np.column_stack([X, np.ones(len(X))]))
found = {"genuine": 0, "none": 0}
for _ in range(50):
    W = rng.standard_normal((4, 3))
    pattern = relucells.activation_pattern(samples, W)
    found[relucells.decide(samples, y, pattern, np.sign(rng.standard_normal(4))).verdict] += 1
print(found)

# %% [markdown]
# For the workflow, save the file and name it in a config of your own. Then
# `snakemake --cores 8 results/tables/own_data.md --configfile mine.yaml` makes the table.

# %%
folder = Path(tempfile.mkdtemp())
np.savez(folder / "mine.npz", X=X, y=y)
(folder / "mine.yaml").write_text(
    f"datasets:\n  mine: {{source: npz, path: {folder / 'mine.npz'}, K: 4, biases: [1, 0]}}\n"
)
print((folder / "mine.yaml").read_text().replace(str(folder), "…"))
