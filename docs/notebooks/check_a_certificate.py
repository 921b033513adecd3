# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Check a certificate
#
# A decision carries a certificate. `verify` takes X, y, the pattern and the certificate, and no solver. It
# believes nothing that the certificate does not prove.

# %%
from dataclasses import replace

import numpy as np

import relucells

X = np.array([[1, 0, 1], [0, 1, 1], [0.5, 0.5, 1]])
y = np.array([0.0, 0.0, 1.0])
pattern = np.ones((3, 2), dtype=bool)
decision = relucells.decide(X, y, pattern, [1, -1])
print(decision.verdict, relucells.verification_level(X, y, pattern, decision))

# %% [markdown]
# A changed claim is refused: another loss, another margin, another verdict, another cell.

# %%
for change in ({"loss": 0.0}, {"margin": 0.5}, {"verdict": "none"}):
    print(change, relucells.verification_level(X, y, pattern, replace(decision, **change)))
other = pattern.copy()
other[0, 0] = False
print(relucells.verification_level(X, y, other, decision))
