"""Ends of descent get certificates of their kind, which both checkers take."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from second_checker import check_certificate

from relucells.certify.critical import export_point, point_level
from relucells.certify.stored import pack_points, unpack_points
from relucells.critical_points.certificate import certificate_of
from relucells.critical_points.classify import critical_point
from relucells.critical_points.exact_descent import settle
from relucells.critical_points.saddles import saddle_in_cell
from relucells.samples.randomness import stream


def ends(count: int):
    """(X, y, W, z, point) where descent from random weights ends, and saddles of random cells."""
    for n in range(count):
        rng = stream(1, "certified ends", n)
        N, D, K = int(rng.integers(3, 12)), int(rng.integers(2, 4)), int(rng.integers(1, 4))
        X = np.column_stack([rng.standard_normal((N, D - 1)), np.ones(N)])
        y, W, z = rng.choice([-1.0, 1.0], N), rng.standard_normal((K, D)), rng.standard_normal(K)
        end = settle(X, y, W, z)
        yield X, y, end.W, end.z, critical_point(X, y, end.W, end.z)
        saddle = saddle_in_cell(X, y, W, 200, 50)
        if saddle.point is not None:
            yield X, y, saddle.W, saddle.z, saddle.point


def test_ends_are_proven_twice(tmp_path):
    found: Counter = Counter()
    points = []
    for X, y, W, z, point in ends(16):
        certificate = certificate_of(X, y, W, z, point)
        found[point.kind, certificate is not None] += 1
        if certificate is None:
            continue
        points.append((X, y, certificate))
        assert point_level(X, y, certificate) == "proven"
        assert certificate.distance <= 1e-6 * (1 + np.abs(W).max())
        export_point(X, y, certificate, tmp_path / "point.json")
        check_certificate.check(json.loads((tmp_path / "point.json").read_text()))
    missed = sum(n for (_, proven), n in found.items() if not proven)
    assert missed <= 0.15 * sum(found.values())
    assert {kind for kind, proven in found if proven} == set(check_certificate.KINDS_OF_POINTS)
    for X, y, certificate in points:
        (again,) = unpack_points(pack_points([certificate]))
        assert point_level(X, y, again) == "proven"
        for kind in set(check_certificate.KINDS_OF_POINTS) - {again.kind}:
            assert point_level(X, y, replace(again, kind=kind)) == "rejected"


def test_an_older_file_gets_one_line():
    arrays = pack_points([])
    assert unpack_points(arrays) == []
    del arrays["format_version"]
    with pytest.raises(ValueError, match="stored in format 1, this version"):
        unpack_points(arrays)
