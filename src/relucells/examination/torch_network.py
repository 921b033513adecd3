"""Networks of PyTorch: Linear, ReLU, Linear with one output. PyTorch is imported where it is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Modules of a Sequential that change nothing here.
HARMLESS = ("Flatten", "Identity", "Unflatten")
# Inputs on which a module is compared with what was read from it, and how closely, relative to its terms.
TRIES, AGREE = 64, 1e-3


class TorchNetwork(NamedTuple):
    """W (K, D), the hidden biases as its last column if there are any; z (K,); output_bias or None."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    output_bias: float | None


def from_torch(module: Any) -> TorchNetwork:
    """The weights of a PyTorch module Linear–ReLU–Linear with one output, as ``examine`` takes them.

    module : a ``torch.nn.Module`` whose only weights are those of two Linear layers; the constant 1 must be
    the last column of X if the first has a bias. The module is run on random inputs to see that it computes
    what was read. Raises ValueError, saying what is wrong with the module.

        W, z, output_bias = relucells.from_torch(module)
    """
    if not (hasattr(module, "state_dict") and hasattr(module, "modules")):
        raise ValueError(f"module: must be a torch.nn.Module, not {type(module).__name__}")
    leaves = [part for part in module.modules() if not list(part.children())]
    names = [type(part).__name__ for part in leaves if type(part).__name__ not in HARMLESS]
    if names not in (["Linear", "ReLU", "Linear"], ["Linear", "Linear"]):
        raise ValueError(f"module: must be Linear, ReLU, Linear, not {', '.join(names) or 'empty'}")
    found, bias = read_state(module.state_dict(), "module")
    _compare(module, found, bias)
    return found


def read_state(state: Any, name: str) -> tuple[TorchNetwork, bool]:
    """(network, whether its hidden neurons have biases) of a state dict; ``name`` begins every error."""
    if not isinstance(state, Mapping) or not all(isinstance(key, str) for key in state):
        raise ValueError(f"{name}: must hold a state dict; save it with torch.save(model.state_dict(), FILE)")
    layers = [key.removesuffix("weight") for key in state if key.endswith("weight")]
    known = {f"{layer}{part}" for layer in layers for part in ("weight", "bias")}
    if strange := [key for key in state if key not in known]:
        raise ValueError(
            f"{name}: {_short(strange[0])} belongs to no Linear layer; give Linear, ReLU, Linear alone"
        )
    if len(layers) != 2:
        raise ValueError(f"{name}: must hold the weights of two Linear layers, not of {len(layers)}")
    first, second = layers
    W = _array(state, f"{first}weight", 2, name)
    out = _array(state, f"{second}weight", 2, name)
    if out.shape != (1, len(W)):
        raise ValueError(
            f"{name}: {_short(second)}weight must have shape (1, {len(W)}), one output for {len(W)} hidden "
            f"neurons, not {out.shape}"
        )
    bias, output_bias = f"{first}bias" in state, None
    if bias:
        b = _array(state, f"{first}bias", 1, name)
        if len(b) != len(W):
            raise ValueError(f"{name}: {_short(first)}bias must have {len(W)} entries, not {len(b)}")
        W = np.column_stack([W, b])
    if f"{second}bias" in state:
        c = _array(state, f"{second}bias", 1, name)
        if len(c) != 1:
            raise ValueError(f"{name}: {_short(second)}bias must have one entry, not {len(c)}")
        output_bias = float(c[0])
    return TorchNetwork(W, out[0], output_bias), bias


def _short(text: str) -> str:
    return text if len(text) <= 40 and text.isprintable() else ascii(text[:37]) + "…"


def _array(state: Mapping, key: str, dimensions: int, name: str) -> NDArray[np.float64]:
    """A tensor as finite floats."""
    value = state[key]
    try:
        if value.is_complex():
            raise TypeError
        array = value.detach().cpu().double().numpy()
    except Exception:  # quantised, sparse, on a lost device, or no tensor at all
        raise ValueError(f"{name}: {_short(key)} is not a dense tensor of real numbers") from None
    if array.ndim != dimensions or 0 in array.shape:
        raise ValueError(f"{name}: {_short(key)} must have {dimensions} dimensions, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: {_short(key)} holds NaN or infinity")
    return np.array(array)


def _compare(module: Any, found: TorchNetwork, bias: bool) -> None:
    """Raises ValueError where the module computes something else than the network that was read."""
    torch = import_module("torch")  # an optional package
    D = found.W.shape[1] - bias
    X = np.random.default_rng(0).standard_normal((TRIES, D)) * np.logspace(-2, 2, TRIES)[:, None]
    parameter = next(module.parameters())
    try:
        with torch.no_grad():
            given = torch.as_tensor(X, dtype=parameter.dtype, device=parameter.device)
            output = module(given).detach().cpu().double().numpy().reshape(-1)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise ValueError(f"module: cannot be run on inputs of shape ({TRIES}, {D}): {reason}") from None
    augmented = np.column_stack([X, np.ones(TRIES)]) if bias else X
    own = np.maximum(augmented @ found.W.T, 0.0) @ found.z + (found.output_bias or 0.0)
    size = np.abs(augmented) @ np.abs(found.W).T @ np.abs(found.z) + abs(found.output_bias or 0.0)
    tolerance = AGREE if parameter.element_size() >= 4 else 10 * AGREE
    if output.shape != own.shape or not (np.abs(output - own) <= tolerance * size).all():
        raise ValueError("module: computes something else than Linear, ReLU, Linear with one output")
