"""The comparison drawn, the page that puts the paper and the reproduction side by side, the last line.

In:  results/comparison.csv, and every result that its rule marks with report(...)
Out: results/figures/comparison.{pdf,png}, results/figures/data/comparison.csv
     results/provenance.csv          versions, seed, sources of the data
     results/costs.csv               CPU time and peak memory of the jobs, by rule
     results/report.html             the results of the target `paper` on one self-contained page
     results/report_everything.html  those of all targets
"""


include: "pages.smk"


rule plot_comparison:
    input:
        COMPARISON,
    output:
        **picture_files(
            "results/figures/comparison",
            caption="../report/report/comparison.rst",
            category="Comparison",
            labels={"result": "printed and ours"},
        ),
        csv="results/figures/data/comparison.csv",
    log:
        "logs/plot_comparison.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("report/plot_comparison"),
    script:
        "../scripts/report/plot_comparison.py"


rule write_provenance:
    input:
        COMPARISON,
    output:
        report(
            "results/provenance.csv",
            caption="../report/report/provenance.rst",
            category="Provenance",
            labels={"result": "versions, seed, data", "format": "csv"},
        ),
    log:
        "logs/write_provenance.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        seed=config["seed"],
        code=code_of("report/write_provenance"),
    script:
        "../scripts/report/write_provenance.py"


# What every job cost, from its log. Only the page that shows it comes later.
rule write_costs:
    input:
        [
            file
            for file in TARGETS["paper"]
            if file not in ("results/costs.csv", "results/report.html")
        ],
    output:
        report(
            "results/costs.csv",
            caption="../report/report/costs.rst",
            category="Provenance",
            labels={"result": "CPU time and memory of the jobs", "format": "csv"},
        ),
    log:
        "logs/write_costs.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("report/write_costs"),
    script:
        "../scripts/report/write_costs.py"


rule write_report:
    input:
        comparison=COMPARISON,
        provenance="results/provenance.csv",
        results=lambda wildcards: [
            result["path"] for result in described(wildcards.page)
        ],
        captions=lambda wildcards: sorted(
            {result["caption"] for result in described(wildcards.page)}
        ),
        template=here("workflow/report/report/page.html.jinja"),
        style=here("workflow/report/report/page.css"),
        script=here("workflow/report/report/page.js"),
    output:
        report(
            "results/{page}.html",
            caption="../report/report/page.rst",
            category="Comparison",
            labels={"result": "the paper and the reproduction", "format": "html"},
        ),
    log:
        "logs/write_report/{page}.log",
    wildcard_constraints:
        page="|".join(PAGES),
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        results=lambda wildcards: described(wildcards.page),
        config=SHOWN_CONFIG,
        code=code_of("report/write_report"),
    script:
        "../scripts/report/write_report.py"
