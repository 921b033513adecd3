# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Decide a cell
#
# Is the minimum of a cell inside it? We draw samples, let random weights pick a cell, and ask.

# %%
import numpy as np

import relucells

rng = np.random.default_rng(1)
N, d, K = 40, 3, 5
X = np.column_stack([rng.standard_normal((N, d)), np.ones(N)])
y = np.where(np.arange(N) < N // 2, 1.0, -1.0)
X[:, 0] += y  # two classes, at distance 2

W = rng.standard_normal((K, d + 1))
pattern = relucells.activation_pattern(X, W)
print("active pairs:", pattern.sum(), "of", pattern.size)

# %% [markdown]
# The minimum of the cell is a least-squares problem. Its loss, and whether it is unique:

# %%
minimum = relucells.cell_minimum(X, y, pattern)
print(f"loss {minimum.loss:.4f}, rank {minimum.rank} of {K * (d + 1)}, unique: {minimum.unique}")

# %% [markdown]
# Does it lie in the cell? The answer depends on which signs the output weights may have.

# %%
signs_of = {"positive": "positive", "uniform": "uniform", "exists": "exists"}
signs_of["drawn"] = np.sign(rng.standard_normal(K))
for name, signs in signs_of.items():
    decision = relucells.decide(X, y, pattern, signs)
    proven = relucells.verify(X, y, pattern, decision)
    print(f"{name:>8}: {decision.verdict:>7}, margin {decision.margin:8.4f}, certificate proven: {proven}")

# %% [markdown]
# With fewer samples the same weights can fall in a cell that holds its minimum.

# %%
few = np.r_[0:4, N - 4 : N]
decision = relucells.decide(X[few], y[few], pattern[few], "exists")
print(decision.verdict, "with signs", decision.signs, "and loss", round(decision.loss, 6))
