"""Files and settings of the related works, and how their results stand in the report."""


def related_result(work, name, caption, contents, kind):
    """A file of results/related with its caption, under the work's name."""
    return report(
        f"results/related/{name}",
        caption=f"../../report/related/{caption}.rst",
        category="Related works",
        subcategory=work,
        labels={"contents": contents, "kind": kind},
    )


def student_files(name, students):
    return [f"results/related/safran_shamir/{k}_{n}/{name}.npz" for k, n in students]


def rank_grid(family):
    """n, d1 and trials of a family's heat maps."""
    return {
        "n": WORKS["jacobian_rank"][family]["n"],
        "d1": WORKS["jacobian_rank"][family]["d1"],
        "trials": WORKS["jacobian_rank"]["trials"],
    }
