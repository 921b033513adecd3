"""BLAS on one thread while the library works, and as before afterwards."""

import numpy as np
import pytest

from relucells.samples import threads


class Library:
    def __init__(self, n):
        self.num_threads, self.seen = n, []

    def set_num_threads(self, n):
        self.num_threads = n
        self.seen.append(n)


@pytest.mark.parametrize("fails", [False, True])
def test_one_thread_and_back(monkeypatch, fails):
    several, single = Library(4), Library(1)
    monkeypatch.setattr(threads, "_libraries", lambda: [several, single])

    @threads.one_thread
    def work(X):
        assert several.num_threads == 1
        if fails:
            raise ArithmeticError

    try:
        work(np.zeros((3, 2)))
    except ArithmeticError:
        assert fails
    assert several.num_threads == 4 and several.seen == [1, 4] and not single.seen


def test_many_samples_keep_their_threads(monkeypatch):
    library = Library(4)
    monkeypatch.setattr(threads, "_libraries", lambda: [library])
    threads.one_thread(lambda X: None)(np.zeros((threads.MANY + 1, 1)))
    assert not library.seen
