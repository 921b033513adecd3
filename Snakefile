"""What plain `snakemake` finds; the workflow stands in workflow/Snakefile."""


include: "workflow/Snakefile"


# The target `paper`: a file's default target does not pass on to the file that includes it.
rule all:
    default_target: True
    input:
        TARGETS["paper"],
