"""Reads data and networks for ``relucells.examine`` from files that anybody may have written."""

import pickle
import warnings
import zipfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from relucells.examination.torch_network import read_state
from relucells.pipeline.arrays import read_arrays
from relucells.pipeline.job import UserError, in_one_line
from relucells.samples.inputs import real_array

# Most bytes of a file's arrays once they are unpacked, because an archive may announce any size.
BYTES = 2_000_000_000
TORCH = (".pt", ".pth")
NOTHING: Mapping[str, int] = MappingProxyType({})


class Arguments(NamedTuple):
    """The arguments of ``examine``."""

    X: NDArray[np.float64]
    y: NDArray[np.float64]
    W: NDArray[np.float64]
    z: NDArray[np.float64]
    output_bias: float | None
    skip: NDArray[np.float64] | None


def read_problem(data: str | Path, network: str | Path) -> Arguments:
    """A network with the samples that it belongs to.

    data : npz with X (N, d) and y (N,), real. network : npz with W (K, d) and z (K,), and b (K,), c (a
    number) and skip (d,) if it has them; or a PyTorch state dict (.pt, .pth). Hidden biases become the last
    column of W, and a 1 the last column of X unless X has it already. UserError names the file and the key.
    """
    try:
        data, network = Path(data).expanduser(), Path(network).expanduser()
    except RuntimeError as error:
        raise UserError(f"{data}, {network}: {error}; write the path out") from None
    samples = _arrays(data, {"X": 2, "y": 1})
    X, y = samples["X"], samples["y"]
    read = _from_state_dict if network.suffix.lower() in TORCH else _from_npz
    W, z, b, c, skip = read(network)
    if len(y) != len(X):
        raise UserError(f"{data}: y: must have one entry per row of X, {len(X)}, not {len(y)}")
    if len(z) != len(W):
        raise UserError(f"{network}: z: must have one entry per row of W, {len(W)}, not {len(z)}")
    if b is not None:
        if len(b) != len(W):
            raise UserError(f"{network}: b: must have one entry per row of W, {len(W)}, not {len(b)}")
        carried = X.shape[1] == W.shape[1] + 1 and (X[:, -1] == 1).all()
        X = X if carried else np.column_stack([X, np.ones(len(X))])
        W = np.column_stack([W, b])
        if skip is not None and len(skip) == W.shape[1] - 1:
            skip = np.append(skip, 0.0)
    if W.shape[1] != X.shape[1]:
        bias = b is not None
        raise UserError(
            f"{network}: W: has {W.shape[1] - bias} inputs, but X of {data} has {X.shape[1] - bias} columns; "
            "give the data that the network was trained on"
            + ("" if bias or W.shape[1] != X.shape[1] + 1 else ", or the biases, now the last column, as b")
        )
    return Arguments(X, y, W, z, c, skip)


class Parts(NamedTuple):
    """W, z, and hidden biases, output bias and skip connection where a file has them."""

    W: NDArray[np.float64]
    z: NDArray[np.float64]
    b: NDArray[np.float64] | None = None
    c: float | None = None
    skip: NDArray[np.float64] | None = None


def _from_npz(path: Path) -> Parts:
    found = _arrays(path, {"W": 2, "z": 1}, {"b": 1, "c": 0, "skip": 1})
    c = found["c"].item() if "c" in found else None
    return Parts(found["W"], found["z"], found.get("b"), c, found.get("skip"))


def _arrays(
    path: Path, needed: dict[str, int], optional: Mapping[str, int] = NOTHING
) -> dict[str, NDArray[np.float64]]:
    """The arrays of an npz file as finite floats of so many dimensions; the optional ones if there."""
    if not path.is_file():
        raise UserError(f"{path}: {_absence(path)}; give an npz file")
    _check_size(path)
    dimensions = needed | {name: number for name, number in optional.items() if name in _names(path)}
    found = {}
    for name, value in zip(dimensions, read_arrays(path, *dimensions), strict=True):
        try:
            if dimensions[name]:
                found[name] = real_array(name, value, dimensions[name])
            elif value.size == 1:
                found[name] = real_array(name, value.reshape(1), 1)
            else:
                raise ValueError(f"{name}: must be one number, not an array of shape {value.shape}")
        except ValueError as error:
            raise UserError(f"{path}: {error}") from None
    return found


def _absence(path: Path) -> str:
    return "is a folder" if path.is_dir() else "there is no such file"


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []  # faults of the file are reported where it is read


def _check_size(path: Path) -> None:
    """UserError for an archive that announces more than may be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return
    if total > BYTES:
        raise UserError(
            f"{path}: holds {total / 1e9:.1f} GB of arrays, more than {BYTES / 1e9:.0f}; leave samples out"
        )


def _from_state_dict(path: Path) -> Parts:
    """Parts from a PyTorch file. Only tensors are unpickled."""
    try:
        torch = import_module("torch")  # an optional package
    except ModuleNotFoundError:
        raise UserError(
            f"{path}: reading it needs PyTorch, which is not installed; pip install torch, or save W, b, z "
            "as npz"
        ) from None
    if not path.is_file():
        raise UserError(f"{path}: {_absence(path)}; give a .pt file")
    _check_size(path)
    try:
        with warnings.catch_warnings(action="ignore"):
            state = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError:
        raise
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: holds more than tensors, which is never loaded; save it with "
            "torch.save(model.state_dict(), FILE)"
        ) from None
    except Exception as error:  # whatever error a broken or hostile file causes, the file is at fault
        reason = in_one_line(error)[:120] or type(error).__name__
        raise UserError(f"{path}: not a file of torch.save: {reason}") from None
    try:
        found, bias = read_state(state, str(path))
    except ValueError as error:
        raise UserError(str(error)) from None
    W, b = (found.W[:, :-1], found.W[:, -1]) if bias else (found.W, None)
    return Parts(W, found.z, b, found.output_bias)
