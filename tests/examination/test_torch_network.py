"""Networks of PyTorch: modules and state dicts, and those that are something else."""

import pickle

import numpy as np
import pytest

import relucells
from relucells.cli import main
from relucells.pipeline.job import UserError
from relucells.pipeline.network_files import read_problem

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
nn = torch.nn


class Functional(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.first, self.second, self.activation = nn.Linear(2, 3), nn.Linear(3, 1), activation

    def forward(self, x):
        return self.second(self.activation(self.first(x)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("output_bias", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_module_is_read_as_it_computes(bias, output_bias, dtype):
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 3, bias=bias), nn.ReLU(), nn.Linear(3, 1, bias=output_bias)).to(dtype)
    W, z, c = relucells.from_torch(module)
    assert (c is not None) == output_bias and W.shape == (3, 4 + bias)
    X = torch.randn(10, 4, dtype=dtype)
    inputs = np.column_stack([X.double().numpy(), np.ones(10)][: 1 + bias])
    assert module(X).detach().numpy()[:, 0] == pytest.approx(
        np.maximum(inputs @ W.T, 0) @ z + (c or 0), abs=1e-5
    )


def test_a_module_of_ones_own_is_read_too():
    assert relucells.from_torch(Functional(torch.relu)).W.shape == (3, 3)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1), nn.Flatten(0))
    assert relucells.from_torch(flat).z.shape == (3,)


NOT_OURS = {
    "tanh": (
        lambda: nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)),
        "must be Linear, ReLU, Linear",
    ),
    "deep": (
        lambda: nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)),
        "must be Linear, ReLU, Linear",
    ),
    "the same layer twice": (
        lambda: nn.Sequential(*[nn.Linear(2, 2), nn.ReLU()] * 2, nn.Linear(2, 1)),
        "two Linear layers, not of 3",
    ),
    "two outputs": (lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)), "one output"),
    "functional tanh": (lambda: Functional(torch.tanh), "computes something else"),
    "leaky": (lambda: Functional(torch.nn.functional.leaky_relu), "computes something else"),
    "convolution": (lambda: nn.Sequential(nn.Conv1d(1, 1, 1)), "must be Linear, ReLU, Linear"),
    "nothing": (lambda: nn.Sequential(), "must be Linear, ReLU, Linear"),
    "no module": (lambda: 3, "must be a torch.nn.Module"),
}


@pytest.mark.parametrize("name", NOT_OURS)
def test_another_module_is_refused(name):
    make, line = NOT_OURS[name]
    with pytest.raises(ValueError, match=line):
        relucells.from_torch(make())


@pytest.fixture
def data(tmp_path, rng):
    np.savez(tmp_path / "data.npz", X=rng.standard_normal((8, 2)), y=rng.choice([-1.0, 1.0], 8))
    return tmp_path / "data.npz"


def test_a_state_dict_gives_the_same_as_the_module(data, tmp_path, capsys):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    torch.save(module.state_dict(), tmp_path / "network.pt")
    found, (W, z, c) = read_problem(data, tmp_path / "network.pt"), relucells.from_torch(module)
    assert (found.W == W).all() and (found.z == z).all() and found.output_bias is c is None
    assert (found.X[:, -1] == 1).all()
    assert main(["examine", str(data), str(tmp_path / "network.pt")]) == 0
    assert "3 neurons on 8 samples with 3 coordinates" in capsys.readouterr().out


class Hostile:
    def __reduce__(self):
        return (pytest.fail, ("it was run",))


def states():
    """(what is saved, what the line says) of files that are refused."""
    good = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)).state_dict()
    return {
        "module": (Functional(torch.relu), "never loaded"),
        "code": (Hostile(), "never loaded"),
        "list": ([1, 2], "must hold a state dict"),
        "tensor": (torch.ones(3), "must hold a state dict"),
        "one layer": (nn.Linear(2, 1).state_dict(), "two Linear layers, not of 1"),
        "more": (good | {"scale": torch.ones(1)}, "scale belongs to no Linear layer"),
        "two outputs": (good | {"2.weight": torch.ones(2, 3)}, "one output for 3"),
        "bias too long": (good | {"0.bias": torch.ones(4)}, "0.bias must have 3 entries, not 4"),
        "complex": (good | {"0.weight": torch.ones(3, 2, dtype=torch.complex64)}, "must be|dense|real"),
        "sparse": (good | {"0.weight": torch.ones(3, 2).to_sparse()}, "0.weight is not a dense tensor"),
        "NaN": (good | {"2.weight": torch.full((1, 3), float("nan"))}, "2.weight holds NaN"),
        "number": (good | {"0.weight": 3}, "0.weight is not a dense tensor"),
        "other inputs": (nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 1, bias=False)).state_dict(),
                         "has 5 inputs"),
    }  # fmt: skip


@pytest.mark.parametrize("name", states())
def test_another_file_is_one_line_that_names_it(name, data, tmp_path):
    content, line = states()[name]
    torch.save(content, tmp_path / "network.pt")
    with pytest.raises(UserError, match=line) as error:
        read_problem(data, tmp_path / "network.pt")
    assert str(error.value).startswith(str(tmp_path / "network.pt")) and "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"text", pickle.dumps(Hostile()), pickle.dumps({"0.weight": [1]})])
def test_a_file_of_something_else_is_one_line(content, data, tmp_path):
    (tmp_path / "network.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"network\.pt: ") as error:
        read_problem(data, tmp_path / "network.pt")
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="there is no such file"):
        read_problem(data, tmp_path / "missing.pt")
