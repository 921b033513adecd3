"""Karhadkar, Murray, Tseran and Montúfar: share of activation regions with a Jacobian of full rank.

In:  paper/related/jacobian_rank.csv                      figures of an earlier re-run
Out: results/related/jacobian_rank/{family}/{value}.npz   one heat map; value is d0 or the ratio d0 / n
     results/related/jacobian_rank.csv, jacobian_rank_agreement.csv
     results/related/jacobian_rank_fixed_d0, jacobian_rank_proportional_d0 (.pdf, .png)
     results/related/uniform_regions/{n}.npz, uniform_regions (.csv, .pdf, .png)   one input dimension
"""

JACOBIAN_RANK = WORKS["jacobian_rank"]
RANK_MAPS = related_plan.rank_maps(JACOBIAN_RANK)
UNIFORM_REGIONS = JACOBIAN_RANK["uniform_regions"]


rule measure_jacobian_rank:
    output:
        "results/related/jacobian_rank/{family}/{value}.npz",
    log:
        "logs/measure_jacobian_rank/{family}/{value}.log",
    wildcard_constraints:
        family="|".join(RANK_MAPS),
        value=r"\d+(\.\d+)?",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        grid=lambda wildcards: related_plan.rank_grid(JACOBIAN_RANK, wildcards.family),
        code=code_of("related/jacobian_rank/measure_jacobian_rank"),
    script:
        "../../scripts/related/jacobian_rank/measure_jacobian_rank.py"


rule tabulate_jacobian_rank:
    input:
        earlier=here("paper/related/jacobian_rank.csv"),
        maps=[
            f"results/related/jacobian_rank/{family}/{value}.npz"
            for family, values in RANK_MAPS.items()
            for value in values
        ],
    output:
        table=related_result(
            "Karhadkar et al.",
            "jacobian_rank.csv",
            "jacobian_rank/jacobian_rank",
            "full-rank shares",
            "table",
        ),
        agreement=related_result(
            "Karhadkar et al.",
            "jacobian_rank_agreement.csv",
            "jacobian_rank/jacobian_rank_agreement",
            "agreement with an earlier re-run",
            "table",
        ),
    log:
        "logs/tabulate_jacobian_rank.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("related/jacobian_rank/tabulate_jacobian_rank"),
    script:
        "../../scripts/related/jacobian_rank/tabulate_jacobian_rank.py"


rule plot_jacobian_rank:
    input:
        "results/related/jacobian_rank.csv",
    output:
        related_result(
            "Karhadkar et al.",
            "jacobian_rank_{family}.png",
            "jacobian_rank/jacobian_rank_maps",
            "full-rank shares, {family}",
            "figure",
        ),
        "results/related/jacobian_rank_{family}.pdf",
    log:
        "logs/plot_jacobian_rank/{family}.log",
    wildcard_constraints:
        family="|".join(RANK_MAPS),
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        grid=lambda wildcards: {
            "values": RANK_MAPS[wildcards.family],
            **related_plan.rank_grid(JACOBIAN_RANK, wildcards.family),
        },
        code=code_of("related/jacobian_rank/plot_jacobian_rank"),
    script:
        "../../scripts/related/jacobian_rank/plot_jacobian_rank.py"


rule sample_uniform_regions:
    output:
        "results/related/uniform_regions/{n}.npz",
    log:
        "logs/sample_uniform_regions/{n}.log",
    wildcard_constraints:
        n=r"\d+",
    conda:
        "../../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=120,
    params:
        seed=config["seed"],
        settings={key: value for key, value in UNIFORM_REGIONS.items() if key != "n"},
        code=code_of("related/jacobian_rank/sample_uniform_regions"),
    script:
        "../../scripts/related/jacobian_rank/sample_uniform_regions.py"


rule tabulate_uniform_regions:
    input:
        [f"results/related/uniform_regions/{n}.npz" for n in UNIFORM_REGIONS["n"]],
    output:
        table=related_result(
            "Karhadkar et al.",
            "uniform_regions.csv",
            "jacobian_rank/uniform_regions",
            "regions in one dimension",
            "table",
        ),
        png=related_result(
            "Karhadkar et al.",
            "uniform_regions.png",
            "jacobian_rank/uniform_regions",
            "regions in one dimension",
            "figure",
        ),
        pdf="results/related/uniform_regions.pdf",
    log:
        "logs/tabulate_uniform_regions.log",
    localrule: True
    conda:
        "../../envs/relucells.yaml"
    params:
        n=UNIFORM_REGIONS["n"],
        confidence=config["confidence"],
        code=code_of("related/jacobian_rank/tabulate_uniform_regions"),
    script:
        "../../scripts/related/jacobian_rank/tabulate_uniform_regions.py"


rule jacobian_rank:
    input:
        TARGETS["jacobian_rank"],
