"""The trusted part: certificates, what they prove, and their check. It uses no solver and no search.

Read it in this order: this page, ``conventions``, ``certificates`` (what is stored), ``verify`` (the check),
``kinds`` and ``clauses`` (leaves, and how they cover all signs), ``enclosures`` and ``multipliers``
(proofs in floating point, on ``samples.floating``), ``rational`` and ``exact_witness`` (exact arithmetic, on
``dyadic``), ``sign_free`` (all signs at once, on ``definiteness``), ``free_part`` (networks with a free
linear part), ``quality``, ``critical`` and ``independent_points`` (bad, global, kinds of critical points).
``numerical`` proves nothing. ``coercion`` refuses whatever is not a certificate. ``stored`` and ``export``
write files.

A cell: samples x_i, labels y_i, pattern I. Every float is read as the rational number that it is, and rank is
the exact rank. Its minimisers are the R = (R_1, …, R_K) with Σ_i e_i I_ij x_i = 0 for all j, where
e_i = Σ_j I_ij R_j·x_i − y_i; all have the same fitted values p. For signs s_j = sign z_j, its margin is the
largest t ≤ 1 for which some minimiser has s_j R_j·x_i ≥ t on active pairs (I_ij = 1) and ≤ 0 on all others.

**Witness.** If a minimiser R and allowed signs s have s_j R_j·x_i ≥ t > 0 on active pairs and ≤ 0 on inactive
ones, the cell is genuine and its margin at least t. Strict: t > 0. R is stored rounded, with a rest where no
floats are near enough: their exact sum is meant. The check shows that an exact minimiser near it lies in the
cell.

**Cover.** A leaf proves that signs which extend its partial sign vector have a margin of at most its bound
b ≤ 0. Suppose that the leaves' cubes cover all sign vectors that the convention allows. For "exists" those
may be left out that become covered when neurons with equal columns are exchanged. Then no allowed signs have
a positive margin: the cell's margin is at most the largest b, and it holds no genuine minimum. Not strict: b
= 0 suffices, because genuine needs a positive margin.

**Sample.** If all m ≥ 1 neurons active on sample i have sign s, then Σ_j s R_j·x_i over them is s p_i, and
one of the m terms is at most s p_i / m. So the margin is at most s p_i / m. The check shows s p_i ≤ 0.

**Multipliers.** Let μ, ν ≥ 0 on active and inactive pairs of neurons with a sign, and λ, be such that for
every neuron j that has an active sample

    Σ_i I_ij λ_i x_i + s_j (Σ_active μ_ij x_i − Σ_inactive ν_ij x_i) = 0        (s_j = 0: λ alone).

Summed against R_j this gives λ·p = −Σ μ_ij s_j R_j·x_i + Σ ν_ij s_j R_j·x_i ≤ −t Σ μ. So t ≤ −λ·p / Σ μ if
Σ μ > 0, and the check shows λ·p ≥ 0. If Σ μ = 0 and λ·p > 0, there is no margin at all, not even a negative
one. Strict: λ·p > 0 in this second case; all multipliers 0 fulfil everything else. λ and the multipliers are
stored rounded or not at all. The check shows that exact ones near them exist.

**Products.** With σ_ij = 1 where I_ij = 1 and −1 elsewhere, a form f(v) = Σ_i μ_i σ_ij x_i·v, μ ≥ 0, is not
negative at v = s_j R_j of a genuine minimum. So f(R_j) f'(R_j) ≥ 0 for two forms of one neuron, whatever its
sign, and s_j s_k f(R_j) f'(R_k) ≥ 0 where both signs are known. Let Q be a sum of such products with positive
weights, T a set of neurons, B a matrix whose range holds those of A_j, j not in T, and |p − p̂| ≤ e. If
|A_T R_T + B b + τ p̂|² − e² τ² − Q(R_T) is positive definite in (R_T, b, τ), no genuine minimum has these
signs: at one, some b makes it ≤ 0 at (R_T, b, −1). Strict: definiteness, which fails if T, the forms or the
weights are empty or zero. Where B fits p, τ is left out, and T must hold a neuron with an active sample, so
that R_T ≠ 0 (``sign_free``). The bound is 0.

**Free part.** With f = Σ_j I_ij R_j·x_i + F_i·c, c free, the minimisers are the (R, c) for which
|A R + F c − y| is least, p is their A R + F c, and the half-spaces concern R alone. So a witness is an R for
which some c makes a minimiser; multipliers demand Fᵀλ = 0 besides, and have the same proof, since λ·F c = 0;
B of the products holds F's range; and a sample leaf asks for F_i = 0. In its place come **samples**
(``free_part``): λ with Fᵀλ = 0 on samples whose m_i active neurons have the sign of λ_i, or that have none;
the margin is at most λ·p / Σ |λ_i| m_i, and λ·p ≤ 0 is shown. Strict: λ_i ≠ 0 for a sample with m_i ≥ 1.

**Loss.** The minimum's loss is Σ (p_i − y_i)² / N.

**Bad.** A genuine minimum is bad if a network with as many neurons has a loss below it. Strict: an upper
bound on the network's loss is below a lower bound on the minimum's. **Global.** It is global if its loss is
exactly 0: A's range holds y, dead samples have y_i = 0.
"""
