# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Draw a transition
#
# With few samples nearly every cell holds a genuine minimum, with many hardly one. Where in between does that
# change? Each draw has fresh data, fresh weights, and the signs of random output weights.

# %%
import matplotlib.pyplot as plt
import numpy as np

import relucells


def share(N, d, K, draws, seed):
    """Share of cells that hold a genuine minimum, of so many draws."""
    rng = np.random.default_rng([seed, N, d, K])
    genuine = 0
    for _ in range(draws):
        y = np.repeat([1.0, -1.0], N // 2)
        X = np.column_stack([rng.standard_normal((N, d)), np.ones(N)])
        X[:, 0] += y
        pattern = relucells.activation_pattern(X, rng.standard_normal((K, d + 1)))
        signs = np.sign(rng.standard_normal(K))
        # the verdict alone is asked for, which takes less time than the margin
        genuine += relucells.decide(X, y, pattern, signs, margin="sign").verdict == "genuine"
    return genuine / draws


grid = [2, 4, 8, 12, 16, 24]
curves = {K: [share(N, 3, K, 20, seed=1) for N in grid] for K in (3, 6, 12)}

# %%
figure, axes = plt.subplots(figsize=(5, 3.2))
for (K, values), marker in zip(curves.items(), "os^", strict=True):
    axes.plot(grid, values, marker=marker, label=f"K = {K}")
axes.set_xscale("log", base=2)
axes.set_xlabel("samples N")
axes.set_ylabel("share of genuine minima")
axes.legend()
figure.tight_layout()

# %% [markdown]
# Twenty draws are few: a share of one half has the 95 % interval [0.30, 0.70]. `snakemake --cores 2
# transition` draws the full map, with intervals, laws and other kinds of data.
