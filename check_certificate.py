#!/usr/bin/env python3
"""Check exported certificates without relucells: python check_certificate.py FILE...

Needs python-flint and nothing else. Each FILE is what ``relucells.export_certificate`` wrote. It says
*proven* or *rejected* for each, and why; the exit status is 0 if all are proven, else 1. Numbers are the
exact rationals that floats are. Linear systems are solved over the rationals, or, where they are large, in
balls that are certain to hold the solution (Arb); nothing is decided by a tolerance, except that a stated
loss or margin may differ from the proven one by the rounding named below.

The theorems, in short (docs/certificates.md has the proofs). A cell has samples x_i, labels y_i and a pattern
I. Its minimisers R have the same fitted values p = A R, where A's row i is (I_i1 x_i, …, I_iK x_i).

genuine   some minimiser R and allowed signs s have s_j R_j·x_i > 0 on active pairs and ≤ 0 on all others;
          the margin is the smallest of the first, at most 1. A file of format 4 has a ``rest``, matrices
          whose exact sum with R is meant.
none      leaves cover all allowed sign vectors. sample: all m neurons active on i have sign s, so the margin
          is at most s p_i / m ≤ 0. multipliers: μ, ν ≥ 0 and λ with, for every neuron j,
          Σ_i I_ij λ_i x_i = −s_j (Σ μ_ij x_i − Σ ν_ij x_i) bound it by −λ·p / Σ μ ≤ 0; without μ there is
          none at all if λ·p > 0. products: see check_products_leaf.
bad       a genuine minimum, and a network with as many neurons has a smaller loss.
global    a genuine minimum of loss 0.

A file of format 3 has a ``free`` part F: f(x_i) = Σ_j I_ij R_j·x_i + F_i·c with c free, p = A R + F c. Then
A is joined by F's columns, Fᵀλ = 0 is demanded of multipliers, and a sample leaf asks for F_i = 0. samples:
λ with Fᵀλ = 0 on samples all of whose active neurons have the sign of λ_i, or that have none; the margin is
at most λ·p / Σ |λ_i| m_i ≤ 0.
"""

import json
import math
import sys
from collections import Counter
from functools import cached_property
from hashlib import sha256
from itertools import combinations, pairwise
from pathlib import Path

from flint import arb, arb_mat, ctx, fmpq, fmpz, fmpz_mat, nmod_mat

FORMAT_VERSION, FREE_FORMAT_VERSION, REST_FORMAT_VERSION = 2, 3, 4
# The keys that a file of each version has beside those of version 2.
MORE_KEYS = {
    FORMAT_VERSION: [set()],
    FREE_FORMAT_VERSION: [{"free"}],
    REST_FORMAT_VERSION: [{"rest"}, {"rest", "free"}],
}
# Systems with more unknowns are solved in balls first.
EXACT = 130
PRECISIONS = (256, 1024)
# Rounding of stated numbers: margins relative to themselves, the root of the loss relative to itself and to
# the root mean square of y. Values of the stored witness relative to Σ_d |x_id R_jd|.
MARGIN, LOSS, LOSS_ROUNDING, NEAR = fmpq(1, 10**6), fmpq(1, 10**9), fmpq(1, 10**12), fmpq(1, 10**6)
# A neuron whose Σ_d is smaller than another's by this power of two keeps its value on an independent sample.
BEARING = 20
# A file that asks for more is refused: numbers, their bits, unknowns of a linear system, its squared rank
# times the bits of its numbers; multipliers of a leaf for each unknown, clauses looked at in a replay (times
# the words of 64 neurons), sets of inactive pairs that are put at 0; the order of a quadratic form; lists and
# their entries in the text; samples of a point on independent ones; multiplications of all leaves together.
# Limits are on products of sizes: of vectors times their length, of equations times unknowns.
ENTRIES, BYTES, BITS, UNKNOWNS, WORK = 4_000_000, 200_000_000, 600_000_000, 800, 80_000_000
PAIRS, REPLAY, TRIALS, ORDER, FREE_COLUMNS = 4, 100_000_000, 8, 1200, 400
VALUES, VALUE_BITS, SAMPLES, REST, LEAVES = 6_000_000, 500_000_000, 600, 500_000, 10_000_000_000
# Powers of two by which the sizes of weights may differ where they move in proportion to them, and what
# independent samples count for.
LONGEST = 2000


class Rejected(Exception):
    """Why a certificate proves nothing."""


def need(condition, reason):
    if not condition:
        raise Rejected(reason)


# Numbers


def real(text):
    """The exact value of a float in hexadecimal, written as Python writes it: nothing is rounded."""
    need(isinstance(text, str) and len(text) <= 40, "a number is not a hexadecimal float")
    try:
        value = float.fromhex(text)
    except (ValueError, OverflowError):
        raise Rejected("a number is not a hexadecimal float") from None
    need(math.isfinite(value), "a number is not finite")
    need(value.hex() == text, "a number is not a hexadecimal float as Python writes it")
    return fmpq(*value.as_integer_ratio())


def integer(value, low, high):
    need(type(value) is int and low <= value < high, "an index is out of range")
    return value


def items(value, length=None):
    need(isinstance(value, list), "a list is missing")
    need(length is None or len(value) == length, "a list has the wrong length")
    need(len(value) <= ENTRIES, "a list is too long")
    return value


def signs_of(value, K):
    found = [integer(s, -1, 2) for s in items(value, K)]
    return found


def matrix(rows, columns):
    return fmpz_mat(len(rows), columns, [a for row in rows for a in row])


