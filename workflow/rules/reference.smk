"""A finished run beside the results that the project keeps.

In:  the results of the target `paper`, and whatever else the run has made; reference/
Out: one line, and an exit status that is not zero where a result differs

Target: check_reference
"""


# Without an output: it compares anew whenever it is asked.
rule check_reference:
    input:
        TARGETS["paper"],
    log:
        "logs/check_reference.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        reference=here("reference"),
    script:
        "../scripts/reference/check_reference.py"
