"""How the results of a related work stand in the report."""


def related_result(work, name, caption, contents, kind):
    """A file of results/related with its caption, under the work's name."""
    return report(
        f"results/related/{name}",
        caption=f"../../report/{caption}.rst",
        category="Related works",
        subcategory=work,
        labels={"contents": contents, "kind": kind},
    )