def whole(rows):
    """Rows of rationals as integers over their common denominator."""
    denominator = math.lcm(*{int(a.q) for row in rows for a in row})
    bits = denominator.bit_length() + max((int(a.p).bit_length() for row in rows for a in row), default=0)
    need(sum(map(len, rows)) * bits <= 4 * BITS, "the numbers have too many digits")
    return [[int(a.p) * (denominator // int(a.q)) for a in row] for row in rows], denominator


def odd_column(values):
    """Rationals as integers without a common power of two, and the unit that they are multiples of."""
    (numbers,), denominator = whole([list(values)])
    low = min(((a & -a).bit_length() - 1 for a in numbers if a), default=0)
    return [a >> low for a in numbers], fmpq(1 << low, denominator)


def primes_of(table):
    """Two primes of 62 bits drawn from a matrix by SHA-256: no numbers can be made to fit them."""
    digest = sha256()
    for a in table.entries():
        digest.update(b"%x " % int(a))
    words = digest.digest()
    primes = [(1 << 61) + (int.from_bytes(words[n : n + 8], "little") % (1 << 61) | 1) for n in (0, 8)]
    for n in range(2):
        while not fmpz(primes[n]).is_prime():
            primes[n] += 2
    return primes


def pivots(table):
    """The first columns that are independent modulo a prime, so that they are independent. Where the first
    prime does not show full rank the second one is asked, and the larger rank counts."""
    first, second = primes_of(table)
    reduced, rank = nmod_mat(table, first).rref()
    if rank < min(table.nrows(), table.ncols()):
        reduced, rank = max((reduced, rank), nmod_mat(table, second).rref(), key=lambda pair: pair[1])
    found, column = [], 0
    for row in range(rank):
        while int(reduced[row, column]) == 0:
            column += 1
        found.append(column)
        column += 1
    return found


def in_range(basis, others):
    """Whether columns (rows of numbers, sample by sample) are combinations of independent ones, exactly."""
    others = [column for column in zip(*others, strict=True) if any(column)]
    if not others:
        return True
    B, O = matrix(basis, len(basis[0])), matrix(others, len(basis)).transpose()
    rank, bits = B.ncols(), max(int(abs(a)).bit_length() for a in B.entries())
    small = rank <= UNKNOWNS and rank**2 * bits <= WORK and rank**2 * bits * O.ncols() <= 4 * BITS
    need(small, "there are too many dependent columns for this checker")
    at = pivots(B.transpose())
    if len(at) < B.ncols():
        return False
    square = matrix(some_rows(B, at), B.ncols())
    found, denominator = square.solve(matrix(some_rows(O, at), O.ncols())).numer_denom()
    return B * found == O * denominator


def some_rows(table, chosen):
    return [[table[i, c] for c in range(table.ncols())] for i in chosen]


def solve(square, right, precision):
    """The solution of a nonsingular integer system, as rationals or in balls of this precision."""
    n = square.nrows()
    if precision is None or n <= EXACT:
        found, denominator = square.solve(right).numer_denom()
        return [fmpq(found[i, 0], denominator) for i in range(n)]
    ctx.prec = precision
    # rows and columns of like size, because a ball matrix knows no zero but an exact one
    found = arb_mat(square).solve(arb_mat(right))
    return [found[i, 0] for i in range(n)]


def product(rows, vector):
    """Integer rows times a vector of rationals or balls."""
    if all(isinstance(v, fmpq) for v in vector):
        ints, denominator = whole([[v] for v in vector])
        return [fmpq(a, denominator) for a in (matrix(rows, len(vector)) * matrix(ints, 1)).entries()]
    found = []
    for row in rows:
        total = fmpq(0)
        for a, v in zip(row, vector, strict=True):
            if a:
                total = plus(total, v * a if isinstance(v, fmpq) else v * int(a))
        found.append(total)
    return found


def ball(value):
    return value if isinstance(value, arb) else arb(value)


def plus(a, b):
    return a + b if isinstance(a, fmpq) and isinstance(b, fmpq) else ball(a) + ball(b)


def times(a, b):
    return a * b if isinstance(a, fmpq) and isinstance(b, fmpq) else ball(a) * ball(b)


def minus(a, b):
    return plus(a, times(fmpq(-1), b))


# The cell


class Cell:
    """X over powers of two of its own for every column, which changes R and no value R_j·x_i."""

    def __init__(self, data):
        X = [[real(a) for a in items(row)] for row in items(data.get("X"))]
        need(X and X[0] and all(len(row) == len(X[0]) for row in X), "X is not a matrix")
        self.N, self.D = len(X), len(X[0])
        need(self.N * self.D <= ENTRIES, "X is too large")
        self.exact_X = X
        self.y = [real(a) for a in items(data.get("y"), self.N)]
        rows = items(data.get("pattern"), self.N)
        need(
            all(isinstance(row, str) and set(row) <= {"0", "1"} for row in rows),
            "the pattern is not one of 0 and 1",
        )
        self.K = len(rows[0])
        need(self.K >= 1 and all(len(row) == self.K for row in rows), "the pattern is not a matrix")
        need(self.N * self.K <= ENTRIES, "the pattern is too large")
        self.pattern = [[c == "1" for c in row] for row in rows]
        self.active = [[j for j in range(self.K) if row[j]] for row in self.pattern]
        self.read_free_part(data)
        self.alive = [i for i in range(self.N) if self.active[i] or any(self.free[i])]
        self.apart = [i for i in self.alive if not self.active[i]]
        columns = {}
        self.group = []
        for j in range(self.K):
            column = tuple(i for i in range(self.N) if self.pattern[i][j])
            self.group.append(columns.setdefault(column, len(columns)) if column else -1)
        self.members = [[] for _ in columns]
        for j, g in enumerate(self.group):
            if g >= 0:
                self.members[g].append(j)
        self.G = len(columns)
        self.scale_columns()
        self.independent = self.N <= self.D and len(pivots(self.X.transpose())) == self.N

    def read_free_part(self, data):
        """F as exact rows, ``exact_F``, and integer columns that span its range, ``free``."""
        self.exact_F = [[] for _ in range(self.N)]
        self.free, self.m, self.everything = self.exact_F, 0, False
        if "free" not in data:
            return
        rows = items(data.get("free"), self.N)
        self.exact_F = [[real(a) for a in items(row, len(items(rows[0])))] for row in rows]
        need(any(any(row) for row in self.exact_F), "the free part is empty, or zero")
        need(self.N * len(self.exact_F[0]) <= ENTRIES, "the free part is too large")
        columns = [odd_column(column)[0] for column in zip(*self.exact_F, strict=True) if any(column)]
        top = max(max(abs(a) for a in column).bit_length() for column in columns)
        table = [
            [a << (top - max(abs(b) for b in column).bit_length()) for a in column] for column in columns
        ]
        need(self.N * len(table) * top <= BITS, "the free part's numbers have too many digits")
        F = matrix(table, self.N).transpose()
        chosen = pivots(F)
        self.everything = len(chosen) == self.N
        rest = [c for c in range(len(table)) if c not in set(chosen)]
        basis = [[row[c] for c in chosen] for row in F.tolist()]
        if rest and not self.everything:
            need(
                in_range(basis, [[row[c] for c in rest] for row in F.tolist()]), "the free part has no basis"
            )
        self.free, self.m = basis, len(chosen)

    def scale_columns(self):
        """Integer columns of like size."""
        columns, sizes, top = [], [], 0
        for d in range(self.D):
            columns.append(odd_column([row[d] for row in self.exact_X]))
            sizes.append(max(map(abs, columns[-1][0])).bit_length())
            top = max(top, sizes[-1])
            need(self.N * self.D * top <= BITS, "the samples' numbers have too many digits")
        table = [[0] * self.D for _ in range(self.N)]
        self.factor = []
        for d, (column, unit) in enumerate(columns):
            shift = top - sizes[d]
            for i in range(self.N):
                table[i][d] = column[i] << shift
            self.factor.append(unit / (1 << shift))
        self.rows, self.top = table, top
        self.X = matrix(table, self.D)
        # the free part's columns at least as large, so that a witness need not move for what c can do
        lift = max(0, top - max((int(abs(a)).bit_length() for row in self.free for a in row), default=top))
        self.top = max((int(abs(a)).bit_length() + lift for row in self.free for a in row), default=top)
        need(self.N * self.m * self.top <= BITS, "the free part's numbers have too many digits")
        self.free = [[int(a) << lift for a in row] for row in self.free]

    def span_samples(self):
        """Columns of X that span all of them, exactly. R_j moves, and has its forms, along these alone."""
        if hasattr(self, "span"):
            return
        self.spanning = pivots(self.X)
        rest = [d for d in range(self.D) if d not in set(self.spanning)]
        basis = [[row[d] for d in self.spanning] for row in self.rows]
        if rest and not (basis[0] and in_range(basis, [[row[d] for d in rest] for row in self.rows])):
            self.spanning, basis = list(range(self.D)), self.rows
        self.span, self.r = basis, len(self.spanning)

    def setup(self):
        """A on the alive samples, its rank, and independent columns of it."""
        if hasattr(self, "A"):
            return
        width = self.G * self.D + self.m
        size = len(self.alive) * width
        need(size <= ENTRIES and size * self.top <= 4 * BITS, "the cell is too large for this checker")
        inside = [[any(self.pattern[i][j] for j in m[:1]) for m in self.members] for i in range(self.N)]
        self.table = [
            [*(a if on else 0 for on in inside[i] for a in self.rows[i]), *self.free[i]] for i in self.alive
        ]
        self.A = matrix(self.table, width)
        self.chosen = pivots(self.A)
        self.rank = len(self.chosen)
        small = self.rank <= UNKNOWNS and self.rank**2 * self.top <= WORK
        need(small, "the cell is too large for this checker")
        self.wide = self.rank == len(self.alive)
        if not self.wide:
            self.basis = [[row[c] for c in self.chosen] for row in self.table]
        self.span_samples()
        at = [g * self.D + d for g in range(self.G) for d in self.spanning]
        at += range(self.G * self.D, width)
        self.moving = matrix([[row[c] for c in at] for row in self.table], len(at))

    @cached_property
    def through(self):
        """Aᵀλ for λ in A's range, given by its basis; after setup."""
        return self.A.transpose() if self.wide else self.A.transpose() * matrix(self.basis, self.rank)

    def fitted(self, precision):
        """p on all samples."""
        p = [fmpq(0)] * self.N
        if self.independent or self.everything:
            for i in self.alive:
                p[i] = self.y[i]
            if self.apart and not self.everything:
                output = self.best_free_output(self.y, self.apart)
                for i in self.apart:
                    p[i] = output[i]
            return p
        self.setup()
        if self.wide:
            for i in self.alive:
                p[i] = self.y[i]
            return p
        full = self.rank == self.G * self.D + self.m
        if not full:
            precision = None  # that p is the projection has to be checked exactly
        C = matrix(self.basis, self.rank)
        y, denominator = whole([[self.y[i]] for i in self.alive])
        weights = solve(C.transpose() * C, C.transpose() * matrix(y, 1), precision)
        values = product(self.basis, weights)
        values = [times(v, fmpq(1, denominator)) for v in values]
        if not full:
            self.check_projection(values)
        for i, v in zip(self.alive, values, strict=True):
            p[i] = v
        return p

    def check_projection(self, values):
        """Aᵀ(y − p) = 0 exactly."""
        e, _ = whole([[self.y[i] - v] for i, v in zip(self.alive, values, strict=True)])
        rest = self.A.transpose() * matrix(e, 1)
        need(rest == fmpz_mat(self.A.ncols(), 1), "the rank modulo a prime is not the rank")

    def best_free_output(self, values, first, weights=None):
        """F c on all samples for the c that fits exact values best, those of the samples ``first`` before all
        others, what each misses times two to the power of its weight."""
        digits = self.top + max(weights or [0])
        small = self.m <= FREE_COLUMNS and self.m**2 * digits <= WORK // 4
        need(small, "the free part is too large for this checker")
        F = matrix(self.free, self.m)
        r, below = whole([[v] for v in values])
        r = matrix(r, 1)
        E, h = [], []
        if first:
            part, mine = (
                matrix([self.free[i] for i in first], self.m),
                matrix([[r[i, 0]] for i in first], 1),
            )
            chosen = pivots(part)
            through = matrix([[row[c] for c in chosen] for row in part.tolist()], len(chosen)).transpose()
            E, h = (through * part).tolist(), (through * mine).tolist()
        G, s = F, r
        if weights:
            G = matrix([[a << w for a in row] for row, w in zip(self.free, weights, strict=True)], self.m)
            s = matrix([[r[i, 0] << w] for i, w in enumerate(weights)], 1)
        gram, right = (G.transpose() * G).tolist(), (G.transpose() * s).tolist()
        system = [[*row, *(e[k] for e in E)] for k, row in enumerate(gram)] + [
            [*e, *([0] * len(E))] for e in E
        ]
        found, denominator = matrix(system, self.m + len(E)).solve(matrix(right + h, 1)).numer_denom()
        c = matrix([[found[k, 0]] for k in range(self.m)], 1)
        if E:
            rest = part.transpose() * (part * c - mine * denominator)
            need(rest == fmpz_mat(self.m, 1), "the rank modulo a prime is not the rank")
        return [fmpq(row[0], denominator * below) for row in (F * c).tolist()]


def loss_of(cell, p):
    total = fmpq(0)
    for a, b in zip(p, cell.y, strict=True):
        e = minus(a, b)
        total = plus(total, times(e, e))
    return times(total, fmpq(1, cell.N))


def loss_stated(data):
    """The loss, or None for one that is too large for a float."""
    return None if data.get("loss") == "inf" else real(data.get("loss"))


def check_loss(cell, p, stated):
    """|√stated − √loss| ≤ LOSS √loss + LOSS_ROUNDING rms(y)."""
    loss = loss_of(cell, p)
    if stated is None:
        need(loss >= 2**1024 - 2**970, "the stated loss is infinite, the minimum's a float")
        return
    need(stated >= 0, "the stated loss is negative")
    square = sum((a * a for a in cell.y), fmpq(0)) / cell.N
    smallest = fmpq(1, 2**1072)  # what a float cannot tell from it
    gap = minus(stated, loss)
    if gap <= smallest and minus(loss, stated) <= smallest:
        return
    ctx.prec = 256
    root, found, size = ball(stated).sqrt(), ball(loss).sqrt(), ball(square).sqrt()
    slack = found * ball(LOSS) + size * ball(LOSS_ROUNDING)
    need(abs(root - found) <= slack, "the stated loss is not the minimum's")


# Signs


CONVENTIONS = ("positive", "uniform", "given", "exists")


def candidates(cell, data):
    """The sign vectors that the convention allows, None for all."""
    name, given = data.get("convention"), data.get("given")
    need(name in CONVENTIONS, "the convention is unknown")
    need((given is not None) == (name == "given"), "signs are given for another convention, or missing")
    ones = [1] * cell.K
    if name == "given":
        given = signs_of(given, cell.K)
        need(all(given), "a given sign is 0")
        return [given]
    return {"positive": [ones], "uniform": [ones, [-1] * cell.K], "exists": None}[name]


def covers(leaf, signs):
    return all(a in (0, b) for a, b in zip(leaf, signs, strict=True))


def check_cover(cell, data, leaves):
    """Every allowed sign vector extends some leaf."""
    allowed = candidates(cell, data)
    branches = [integer(j, 0, cell.K) for j in items(data["certificate"].get("branches"))]
    if allowed is not None:
        need(not branches, "there are branches, but no signs to branch on")
        need(
            all(any(covers(leaf, s) for leaf in leaves) for s in allowed), "the leaves do not cover all signs"
        )
        return
    # of neurons with equal columns the ones with + come first, without loss of generality
    words = 1 + cell.K // 64
    equal = sum(len(members) - 1 for members in cell.members)
    need(equal * words <= REPLAY // 10, "there are too many neurons for this checker")
    clauses = {(mask(leaf, -1), mask(leaf, 1)) for leaf in leaves}
    for members in cell.members:
        clauses |= {(1 << a, 1 << b) for a, b in pairwise(members)}
    left = [REPLAY // words]
    queue, rest = [(0, 0, list(clauses))], iter(branches)
    while queue:
        state = propagate(*queue.pop(), left)
        if state is None:
            continue
        plus, minus, still = state
        j = next(rest, None)
        need(
            j is not None and not (plus | minus) >> j & 1,
            "the branches leave a sign vector uncovered",
        )
        queue += [(plus, minus | 1 << j, still), (plus | 1 << j, minus, still)]
    need(next(rest, None) is None, "there are more branches than the cover needs")


def mask(signs, sign):
    """The neurons with this sign as bits."""
    return int("".join("01"[s == sign] for s in reversed(signs)), 2)


def propagate(plus, minus, clauses, left):
    """The signs that follow, and the clauses not yet fulfilled; None at a contradiction.

    A clause wants + of one of some neurons, or − of one of others. left : clauses that may still be looked at
    """
    known = None
    while known != (plus, minus):
        known, still = (plus, minus), []
        left[0] -= len(clauses)
        need(left[0] >= 0, "the replay of the branches takes too long")
        for clause in clauses:
            up, down = clause
            if up & plus or down & minus:
                continue
            up, down = up & ~minus, down & ~plus
            if not up and not down:
                return None
            if (up | down) & ((up | down) - 1) or up & down:
                still.append(clause)  # as it was: copies would take memory at every branch
            else:
                plus, minus = plus | up, minus | down
        clauses = still
    return plus, minus, clauses


# Leaves


def sample_bound(cell, leaf, p):
    i, signs = leaf["sample"], leaf["signs"]
    need(not any(cell.free[i]), "the free part may fit the sample of a sample leaf")
    active = cell.active[i]
    need(active and not leaf["pairs"], "a sample leaf names a dead sample, or has multipliers")
    s = signs[active[0]]
    need(s and all(signs[j] == s for j in active), "not all neurons of a sample leaf have one sign")
    bound = times(p[i], fmpq(s, len(active)))
    need(bound <= 0, "the fitted value of a sample leaf has the right sign, or is not known well enough")
    return bound


def multiplier_bound(cell, leaf, p, precision):
    """The bound that multipliers near the stated ones give; None for −∞."""
    signs, pairs = leaf["signs"], leaf["pairs"]
    need(pairs, "a leaf has no multipliers")
    need(
        all(signs[j] and cell.group[j] >= 0 for _, j in pairs),
        "a multiplier belongs to no signed, alive neuron",
    )
    cell.setup()
    classes = [(g, s) for g in range(cell.G) for s in sorted({signs[j] for j in cell.members[g]})]
    carrying = {(cell.group[j], signs[j]) for _, j in pairs}
    width = len(cell.alive) if cell.wide else cell.rank
    size = len(classes) * cell.D * (width + len(pairs))
    small = size <= 2 * ENTRIES and size * cell.top <= 4 * BITS
    need(small, "the leaf is too large for this checker")
    through, rows = cell.through, []
    for g, s in classes:
        mine = [
            n for n, (_, j) in enumerate(pairs) if (g, s) in carrying and (cell.group[j], signs[j]) == (g, s)
        ]
        for d in range(cell.D):
            side = [0] * len(pairs)
            for n in mine:
                i, j = pairs[n]
                side[n] = (s if cell.pattern[i][j] else -s) * cell.rows[i][d]
            row = [through[g * cell.D + d, c] for c in range(width)] + side
            if any(row):
                rows.append(row)
    rows += [
        [*(through[cell.G * cell.D + k, c] for c in range(width)), *([0] * len(pairs))] for k in range(cell.m)
    ]
    count = Counter((cell.group[j], signs[j]) for j in range(cell.K))
    shares = [count[cell.group[j], signs[j]] if cell.pattern[i][j] else 0 for i, j in pairs]
    finite = any(shares)
    weights = shares if finite else [1] * len(pairs)
    rows.append([0] * width + weights)
    values = [v[0] for v in whole([[v] for v in leaf["values"]])[0]]
    total = sum(w * v for w, v in zip(weights, values, strict=True))
    largest_first = sorted(range(width, width + len(pairs)), key=lambda c: -values[c - width])
    # where the rounding of multipliers would ask for a long λ, they rather move themselves
    for order in ([*range(width), *largest_first], [*largest_first, *range(width)]):
        z = near_solution(rows, [0] * (len(rows) - 1) + [total], [0] * width + values, order, precision)
        if any(not m >= 0 for m in z[width:]):
            continue
        lam = z[:width] if cell.wide else product(cell.basis, z[:width])
        bound = fmpq(0)
        for n, i in enumerate(cell.alive):
            bound = minus(bound, times(lam[n], p[i]))
        bound = times(bound, fmpq(1, total))
        if finite and bound <= 0 and agree(leaf["bound"], bound):
            return bound
        if not finite and bound < 0:
            return None
    raise Rejected("multipliers do not prove the bound stated, or not well enough")


def near_solution(rows, right, start, order, precision):
    """z with rows · z = right; where that leaves a choice the last unknowns of an order keep their start."""
    n = len(start)
    table = matrix([[row[c] for c in order] for row in rows], n)
    chosen = pivots(table)
    part = matrix([[table[i, c] for c in chosen] for i in range(len(rows))], len(chosen))
    at = pivots(part.transpose())
    if len(at) < len(rows):
        precision = None  # that the other equations hold has to be checked exactly
    kept = [start[c] for c in order]
    for c in chosen:
        kept[c] = 0
    left = matrix([[b] for b in right], 1) - table * matrix([[a] for a in kept], 1)
    found = solve(matrix(some_rows(part, at), len(chosen)), matrix(some_rows(left, at), 1), precision)
    z = [fmpq(a) for a in kept]
    for c, v in zip(chosen, found, strict=True):
        z[c] = v
    if len(at) < len(rows):
        ints, denominator = whole([[v] for v in z])
        need(
            table * matrix(ints, 1) == matrix([[b * denominator] for b in right], 1),
            "no λ belongs to the multipliers",
        )
    back = [None] * n
    for c, v in zip(order, z, strict=True):
        back[c] = v
    return back


def read_leaves(cell, data):
    certificate = data.get("certificate")
    need(isinstance(certificate, dict), "a certificate is missing")
    found = []
    for leaf in {repr(leaf): leaf for leaf in items(certificate.get("leaves"))}.values():
        need(isinstance(leaf, dict), "a leaf is not an object")
        pairs = [tuple(items(pair, 2)) for pair in items(leaf.get("pairs"))]
        for i, j in pairs:
            integer(i, 0, cell.N), integer(j, 0, cell.K)
        need(len(set(pairs)) == len(pairs), "a pair has two multipliers")
        values = [real(v) for v in items(leaf.get("values"), len(pairs))]
        need(all(v > 0 for v in values), "a multiplier is not positive")
        need(
            len(pairs) <= PAIRS * (cell.K * cell.D + cell.m + 1),
            "a leaf has more multipliers than it can need",
        )
        known = isinstance(leaf.get("kind"), str) and leaf["kind"] in KINDS
        need(known, f"leaves of kind {ascii(leaf.get('kind'))[:40]} are unknown")
        own, arrays = leaf["kind"] in ("products", "samples"), leaf.get("arrays")
        need(isinstance(arrays, dict) and (own or not arrays), "a leaf lacks arrays, or has no use for them")
        found.append(
            {
                "kind": leaf["kind"],
                "signs": signs_of(leaf.get("signs"), cell.K),
                "bound": bound_of(leaf.get("bound")),
                "sample": integer(leaf.get("sample"), -1, cell.N),
                "pairs": pairs,
                "values": values,
                "arrays": arrays,
            }
        )
    need(found, "there are no leaves")
    return found


def bound_of(text):
    return None if text == "-inf" else real(text)


def agree(stated, found):
    """Whether a stated bound is the one found, up to rounding; None is −∞."""
    if stated is None or found is None:
        return stated is None and found is None
    gap = minus(stated, found)
    slack = plus(times(MARGIN, minus(fmpq(0), found)), fmpq(1, 2**1072))
    return gap <= slack and minus(fmpq(0), gap) <= slack


def check_sample_leaf(cell, leaf, p, precision):
    need(leaf["sample"] >= 0, "a sample leaf names no sample")
    return sample_bound(cell, leaf, p)


def check_multiplier_leaf(cell, leaf, p, precision):
    need(leaf["sample"] == -1, "a leaf of multipliers names a sample")
    return multiplier_bound(cell, leaf, p, precision)


def check_samples_leaf(cell, leaf, p, precision):
    """λ with Fᵀλ = 0 on samples whose active neurons have its sign: −λ·p bounds the margin."""
    need(leaf["sample"] == -1 and not leaf["pairs"], "a leaf of samples has a sample or multipliers besides")
    need(set(leaf["arrays"]) == {"samples", "weights"}, "a leaf of samples lacks an array")
    samples = [integer(i, 0, cell.N) for i in items(leaf["arrays"]["samples"])]
    weights = [real(a) for a in items(leaf["arrays"]["weights"], len(samples))]
    need(samples and len(set(samples)) == len(samples), "a leaf of samples names none, or one twice")
    need(all(weights) and cell.m <= FREE_COLUMNS, "a weight is 0, or the free part is too large")
    for i, w in zip(samples, weights, strict=True):
        sign = 1 if w > 0 else -1
        need(
            all(leaf["signs"][j] == sign for j in cell.active[i]),
            "not all neurons of a sample have the sign of its weight",
        )
    rows = [[cell.free[i][k] for i in samples] for k in range(cell.m)]
    rows.append([1 if w > 0 else -1 for w in weights])
    total = sum((abs(w) for w in weights), fmpq(0))
    order = sorted(range(len(samples)), key=lambda n: -abs(weights[n]))
    exact = keep_start(
        [[row[n] for n in order] for row in rows],
        [fmpq(0)] * cell.m + [total],
        [weights[n] for n in order],
        "no exact weights near the stored ones are orthogonal to the free part",
    )
    bound, size = fmpq(0), fmpq(0)
    for n, w in zip(order, exact, strict=True):
        i = samples[n]
        need(
            not cell.active[i] or w * weights[n] >= 0, "an exact weight has another sign than the stored one"
        )
        bound = plus(bound, times(p[i], w))
        size += abs(w) * len(cell.active[i])
    need(size > 0, "no sample with an active neuron has a weight")
    bound = times(bound, 1 / size)
    need(bound <= 0, "samples bound the margin above 0 only, or not well enough")
    return bound


# Sums of products of forms


def check_products_leaf(cell, leaf, p, precision):
    """A quadratic form that is positive definite, and not positive at a genuine minimum with these signs.

    A form f(v) = Σ μ_i σ_ij x_i·v of neuron j, μ ≥ 0, is ≥ 0 at v = s_j R_j, so Q = Σ w f(R_j) f'(R_k), times
    s_j s_k where j ≠ k, is ≥ 0. For T, the neurons named, and any B whose range holds A_U's, U the others,
    some b makes A_T R_T + B b − p vanish, so |A_T R_T + B b + τ p|² − Q ≤ 0 at (R_T, b, −1). Strict:
    definiteness.
    """
    need(leaf["sample"] == -1 and not leaf["pairs"], "a leaf of products has a sample or multipliers besides")
    cell.span_samples()
    stored = read_products(cell, leaf)
    T, signs = stored["neurons"], leaf["signs"]
    need(any(cell.group[j] >= 0 for j in T), "no neuron of the products has an active sample")
    unit, masks = range_of_others(cell, [j for j in range(cell.K) if j not in set(T)])
    rows = [i for i in cell.alive if i not in unit]
    exact = cell.fitted(None)
    label, _ = whole([[exact[i]] for i in rows])
    with_p = any(a[0] for a in label)
    columns = [[cell.pattern[i][j] for i in range(cell.N)] for j in T] + masks
    free = free_columns_beside(cell, masks, rows)
    order = len(columns) * cell.r + len(free)
    small = len(rows) * order <= ENTRIES and order <= ORDER and len(stored["factors"]) * cell.r**2 <= ENTRIES
    short = order * max(order, len(rows)) * cell.top <= 4 * BITS
    need(small and short, "the products are too large for this checker")
    C = [
        [*(a if on[i] else 0 for on in columns for a in cell.span[i]), *(cell.free[i][k] for k in free)]
        for i in rows
    ]
    C = [[*row, *a] if with_p else row for row, a in zip(C, label, strict=True)]
    m = len(columns) * cell.r + len(free) + with_p
    C = matrix(C, m)
    M = [[fmpq(a) for a in row] for row in some_rows(C.transpose() * C, range(m))]
    place = {j: n * cell.r for n, j in enumerate(T)}
    for (first, second), w in zip(stored["factors"], stored["weights"], strict=True):
        (j, f), (k, g) = stored["forms"][first], stored["forms"][second]
        need(j == k or signs[j] * signs[k], "a product of two neurons whose signs are not both known")
        w = w / 2 if j == k else w * signs[j] * signs[k] / 2
        for a in range(cell.r):
            for b in range(cell.r):
                M[place[j] + a][place[k] + b] -= w * f[a] * g[b]
                M[place[k] + b][place[j] + a] -= w * f[a] * g[b]
    ctx.prec = precision or PRECISIONS[-1]
    need(
        positive_definite(arb_mat(m, m, [arb(a) for row in M for a in row])),
        "the form is not positive definite",
    )
    return fmpq(0)


def free_columns_beside(cell, masks, rows):
    """Columns of F that B needs besides the masked copies of X: those that no mask holds on these rows."""
    found = []
    for k in range(cell.m):
        entries = [i for i in rows if cell.free[i][k]]
        inside = any(all(on[i] for i in entries) for on in masks)
        if entries and not (inside and in_samples(cell, k)):
            found.append(k)
    return found


def in_samples(cell, k):
    """Whether a column of F is a combination of the columns of X, exactly."""
    chosen = pivots(cell.X)
    basis = [[row[c] for c in chosen] for row in cell.rows]
    return in_range(basis, [[row[k]] for row in cell.free])


def read_products(cell, leaf):
    """T, the forms as (neuron, vector), the factors and weights of the products."""
    arrays = leaf["arrays"]
    names = ("neurons", "owners", "counts", "samples", "multipliers", "factors", "weights")
    need(set(arrays) == set(names), "a leaf of products lacks an array")
    T = [integer(j, 0, cell.K) for j in items(arrays["neurons"])]
    need(T == sorted(set(T)), "the neurons of the products are not in order")
    owners = [integer(j, 0, cell.K) for j in items(arrays["owners"])]
    need(set(owners) <= set(T), "a form belongs to no neuron of the products")
    counts = [integer(n, 1, cell.N + 1) for n in items(arrays["counts"], len(owners))]
    samples = [integer(i, 0, cell.N) for i in items(arrays["samples"], sum(counts))]
    need((len(samples) + len(owners)) * cell.r <= ENTRIES, "the products are too large for this checker")
    multipliers = [real(a) for a in items(arrays["multipliers"], len(samples))]
    factors = [[integer(n, 0, len(owners)) for n in items(pair, 2)] for pair in items(arrays["factors"])]
    weights = [real(a) for a in items(arrays["weights"], len(factors))]
    need(factors and all(a > 0 for a in multipliers + weights), "a multiplier or weight is not positive")
    forms, start = [], 0
    for j, count in zip(owners, counts, strict=True):
        f = [fmpq(0)] * cell.r
        for i, a in zip(samples[start : start + count], multipliers[start : start + count], strict=True):
            side = a if cell.pattern[i][j] else -a
            f = [b + side * x for b, x in zip(f, cell.span[i], strict=True)]
        forms.append((j, f))
        start += count
    return {"neurons": T, "forms": forms, "factors": factors, "weights": weights}


def range_of_others(cell, neurons):
    """Samples and masks: unit vectors of the samples and masked copies of X span the neurons' range, or more.

    Where two columns, or one and 0, differ in at most rank X samples, these are taken out of both.
    """
    columns = {mask([row[j] for row in cell.pattern], True) for j in neurons}
    unit, left = 0, REPLAY
    while True:
        columns = sorted({c & ~unit for c in columns} - {0})
        left -= (1 + len(columns)) ** 2 * (1 + cell.N // 64)
        need(left >= 0, "there are too many columns to compare for this checker")
        close = 0
        for a, b in combinations([*columns, 0], 2):
            if (a ^ b).bit_count() <= cell.r:
                close |= a ^ b
        if not close:
            samples = {i for i in range(cell.N) if unit >> i & 1}
            return samples, [[bool(c >> i & 1) for i in range(cell.N)] for c in columns]
        unit |= close


def positive_definite(M):
    """Whether a symmetric matrix of balls certainly is, by Schur complements of halves."""
    n = M.nrows()
    if n == 1:
        return bool(M[0, 0] > 0)
    h = n // 2

    def part(top, bottom, left, right):
        entries = [M[i, j] for i in range(top, bottom) for j in range(left, right)]
        return arb_mat(bottom - top, right - left, entries)

    A = part(0, h, 0, h)
    if not positive_definite(A):
        return False
    across = part(0, h, h, n)
    return positive_definite(part(h, n, h, n) - across.transpose() * A.solve(across))


# A new kind of leaf adds its check here: (cell, leaf, fitted values, precision) to a bound ≤ 0, None for −∞.
KINDS = {
    "sample": check_sample_leaf,
    "multipliers": check_multiplier_leaf,
    "products": check_products_leaf,
    "samples": check_samples_leaf,
}


def leaf_work(cell, leaf):
    """About how many multiplications of short numbers a leaf takes."""
    classes = len({(cell.group[j], s) for j, s in enumerate(leaf["signs"]) if cell.group[j] >= 0})
    own, equations, unknowns = leaf["arrays"], 0, 0
    if leaf["kind"] == "multipliers" and not cell.independent:
        cell.setup()
        equations, unknowns = classes * cell.D + cell.m + 1, cell.rank + len(leaf["pairs"])
    elif leaf["kind"] == "samples":
        equations, unknowns = cell.m + 1, len(items(own.get("samples")))
    elif leaf["kind"] == "products":
        T, forms, pairs = (len(items(own.get(name))) for name in ("neurons", "samples", "factors"))
        order = min(ORDER, (T + cell.G) * cell.D + cell.m + 1)
        return 10 * (forms * cell.D + pairs * cell.D**2) + order**3
    return 1000 + cell.K + min(equations, unknowns) ** 2 * unknowns * (1 + cell.top // 64)


def check_none(cell, data, precision):
    need("rest" not in data, "there is no witness that a rest could belong to")
    need(
        data.get("R") is None and data.get("signs") is None, "a cell without a genuine minimum has a witness"
    )
    margin = bound_of(data.get("margin"))
    need(margin is None or margin <= 0, "the margin of a cell without a genuine minimum is positive")
    need(any(cell.active), "a cell without active pairs is genuine")
    leaves = read_leaves(cell, data)
    check_cover(cell, data, [leaf["signs"] for leaf in leaves])
    need(sum(leaf_work(cell, leaf) for leaf in leaves) <= LEAVES, "the leaves take too long together")
    p = cell.fitted(precision)
    check_loss(cell, p, loss_stated(data))
    highest = None
    for leaf in leaves:
        bound = KINDS[leaf["kind"]](cell, leaf, p, precision)
        need(agree(leaf["bound"], bound), "the stated bound of a leaf is not the one that it proves")
        if highest is None or (bound is not None and not bound <= highest):
            highest = bound
    need(agree(margin, highest), "the stated margin is not the one that the leaves prove")


# Witnesses


def check_genuine(cell, data, precision):
    need(data.get("certificate") is None, "a witness needs no leaves")
    margin = real(data.get("margin"))
    need(0 < margin <= 1, "the margin of a witness is not in (0, 1]")
    signs = signs_of(data.get("signs"), cell.K)
    need(all(signs), "a sign of the witness is 0")
    allowed = candidates(cell, data)
    need(allowed is None or signs in allowed, "the convention does not allow the witness's signs")
    R = witness_of(cell, data)
    check_loss(cell, cell.fitted(precision), loss_stated(data))
    before, size = values_of(cell, R)

    def need_witness(bearers):
        after = minimiser_values(cell, before, size, signs, precision, bearers)
        need_near(cell, after, before, size)
        need_inside(cell, after, signs, margin, data.get("exact"))

    bearers = bearers_of(cell, size) if cell.independent else cell.active
    try:
        need_witness(bearers)
    except Rejected:
        if bearers != cell.active:
            need_witness(cell.active)
            return
        if precision is not None or cell.independent or not any(cell.active):
            raise
        after = values_by_sizes(cell, R, before, size, signs)
        need(after is not None, "no minimiser is near the witness and in the cell")
        need_inside(cell, after, signs, margin, data.get("exact"))


def witness_of(cell, data):
    """R, or the exact sum of it and its rest."""
    rest = items(data["rest"]) if "rest" in data else []
    need(rest or "rest" not in data, "the rest is empty")
    need(len(rest) * cell.K * cell.D <= REST, "the rest is too large for this checker")
    R = [[fmpq(0)] * cell.D for _ in range(cell.K)]
    for part in [data.get("R"), *rest]:
        for j, row in enumerate(items(part, cell.K)):
            R[j] = [a + real(b) for a, b in zip(R[j], items(row, cell.D), strict=True)]
    return R


def values_of(cell, R):
    """R_j·x_i and Σ_d |R_jd x_id|."""
    need(cell.N * cell.D * len(R) <= 10 * ENTRIES, "the weights are too many for this checker")
    scaled = [[a * f for a, f in zip(row, cell.factor, strict=True)] for row in R]
    table, denominator = whole(scaled)
    bits = cell.top + max(abs(a).bit_length() for row in table for a in row)
    need(cell.N * len(R) * bits <= VALUE_BITS, "the witness's values have too many digits")
    V = cell.X * matrix(table, cell.D).transpose()
    absolute = matrix([[abs(a) for a in row] for row in cell.rows], cell.D)
    S = absolute * matrix([[abs(a) for a in row] for row in table], cell.D).transpose()
    exact = [[fmpq(V[i, j], denominator) for j in range(len(R))] for i in range(cell.N)]
    return exact, [[fmpq(S[i, j], denominator) for j in range(len(R))] for i in range(cell.N)]


def minimiser_values(cell, V, size, signs, precision, bearers):
    """The values R_j·x_i of the exact minimiser nearest to R, or of that with some inactive pairs at 0."""
    if not any(cell.active):
        return V
    short, precision = what_is_short(cell, V, size, precision)
    moved = moved_values(cell, V, short, [], precision, bearers)
    zero = outside(cell, moved, signs)
    near = near_zero(cell, V, size)
    for _ in range(TRIALS):
        if not zero or precision is not None or not zero <= near:
            break
        moved = moved_values(cell, V, short, sorted(zero), None, bearers)
        more = None if moved is None else outside(cell, moved, signs)
        if more is None or more <= zero:
            break
        zero |= more
    if precision is None and near and not is_in_cell(cell, moved, V, size, signs):
        trial = moved_values(cell, V, short, sorted(near), None, bearers)
        moved = trial if is_in_cell(cell, trial, V, size, signs) else moved
    need(moved is not None, "no exact minimiser near the witness has its zeros")
    return moved


def is_in_cell(cell, moved, V, size, signs):
    """Whether values are near those of the witness and on their sides, where these are inactive."""
    return moved is not None and not outside(cell, moved, signs) and is_near(cell, moved, V, size)


def what_is_short(cell, V, size, precision):
    """What the values miss of the fitted ones, at best c; and the precision in which to make up for it."""
    short = {i: cell.y[i] - sum((V[i][j] for j in cell.active[i]), fmpq(0)) for i in cell.alive}
    if cell.everything:
        cell.span_samples()
        short, precision = dict.fromkeys(cell.alive, fmpq(0)), None
    elif cell.independent:
        short, precision = without_free_part(cell, short, size), None
    else:
        cell.setup()
        digits = cell.N * cell.K * cell.rank * cell.top
        need(digits <= 4 * BITS, "the witness's numbers have too many digits")
        if not cell.wide and cell.rank < cell.G * cell.D + cell.m:
            precision = None  # that the change makes up for everything has to be checked exactly
        if precision is None and not cell.wide:
            p = cell.fitted(None)
            short = {i: e + p[i] - cell.y[i] for i, e in short.items()}
        short = without_free_part(cell, short)
    return short, precision


def values_by_sizes(cell, R, V, size, signs):
    """The values of a minimiser near R in the cell, every weight moved in proportion to its size, or None.

    So small weights keep more digits. Inactive pairs near 0 are put there, or else none.
    """
    short, _ = what_is_short(cell, V, size, None)
    powers = [[length(a * f) for a, f in zip(row, cell.factor, strict=True)] for row in R]
    powers = [[row[d] for d in cell.spanning] for row in powers]
    known = [p for row in powers for p in row if p is not None]
    if not known or max(known) - min(known) > LONGEST:
        return None
    sizes = [0 if p is None else p - min(known) for row in powers for p in row]
    sizes += [max(known) - min(known)] * cell.m
    near = sorted(near_zero(cell, V, size))
    for zero in (near, []) if near else ([],):
        moved = with_zeros(cell, V, [short[i] for i in cell.alive], zero, sizes)
        if is_in_cell(cell, moved, V, size, signs):
            pairs = [(i, j) for i in range(cell.N) for j in cell.active[i]]
            if all(moved[i][j] * signs[j] > 0 for i, j in pairs):
                return moved
    return None


def length(value):
    """About the power of two of a rational; None for 0."""
    return int(value.p).bit_length() - int(value.q).bit_length() if value else None


def without_free_part(cell, short, size=None):
    """What is short when c is the best one for it; of independent samples in proportion to their ``size``."""
    if not cell.m:
        return short
    values = [short.get(i, fmpq(0)) for i in range(cell.N)]
    if size is None:
        output = cell.best_free_output(values, [])
    else:
        output = cell.best_free_output(values, cell.apart, weights_of(cell, size))
    return {i: e - output[i] for i, e in short.items()}


def weights_of(cell, size):
    """The weight of each of N independent samples. It has to make up for what c leaves by itself, and its
    values can bear that in proportion to Σ_d |x_id R_jd|. So the longest sample counts least."""
    sums = (sum((sizes[j] for j in own), fmpq(0)) for sizes, own in zip(size, cell.active, strict=True))
    rooms = [length(total) for total in sums]
    most = max((room for room in rooms if room is not None), default=0)
    return [0 if room is None else min(most - room, LONGEST) for room in rooms]


def near_zero(cell, V, size):
    """Inactive pairs whose value may be 0: putting it there moves it by no more than ``NEAR``."""
    values = (abs(V[i][j]) for i in range(cell.N) for j in cell.active[i])
    most = fmpq(1, 10**7) * max([*map(abs, cell.y), *values])
    inactive = ((i, j) for i in range(cell.N) if any(cell.rows[i]) for j in range(cell.K))
    alive = ((i, j) for i, j in inactive if cell.group[j] >= 0 and not cell.pattern[i][j])
    return {(i, j) for i, j in alive if abs(V[i][j]) <= min(most, NEAR * size[i][j])}


def outside(cell, V, signs):
    """Inactive pairs that are not certain to be on their side."""
    if V is None:
        return set()
    inactive = ((i, j) for i in range(cell.N) for j in range(cell.K) if not cell.pattern[i][j])
    return {(i, j) for i, j in inactive if not times(V[i][j], fmpq(signs[j])) <= 0}


def bearers_of(cell, size):
    """The active neurons of each sample whose rounding, Σ_d |x_id R_jd|, is not far below another's."""
    found = []
    for sizes, active in zip(size, cell.active, strict=True):
        most = max((sizes[j] for j in active), default=fmpq(0))
        found.append([j for j in active if sizes[j] * (1 << BEARING) >= most])
    return found


def moved_values(cell, V, short, zero, precision, bearers):
    """V after the least change of R that makes up for what is short and puts the pairs of ``zero`` at 0."""
    if cell.independent:  # any values can be prescribed
        rows = [list(row) for row in V]
        for i, mine in enumerate(bearers):
            for j in mine:
                rows[i][j] += short[i] / len(mine)
        for i, j in zero:
            rows[i][j] = fmpq(0)
        return rows
    right = [short[i] for i in cell.alive]
    if zero:
        return with_zeros(cell, V, right, zero)
    if cell.everything:
        return V
    b, denominator = whole([[e] for e in right])
    A = cell.moving
    if cell.rank == A.ncols():
        change = solve(A.transpose() * A, A.transpose() * matrix(b, 1), precision)
    else:
        at = pivots(A.transpose())
        rows = matrix(some_rows(A, at), A.ncols())
        along = solve(rows * rows.transpose(), matrix([b[i] for i in at], 1), precision)
        change = product(some_rows(rows.transpose(), range(A.ncols())), along)
        if not cell.wide:
            exact, more = whole([[c] for c in change])
            need(A * matrix(exact, 1) == matrix(b, 1) * more, "no exact minimiser is found")
    shift = []
    for g, m in enumerate(cell.members):
        part = product(cell.span, change[g * cell.r : (g + 1) * cell.r])
        shift.append([times(a, fmpq(1, denominator * len(m))) for a in part])
    return [
        [v if cell.group[j] < 0 else plus(v, shift[cell.group[j]][i]) for j, v in enumerate(V[i])]
        for i in range(cell.N)
    ]


def with_zeros(cell, V, right, zero, sizes=None):
    """As ``moved_values``, every neuron for itself, over the rationals, in proportion to powers of two
    ``sizes``; None if it cannot be."""
    width, equations = cell.K * cell.r + cell.m, len(cell.alive) + len(zero)
    sizes = [0] * width if sizes is None else sizes
    rank, bits = min(equations, width), cell.top + max(sizes, default=0)
    small = rank <= UNKNOWNS and rank**2 * bits <= WORK and equations * width * bits <= 4 * BITS
    need(small and equations * width <= ENTRIES, "there are too many values near zero for this checker")
    alive = [] if cell.everything else cell.alive  # then every R is a minimiser
    right = [] if cell.everything else right
    rows = [[*(a if on else 0 for on in cell.pattern[i] for a in cell.span[i]), *cell.free[i]] for i in alive]
    for i, j in zero:
        row = [0] * width
        row[j * cell.r : (j + 1) * cell.r] = cell.span[i]
        rows.append(row)
        right = [*right, -V[i][j]]
    B = matrix([[a << s for a, s in zip(row, sizes, strict=True)] for row in rows], width)
    b, denominator = whole([[e] for e in right])
    at = pivots(B.transpose())
    picked = matrix(some_rows(B, at), width)
    along = solve(picked * picked.transpose(), matrix([b[i] for i in at], 1), None)
    change = product(some_rows(picked.transpose(), range(width)), along)
    exact, more = whole([[c] for c in change])
    if B * matrix(exact, 1) != matrix(b, 1) * more:
        return None
    change = [c * (1 << s) for c, s in zip(change, sizes, strict=True)]
    moves = [product(cell.span, change[j * cell.r : (j + 1) * cell.r]) for j in range(cell.K)]
    return [[v + moves[j][i] / denominator for j, v in enumerate(V[i])] for i in range(cell.N)]


def need_near(cell, V, before, size):
    """The minimiser is what the witness is, up to rounding."""
    need(is_near(cell, V, before, size), "the witness is not near a minimiser")


def is_near(cell, V, before, size):
    for i in range(cell.N):
        for j in range(cell.K):
            moved = minus(V[i][j], before[i][j])
            slack = NEAR * size[i][j]
            if not (moved <= slack and minus(fmpq(0), moved) <= slack):
                return False
    return True


def need_inside(cell, V, signs, margin, exact):
    """The minimiser is in the cell and has the margin stated."""
    attained = margin >= 1 - 2 * MARGIN
    for i in range(cell.N):
        for j in range(cell.K):
            v = times(V[i][j], fmpq(signs[j]))
            if cell.pattern[i][j]:
                need(
                    v > 0 and v >= margin * (1 - MARGIN),
                    "a minimiser near the witness has not the margin stated",
                )
                attained = attained or margin >= times(v, 1 - 2 * MARGIN)
            else:
                need(v <= 0, "a minimiser near the witness is outside the cell")
    need(attained or not exact, "the witness has a larger margin than the one stated")


# Bad, global


def network_loss(cell, network):
    """The exact loss of a network of at most K neurons."""
    need(isinstance(network, dict), "the better network is missing")
    z = [real(a) for a in items(network.get("z"))]
    need(len(z) <= cell.K, "the better network has more neurons")
    W = [[real(a) for a in items(row, cell.D)] for row in items(network.get("W"), len(z))]
    V = values_of(cell, W)[0] if W else [[] for _ in range(cell.N)]
    c = coefficients(cell, network)
    total = fmpq(0)
    for i, row in enumerate(V):
        e = sum((b * v for b, v in zip(z, row, strict=True) if v > 0), fmpq(0)) - cell.y[i]
        e += sum((a * b for a, b in zip(cell.exact_F[i], c, strict=True)), fmpq(0))
        total += e * e
    return total / cell.N


def coefficients(cell, data):
    """c of a network with a free part; none without one."""
    width = len(cell.exact_F[0])
    need(width or "c" not in data, "there are coefficients of a free part, but no free part")
    return [real(a) for a in items(data.get("c"), width)] if width else []


def check_quality(cell, data, precision):
    quality = data.get("quality")
    if quality is None:
        return
    need(data.get("verdict") == "genuine", "only a genuine minimum is bad or global")
    loss = loss_of(cell, cell.fitted(precision))
    if quality == "global":
        need(loss == 0, "the loss is not 0, or not known well enough")
        return
    need(quality == "bad", "a minimum is bad or global")
    need(network_loss(cell, data.get("better")) < loss, "the better network's loss is not smaller")


# Critical points


KINDS_OF_POINTS = ("differentiable minimum", "non-differentiable minimum", "saddle")


def check_point(data):
    """An exact critical point of the kind stated lies within the distance stated of (W, z), with the same z.

    Its neurons with z_j ≠ 0 solve the first-order equations with the stated pairs on the boundary, over the
    rationals; its others have w_j orthogonal to g_j. Everything is then checked on these exact numbers.
    """
    cell = Cell({**data, "pattern": ["1"] * len(items(data.get("X")))})
    kind = data.get("point")
    need(kind in KINDS_OF_POINTS, "the kind of point is unknown")
    z = [real(a) for a in items(data.get("z"))]
    K = len(z)
    need(1 <= K and cell.N * cell.D * K <= ENTRIES, "there are no neurons, or too many")
    W = [[real(a) for a in items(row, cell.D)] for row in items(data.get("W"), K)]
    pairs = [items(pair, 2) for pair in items(data.get("boundary"))]
    boundary = [(integer(i, 0, cell.N), integer(j, 0, K)) for i, j in pairs]
    need(len(set(boundary)) == len(boundary), "a pair is on the boundary twice")
    need(all(z[j] for _, j in boundary), "a pair on the boundary belongs to a neuron with z_j = 0")
    distance = real(data.get("distance"))
    need(distance >= 0, "the distance is negative")
    multipliers = [real(a) for a in items(data.get("multipliers"), len(boundary))]
    c = coefficients(cell, data)
    unknowns = sum(1 for a in z if a) * cell.D + len(boundary) + len(c)
    small = unknowns <= 500 and cell.N * unknowns <= 400_000 and unknowns**2 * cell.top <= WORK
    if small and cell.N * cell.D * K * unknowns * cell.top <= 4 * BITS:
        point = CriticalPoint(cell, W, z, boundary, multipliers, c)
    else:
        need(len(c) <= FREE_COLUMNS, "the free part is too large for this checker")
        point = IndependentPoint(cell, W, z, boundary, c)
    point.check(kind)
    need(point.is_within(distance), "the exact point is further away than the distance stated")
    check_point_quality(cell, data, point)


def check_point_quality(cell, data, point):
    """A minimum is global if its loss is 0, bad if a network with as many neurons has a smaller one."""
    quality = data.get("quality")
    if quality is None:
        return
    need(data.get("point") != "saddle", "only a minimum is bad or global")
    loss = sum((e * e for e in point.e), fmpq(0)) / cell.N
    if quality == "global":
        need(loss == 0, "the loss is not 0")
        return
    need(quality == "bad", "a minimum is bad or global")
    cell.K = point.K
    need(network_loss(cell, data.get("better")) < loss, "the better network's loss is not smaller")


class CriticalPoint:
    """An exact point near (W, z, c), in the coordinates of the cell's integer columns for its equations."""

    def __init__(self, cell, W, z, boundary, multipliers, c):
        self.cell, self.W, self.z, self.K, self.c = cell, W, z, len(z), c
        self.boundary = boundary
        self.sign = [1 if a > 0 else -1 if a < 0 else 0 for a in z]
        self.loud = [j for j in range(self.K) if z[j]]
        V = values_of(cell, W)[0]
        on = set(self.boundary)
        self.active = [[V[i][j] > 0 and (i, j) not in on for j in range(self.K)] for i in range(cell.N)]
        self.solve(multipliers)

    def solve(self, multipliers):
        """v_j = |z_j| w_j of the neurons with z_j ≠ 0, c, the t of the boundary, and the residual e."""
        cell, D, loud = self.cell, self.cell.D, len(self.loud) * self.cell.D
        free = [whole([list(column)]) for column in zip(*cell.exact_F, strict=True)]
        width = loud + len(free)
        A = matrix(
            [
                [
                    *(self.sign[j] * a if self.active[i][j] else 0 for j in self.loud for a in cell.rows[i]),
                    *(column[0][i] for column, _ in free),
                ]
                for i in range(cell.N)
            ],
            width,
        )
        H = [
            [*(a if k == j else 0 for k in self.loud for a in cell.rows[i]), *([0] * len(free))]
            for i, j in self.boundary
        ]
        gram, m = A.transpose() * A, len(self.boundary)
        rows = [[*(gram[r, c] for c in range(width)), *(H[n][r] for n in range(m))] for r in range(width)]
        rows += [[*h, *([0] * m)] for h in H]
        y, denominator = whole([[a] for a in cell.y])
        b = A.transpose() * matrix(y, 1)
        right = [fmpq(b[r, 0], denominator) for r in range(width)] + [fmpq(0)] * m
        start = [
            abs(self.z[j]) * a * f for j in self.loud for a, f in zip(self.W[j], cell.factor, strict=True)
        ]
        start += [a / below for a, (_, below) in zip(self.c, free, strict=True)]
        found = keep_start(rows, right, start + multipliers)
        self.new_c = [a * below for a, (_, below) in zip(found[loud:width], free, strict=True)]
        self.v = {j: found[k * D : (k + 1) * D] for k, j in enumerate(self.loud)}
        self.t = dict(zip(self.boundary, found[width:], strict=True))
        self.values = {j: product(cell.rows, v) for j, v in self.v.items()}
        self.e = [
            sum((self.sign[j] * self.values[j][i] for j in self.loud if self.active[i][j]), fmpq(0))
            + sum((a * b for a, b in zip(cell.exact_F[i], self.new_c, strict=True)), fmpq(0))
            - cell.y[i]
            for i in range(cell.N)
        ]

    def pull(self, j):
        """g_j = Σ e_i x_i over the active samples, in the coordinates of X itself."""
        rows = [i for i in range(self.cell.N) if self.active[i][j]]
        X = self.cell.exact_X
        return [sum((self.e[i] * X[i][d] for i in rows), fmpq(0)) for d in range(self.cell.D)]

    def check(self, kind):
        on = set(self.boundary)
        for j in self.loud:
            for i, v in enumerate(self.values[j]):
                if (i, j) in on:
                    need(v == 0, "a boundary pair of the exact point is not on its hyperplane")
                elif any(self.cell.rows[i]):
                    need(v > 0 if self.active[i][j] else v < 0, "the exact point is in another cell")
        kinks = sum(self.kinks(j) for j in self.loud)
        falls = self.silent(kind)
        if kind == "saddle":
            need(falls, "no neuron with z_j = 0 is pulled: there is no descent direction")
        else:
            need(not falls, "a neuron with z_j = 0 is pulled: the loss falls")
            need(
                bool(kinks) == (kind == "non-differentiable minimum"),
                "the point has kinks, or none, unlike its kind",
            )

    def kinks(self, j):
        """The hyperplanes with a kink, after the first-order condition on each: −b ≤ θ ≤ a."""
        lines = {}
        for i, k in self.boundary:
            if k == j and any(self.cell.rows[i]):
                row = self.cell.rows[i]
                lead = next(a for a in row if a)
                key = tuple(fmpq(a, lead) for a in row)
                lines.setdefault(tuple((int(q.p), int(q.q)) for q in key), []).append((i, lead))
        count = 0
        for members in lines.values():
            up = sum((self.sign[j] * self.e[i] * c for i, c in members if c > 0), fmpq(0))
            down = sum((self.sign[j] * self.e[i] * -c for i, c in members if c < 0), fmpq(0))
            theta = sum((self.t[i, j] * c for i, c in members), fmpq(0))
            need(-down <= theta <= up, "a multiplier of the boundary is out of its range")
            count += up + down != 0
        return count

    def silent(self, kind):
        """Whether a neuron with z_j = 0 is pulled; moves each so that the point is critical."""
        falls = False
        self.new = {}
        for j in range(self.K):
            if self.z[j]:
                continue
            g = self.pull(j)
            square = sum((a * a for a in g), fmpq(0))
            if not square:
                self.new[j] = self.W[j]
            else:
                falls = True
                along = sum((a * b for a, b in zip(g, self.W[j], strict=True)), fmpq(0)) / square
                self.new[j] = [b - along * a for a, b in zip(g, self.W[j], strict=True)]
            V = [row[0] for row in values_of(self.cell, [self.new[j]])[0]]
            for i, v in enumerate(V):
                if any(self.cell.rows[i]):
                    need(
                        v > 0 if self.active[i][j] else v < 0,
                        "a neuron with z_j = 0 is on, or beyond, a boundary",
                    )
        return falls

    def is_within(self, distance):
        return self.moved() <= distance * distance

    def moved(self):
        """|W' − W|² + |c' − c|²."""
        total = sum(((a - b) * (a - b) for a, b in zip(self.new_c, self.c, strict=True)), fmpq(0))
        for j in range(self.K):
            if self.z[j]:
                new = [a / f / abs(self.z[j]) for a, f in zip(self.v[j], self.cell.factor, strict=True)]
            else:
                new = self.new[j]
            total += sum(((a - b) * (a - b) for a, b in zip(new, self.W[j], strict=True)), fmpq(0))
        return total


class IndependentPoint:
    """An exact point near (W, z, c) on linearly independent samples, whose values w_j·x_i may be chosen.

    Boundary pairs get 0; a sample with a neuron z_j ≠ 0 active on it is fitted exactly, e = 0, each such
    neuron changing in proportion to z_j; e = −y on the others. All g_j of neurons with z_j ≠ 0 and all
    multipliers are then 0, and a boundary pair needs z_j e_i ≥ 0. A neuron with z_j = 0 that is pulled moves
    along e. A free part's c is moved to fit the other samples as well as it can, and y − F c takes y's place.
    """

    def __init__(self, cell, W, z, boundary, c):
        need(cell.independent, "the point is too large for this checker")
        need(cell.N <= SAMPLES, "there are too many samples for this checker")
        self.cell, self.z, self.K, self.boundary = cell, z, len(z), boundary
        u, on = values_of(cell, W)[0], set(boundary)
        N, K = cell.N, self.K
        active = [[u[i][j] > 0 and (i, j) not in on for j in range(K)] for i in range(N)]
        self.e, new = [], [list(row) for row in u]
        label = self.labels(c, [not any(z[j] and active[i][j] for j in range(K)) for i in range(N)])
        for i in range(N):
            loud = [j for j in range(K) if z[j] and active[i][j]]
            e = sum((z[j] * u[i][j] for j in loud), -label[i])
            if loud:
                size = sum((z[j] * z[j] for j in loud), fmpq(0))
                for j in loud:
                    new[i][j] = u[i][j] - z[j] * e / size
                e = fmpq(0)
            self.e.append(e)
        for i, j in boundary:
            new[i][j] = fmpq(0)
        self.falls = False
        for j in range(K):
            rows = [] if z[j] else [i for i in range(N) if active[i][j] and self.e[i]]
            if rows:
                self.falls = True
                square = sum((self.e[i] * self.e[i] for i in rows), fmpq(0))
                along = sum((self.e[i] * u[i][j] for i in rows), fmpq(0)) / square
                for i in rows:
                    new[i][j] = u[i][j] - along * self.e[i]
        for i in range(N):
            for j in range(K):
                if (i, j) not in on:
                    right = new[i][j] > 0 if active[i][j] else new[i][j] < 0
                    need(right, "the exact point is on a boundary, or in another cell")
        self.change = [[a - b for a, b in zip(*rows, strict=True)] for rows in zip(new, u, strict=True)]

    def labels(self, c, apart):
        """y − F c' for the c' nearest to c that fits the samples ``apart`` as well as it can."""
        cell, self.moved_c = self.cell, fmpq(0)
        if not cell.m:
            return cell.y
        rows, below = whole(cell.exact_F)
        table = matrix([row for row, on in zip(rows, apart, strict=True) if on], len(c))
        new = c
        if any(apart):
            output = [sum((a * b for a, b in zip(row, c, strict=True)), fmpq(0)) for row in rows]
            missing = [[y * below - f] for y, f, on in zip(cell.y, output, apart, strict=True) if on]
            b, denominator = whole(missing)
            bits = max(a.bit_length() for row in rows for a in row)
            need(len(c) ** 2 * bits <= WORK, "the free part is too large for this checker")
            gram, pull = table.transpose() * table, table.transpose() * matrix(b, 1)
            at = pivots(gram.transpose())
            picked = matrix(some_rows(gram, at), len(c))
            change = [fmpq(0)] * len(c)
            if at:
                along = solve(picked * picked.transpose(), matrix(some_rows(pull, at), 1), None)
                change = product(some_rows(picked.transpose(), range(len(c))), along)
            wrong = zip(product(some_rows(gram, range(len(c))), change), pull.tolist(), strict=True)
            need(all(a == b[0] for a, b in wrong), "the rank modulo a prime is not the rank")
            new = [a + d / denominator for a, d in zip(c, change, strict=True)]
        self.moved_c = sum(((a - b) * (a - b) for a, b in zip(new, c, strict=True)), fmpq(0))
        return [
            y - sum((a * b for a, b in zip(row, new, strict=True)), fmpq(0))
            for y, row in zip(cell.y, cell.exact_F, strict=True)
        ]

    def check(self, kind):
        slopes = [self.e[i] * (1 if self.z[j] > 0 else -1) for i, j in self.boundary]
        need(all(slope >= 0 for slope in slopes), "the loss falls across a boundary")
        need(
            self.falls == (kind == "saddle"),
            "a neuron with z_j = 0 is pulled, or none is, unlike the kind of point",
        )
        if kind != "saddle":
            need(
                any(slopes) == (kind == "non-differentiable minimum"),
                "the point has kinks, or none, unlike its kind",
            )

    def is_within(self, distance):
        """Whether |Δ| is at most that, for the least Δ with X Δ_j = the change of the values, from balls."""
        if not any(any(row) for row in self.change):
            return self.moved_c <= distance * distance
        cell, K = self.cell, self.K
        rows, below = whole(cell.exact_X)
        table = matrix(rows, cell.D)
        gram = table * table.transpose()
        change, denominator = whole(self.change)
        right = matrix(change, K)
        for precision in PRECISIONS:
            ctx.prec = precision
            try:
                weights = arb_mat(gram).solve(arb_mat(right))
            except ZeroDivisionError:
                continue
            total = sum((weights[i, j] * change[i][j] for i in range(cell.N) for j in range(K)), arb(0))
            square = total * arb(fmpq(below, denominator)) ** 2 + arb(self.moved_c)
            if square <= distance * distance:
                return True
            if square > distance * distance:
                break
        return False


def keep_start(rows, right, start, otherwise="the first-order equations have no solution"):
    """A solution over the rationals; unknowns that are not needed keep their start."""
    table = matrix(rows, len(start))
    chosen = pivots(table)
    part = matrix([[row[c] for c in chosen] for row in rows], len(chosen))
    at = pivots(part.transpose())
    kept = [fmpq(0) if c in set(chosen) else v for c, v in enumerate(start)]
    left = [b - a for b, a in zip(right, product(rows, kept), strict=True)]
    ints, denominator = whole([[left[i]] for i in at])
    found = solve(matrix(some_rows(part, at), len(chosen)), matrix(ints, 1), None)
    for c, v in zip(chosen, found, strict=True):
        kept[c] = v / denominator
    need(all(a == b for a, b in zip(product(rows, kept), right, strict=True)), otherwise)
    return kept


# Files


def check(data):
    """Raises Rejected unless everything that the file claims is proven."""
    need(isinstance(data, dict), "this is no certificate")
    version = data.get("format_version")
    need(type(version) is int and version in MORE_KEYS, "format_version is not 2, 3 or 4")
    need(
        {"free", "rest"} & data.keys() in MORE_KEYS[version],
        "a free part belongs to format 3, a rest to format 4: make the certificate again",
    )
    if data.get("kind") == "critical point":
        need("rest" not in data, "a critical point has no rest")
        return check_point(data)
    need(data.get("kind") == "decision", "the kind of certificate is unknown")
    cell = Cell(data)
    need(type(data.get("exact")) is bool, "exact is not true or false")
    checks = {"genuine": check_genuine, "none": check_none}
    need(data.get("verdict") in tuple(checks), "an undecided cell has no certificate")
    reason = None
    for precision in (*PRECISIONS, None) if len(cell.alive) > EXACT and cell.G * cell.D > EXACT else (None,):
        try:
            checks[data["verdict"]](cell, data, precision)
            return check_quality(cell, data, precision)
        except Rejected as error:
            reason = error
        except ZeroDivisionError:
            reason = Rejected("a linear system is singular, or nearly so")
    raise reason


def read(path):
    with Path(path).open("rb") as file:
        text = file.read(BYTES + 1)
    need(len(text) <= BYTES, "the file is too large")
    values = sum(map(text.count, (b",", b"[", b"{")))
    need(values <= VALUES, "the file holds too many things")
    try:
        return json.loads(text.decode("ascii"), object_pairs_hook=once, parse_constant=refuse)
    except (ValueError, RecursionError):
        raise Rejected("this is not JSON") from None


def once(pairs):
    """An object that has every key once."""
    found = dict(pairs)
    need(len(found) == len(pairs), "a key stands twice in an object")
    return found


def refuse(text):
    raise Rejected(f"{text} is no number")


def main(paths):
    if not paths:
        print(__doc__.splitlines()[0], file=sys.stderr)
        return 2
    failed = 0
    for path in paths:
        try:
            check(read(path))
            word = "proven"
        except Rejected as error:
            word = f"rejected: {error}"
        except OSError as error:
            word = f"rejected: {error.strerror}"
        except Exception as error:  # whatever cannot be read or computed is not proven
            word = f"rejected: {type(error).__name__}"
        failed += word != "proven"
        encoding = sys.stdout.encoding or "ascii"  # which may lack letters of the path
        print(f"{path}: {word}".encode(encoding, "backslashreplace").decode(encoding))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
