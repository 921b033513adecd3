"""The exponential neuron: gradients by differences, the claims about critical points, the counterexample."""

import numpy as np
import pytest

from relucells.related import exponential_neuron
from relucells.related.exponential_neuron import (
    Parameters,
    dead_minimum,
    escape,
    linear_minimum,
    not_linear,
    objective,
    runaway,
    slope_of_added_neuron,
    train,
)

RIDGE = 0.7


@pytest.fixture
def problem(rng):
    return not_linear(20, rng)


def random_parameters(rng, K=3):
    return Parameters(rng.standard_normal((K, 3)), rng.standard_normal(K), rng.standard_normal(3), 0.3)


@pytest.mark.parametrize("form", [objective, exponential_neuron._scaled])
def test_gradient_against_differences(problem, rng, form):
    X, y, _ = problem
    for start in (random_parameters(rng), Parameters(rng.standard_normal((3, 3)), rng.standard_normal(3))):
        flat, step = start.flat(), 1e-6
        _, slope = form(X, y, start, RIDGE)
        for k in range(len(flat)):
            move = step * np.eye(len(flat))[k]
            up, down = (form(X, y, start.like(flat + side * move), RIDGE)[0] for side in (1, -1))
            assert slope[k] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-5)


def test_both_forms_are_the_same_objective(problem, rng):
    X, y, _ = problem
    plain = random_parameters(rng)
    scaled = Parameters(plain.W, plain.z, plain.v, plain.a * np.exp(X @ plain.v).sum())
    assert exponential_neuron._scaled(X, y, scaled, RIDGE)[0] == pytest.approx(
        objective(X, y, plain, RIDGE)[0]
    )


def test_derived_slopes_of_the_added_neuron(problem, rng):
    """∂L̃/∂a = S + λa and ∂L̃/∂b = aS, S taken with the neuron in place; both by differences."""
    X, y, _ = problem
    p, step = random_parameters(rng), 1e-6
    margin = np.maximum(1 - y * (p.output(X) + p.contribution(X)), 0)
    S = -np.sum(y * 3 * margin**2 * np.exp(X @ p.v))

    def at(a, b):
        moved = Parameters(p.W, p.z, p.v + np.array([0, 0, b]), a)
        return objective(X, y, moved, RIDGE)[0]

    assert (at(p.a + step, 0) - at(p.a - step, 0)) / (2 * step) == pytest.approx(S + RIDGE * p.a, rel=1e-5)
    assert (at(p.a, step) - at(p.a, -step)) / (2 * step) == pytest.approx(p.a * S, rel=1e-5)


def test_the_teacher_solves_the_samples(problem):
    X, y, teacher = problem
    assert objective(X, y, teacher, RIDGE)[0] == 0


def constructed(problem):
    X, y, _ = problem
    return {"dead": dead_minimum(3, 4), "linear": linear_minimum(X, y, 4)}


@pytest.mark.parametrize("name", ["dead", "linear"])
def test_constructed_minima_are_lowest_nearby_and_bad(problem, rng, name):
    X, y, _ = problem
    start = constructed(problem)[name]
    value, slope = objective(X, y, start, RIDGE)
    assert value > 1 and np.linalg.norm(slope) < 1e-8
    assert (X @ start.W.T > 0).all() if name == "linear" else (X @ start.W.T < 0).all()
    for _ in range(300):
        moved = start.like(start.flat() + 1e-3 * rng.standard_normal(start.flat().size))
        assert objective(X, y, moved, RIDGE)[0] >= value - 1e-9


@pytest.mark.parametrize("name", ["dead", "linear"])
def test_the_neuron_escapes_and_descent_goes_below(problem, rng, name):
    X, y, _ = problem
    start = constructed(problem)[name]
    before = objective(X, y, start, RIDGE)[0]
    escaped, S = escape(X, y, start, RIDGE, rng)
    assert slope_of_added_neuron(X, y, start, escaped.v) == S
    assert escaped.a * S < 0
    after = objective(X, y, escaped, RIDGE)[0]
    assert after < before
    run = train(X, y, escaped, RIDGE, 500)
    assert run.objective <= after
    # A critical point has a = 0; a run that has converged is solved, or has left for infinity.
    assert run.ending != "bad minimum"


def test_descent_from_dead_neurons_leaves_for_infinity(problem, rng):
    """Dead neurons stay dead, so only the added one moves, and no finite (v, a) is critical for it."""
    X, y, _ = problem
    run = train(X, y, escape(X, y, dead_minimum(3, 4), RIDGE, rng)[0], RIDGE, 2000)
    assert run.ending == "diverging"
    assert run.contribution > 1 and abs(run.parameters.a) < 1e-4
    looser = train(X, y, run.parameters, RIDGE, 2000, gradient_tolerance=1e-3)
    assert run.log_sum >= looser.log_sum - 1e-9


def test_without_the_neuron_constructed_minima_hold(problem):
    X, y, _ = problem
    for start in constructed(problem).values():
        run = train(X, y, start, RIDGE, 100)
        assert run.ending == "bad minimum"
        assert np.isnan(run.log_sum) and run.contribution == 0


def test_the_solution_is_recognised(problem):
    X, y, teacher = problem
    assert train(X, y, teacher, RIDGE, 100).ending == "global minimum"


def test_runaway_has_no_end():
    """a e^b → 1 and a → 0: b keeps growing and the objective falls towards the bad loss, never to 0."""
    path = runaway(loss=2.0, ridge=0.5, steps=2**14)
    number, a, b, value = path.T
    assert (number == 2 ** np.arange(len(number))).all()
    assert (np.diff(b) > 0).all() and b[-1] > 1
    assert (np.diff(value) < 0).all() and value[-1] > 2
    assert value[-1] - 2 < 0.1 and a[-1] * np.exp(b[-1]) == pytest.approx(1, abs=0.1)


def test_bad_arguments_name_themselves(problem):
    X, y, teacher = problem
    with pytest.raises(ValueError, match=r"^y: "):
        objective(X, 2 * y, teacher, RIDGE)
    with pytest.raises(ValueError, match=r"^K: "):
        linear_minimum(X, y, 1)
    with pytest.raises(ValueError, match=r"^parameters: "):
        escape(X, y, teacher, RIDGE, np.random.default_rng(0))
