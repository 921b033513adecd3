# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # The atlas: every cell of a landscape
#
# With inputs on a line and two neurons, every cell of the landscape can be decided. We take eight samples,
# decide all cells under the four choices of signs, and draw the loss at each cell's minimum.

# %%
import matplotlib.pyplot as plt
import numpy as np

import relucells
from relucells.atlas.faces import SIGNS
from relucells.atlas.landscape import survey
from relucells.atlas.sectors import samples

rng = np.random.default_rng(3)
y = np.repeat([1.0, -1.0], 4)
x = rng.standard_normal(8) + y  # two classes, at distance 2
landscape = survey(samples(x, y))
print("cells:", landscape.loss.size)
print("lowest loss of any network with two neurons:", float(landscape.best.face.loss))

# %% [markdown]
# How many cells hold a genuine minimum depends on the signs of the two output weights. *bad* means that a
# network with a lower loss exists.

# %%
for s, signs in enumerate(SIGNS):
    genuine = landscape.genuine[..., s]
    bad = (landscape.quality[..., s] == "bad").sum()
    proven = (landscape.level[..., s] == "proven").all()
    print(f"signs {signs}: {genuine.sum()} genuine, {bad} of them bad; all verdicts proven: {proven}")
some = landscape.genuine.any(axis=-1)
print("with some choice of signs:", some.sum(), "of", some.size)

# %% [markdown]
# The axes are the directions of the two weights, one step for each set of active samples. A frame marks a
# cell with a genuine minimum for one output weight of each sign.

# %%
figure, axes = plt.subplots(figsize=(4.6, 4))
picture = axes.imshow(landscape.loss.T, origin="lower", cmap="viridis_r")
for a, b in np.argwhere(landscape.genuine[..., SIGNS.index((1, -1))]):
    axes.add_patch(plt.Rectangle((a - 0.5, b - 0.5), 1, 1, fill=False, edgecolor="crimson", linewidth=1.6))
axes.set_xlabel("direction of $w_1$")
axes.set_ylabel("direction of $w_2$")
figure.colorbar(picture, label="loss at the cell's minimum")
figure.tight_layout()

# %% [markdown]
# Each verdict carries a certificate. Here is one of the framed cells, decided and checked once more.

# %%
a, b = np.argwhere(landscape.genuine[..., SIGNS.index((1, -1))])[0]
own = landscape.samples
pattern = own.patterns[[a, b]].T
decision = relucells.decide(own.X, own.y, pattern, np.array([1, -1]))
print(decision.verdict, relucells.verification_level(own.X, own.y, pattern, decision))

# %% [markdown]
# `snakemake --cores 2 atlas` does this for twenty samples of the paper's data, follows gradient descent on
# the map, and writes `results/atlas.html`, a page on which one chooses cells and drags neurons.
