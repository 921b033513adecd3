"""What the paper prints, named once: tables, columns, figures, data sets, and how each is shown.

Liu, Part 2. A further table, column or data set is one entry here. Rules, scripts and pages read it from
here.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """A table of the paper. trials : weight draws behind each row, None where a row is not made of them."""

    numeral: str
    file: str
    trials: int | None


@dataclass(frozen=True)
class Column:
    """A printed column.

    header : as tables show it; short : as pictures show it; share : a percentage of trials, which
    is printed exactly (otherwise a mean, which is rounded); largest : the most it can be, None for no bound
    """

    name: str
    header: str
    short: str
    share: bool
    largest: float | None


TABLES = {
    table.numeral: table
    for table in (
        Table("I", "table_1", 100),
        Table("II", "table_2", 100),
        Table("III", "table_3", 100),
        Table("IV", "table_4", 100),
        Table("V", "table_5", 10),
        Table("VI", "table_6", None),
    )
}
# Tables whose rows are weight draws; the other one measures diameters.
TRIAL_TABLES = {numeral: table for numeral, table in TABLES.items() if table.trials}
BY_FILE = {table.file: table for table in TABLES.values()}

COLUMNS = {
    column.name: column
    for column in (
        Column("genuine_pct", "genuine %", "genuine", True, 100),
        Column("continuous_pct", "continuous %", "continuous", True, 100),
        Column("mean_gap_probability", "average P_g", "average P_g", False, 1),
        Column("trapped_pct", "trapped %", "trapped", True, 100),
        Column("activated_pct", "activated %", "activated", False, 100),
        Column("mean_diameter", "mean diameter", "mean diameter", False, None),
    )
}

FIGURES = ("1", "2a", "2b", "2c", "2d", "2e", "3a", "3b", "3c", "3d")

# The paper's data sets as tables name them, and as readers do.
DATA = {"gaussian": "Gaussian", "mnist": "MNIST", "cifar10": "CIFAR-10"}

STAND_IN = "stand-in"  # the data_source of images that are not the paper's


def display_name(dataset: str) -> str:
    """A data set as a reader knows it; one of the user's own keeps its name."""
    return DATA.get(dataset, dataset)
