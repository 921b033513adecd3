"""Numbers that docs/certificates.md states about tolerances, against the checker's own constants."""

import math

import pytest
from claims import cases, unsaid

from relucells.certify import exact_witness, numerical, stored, verify
from relucells.samples import floating

PAGE = "docs/certificates.md"


def power_of_two(value: float) -> str:
    """2⁻¹⁰⁷⁴."""
    mantissa, exponent = math.frexp(value)
    assert mantissa == 0.5
    return "2" + str(exponent - 1).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def slack() -> str:
    margin = 2 * float(verify.MARGIN_SLACK)  # a leaf's bound may be off by it, and the decision's from that
    return (
        f"the loss, up to rounding: its square root may be off by {verify.LOSS_SLACK:.0e} of itself plus "
        f"{verify.LOSS_ROUNDING:.0e} of the root mean square of y; […] from below for a genuine cell and "
        f"from above for the others, up to {margin:.0e} of itself. […] may also be off by four of the "
        f"smallest floats, {power_of_two(floating.TINY)}."
    ).replace("e-0", "e-")


def near() -> str:
    assert pytest.approx(1 / exact_witness.ONE_IN_NEAR) == exact_witness.NEAR
    return f"The values may move by at most {exact_witness.NEAR:.0e} of Σ_d |x_id R_jd|".replace("e-0", "e-")


def tolerances() -> str:
    exponent = "⁰¹²³⁴⁵⁶⁷⁸⁹"[round(math.log10(numerical.TOLERANCE / numerical.FULFILLED))]
    return (
        f"is {numerical.TOLERANCE:.0e} of the size of the terms […] to {numerical.FULFILLED:.0e} of that "
        f"size. So what multipliers refute are minimisers whose weights are up to 10{exponent} times […] by "
        f"{numerical.NOISE:.0e} of the labels. […] shorter than {numerical.SHORTEST:.0e} of the longest one"
    ).replace("e-0", "e-")


def versions() -> str:
    return (
        f"JSON about such a network has `format_version` {stored.FREE_FORMAT_VERSION} and a `free` "
        f"key […] A file with a `rest` has `format_version` {stored.REST_FORMAT_VERSION}, […] All "
        f"others keep version {stored.FORMAT_VERSION}."
    )


def parts_of_vectors() -> str:
    return f"vectors are cut into parts of {floating.CUT_BITS} bits"


SAID = {PAGE: [slack, near, tolerances, versions, parts_of_vectors]}


@pytest.mark.parametrize(("page", "says"), cases(SAID))
def test_the_page_says_what_the_checker_does(page, says):
    assert unsaid(page, says()) == []
