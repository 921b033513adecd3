"""Up to how many samples cells hold a genuine minimum: a map, laws, and data of other kinds.

In:  data/images/{images}.npz (of the kinds made of images); Gaussian samples are drawn
Out: results/transition/series/{series}.npz   random cells of one kind of data, d, K and bias over N
     results/transition/points.csv            shares of genuine minima, of full rank, of covered cells
     results/transition/locations.csv         where each share is one half
     results/transition/laws.csv, laws.md     how that place scales with K and d, rivals side by side
     results/transition/kinds.csv             all kinds of data at one d, K and bias
     results/transition/orders.csv, orders.md which property of the data orders them
     results/transition/map, law, kinds       (.pdf, .png), and data/{map,law,kinds}.csv behind them
     results/transition/brackets              (.csv, .pdf, .png) between which N some choice of signs helps

Target: transition
"""

TRANSITION_KINDS = config["transition"]["kinds"]


wildcard_constraints:
    series="|".join(map(re.escape, SERIES)),


rule map_series:
    input:
        lambda wildcards: transition_plan.image_file(SERIES[wildcards.series]),
    output:
        "results/transition/series/{series}.npz",
    log:
        "logs/map_series/{series}.log",
    conda:
        "../envs/relucells.yaml"
    resources:
        mem_mb=500,
        runtime=60,
    params:
        seed=config["seed"],
        entry=lambda wildcards: SERIES[wildcards.series],
        code=code_of("transition/map_series"),
    script:
        "../scripts/transition/map_series.py"


rule locate_transition:
    input:
        transition_plan.series_files(SERIES),
    output:
        points=transition_result(
            "points.csv", "transition_points", "shares over N", "table"
        ),
        locations=transition_result(
            "locations.csv", "transition_locations", "where the share is 1/2", "table"
        ),
    log:
        "logs/locate_transition.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        series=SERIES,
        confidence=config["confidence"],
        code=code_of("transition/locate_transition"),
    script:
        "../scripts/transition/locate_transition.py"


rule fit_laws:
    input:
        "results/transition/locations.csv",
    output:
        csv=transition_result("laws.csv", "transition_laws", "scaling laws", "table"),
        md=transition_result("laws.md", "transition_laws", "scaling laws", "table"),
        tex="results/transition/laws.tex",
        predictions="results/transition/data/law.csv",
    log:
        "logs/fit_laws.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        confidence=config["confidence"],
        code=code_of("transition/fit_laws"),
    script:
        "../scripts/transition/fit_laws.py"


rule compare_kinds:
    input:
        "results/transition/locations.csv",
    output:
        kinds=transition_result(
            "kinds.csv", "transition_kinds_table", "kinds of data", "table"
        ),
        csv=transition_result(
            "orders.csv", "transition_orders", "what orders the kinds", "table"
        ),
        md=transition_result(
            "orders.md", "transition_orders", "what orders the kinds", "table"
        ),
        tex="results/transition/orders.tex",
    log:
        "logs/compare_kinds.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        at=config["transition"]["compare"],
        families=transition_plan.families_of_kinds(TRANSITION_KINDS),
        classes=transition_plan.classes_of_kinds(TRANSITION_KINDS),
        repeats=transition_plan.repeated_kinds(TRANSITION_KINDS),
        confidence=config["confidence"],
        code=code_of("transition/compare_kinds"),
    script:
        "../scripts/transition/compare_kinds.py"


rule plot_transition:
    input:
        points="results/transition/points.csv",
        locations="results/transition/locations.csv",
        laws="results/transition/laws.csv",
        predictions="results/transition/data/law.csv",
        kinds="results/transition/kinds.csv",
        orders="results/transition/orders.csv",
    output:
        map_csv="results/transition/data/map.csv",
        kinds_csv="results/transition/data/kinds.csv",
        map_pdf=transition_result("map.pdf", "transition_map", "map", "figure"),
        map_png=transition_result("map.png", "transition_map", "map", "figure"),
        law_pdf=transition_result("law.pdf", "transition_law", "law", "figure"),
        law_png=transition_result("law.png", "transition_law", "law", "figure"),
        kinds_pdf=transition_result("kinds.pdf", "transition_kinds", "kinds", "figure"),
        kinds_png=transition_result("kinds.png", "transition_kinds", "kinds", "figure"),
    log:
        "logs/plot_transition.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("transition/plot_transition"),
    script:
        "../scripts/transition/plot_transition.py"


rule bracket_signs:
    input:
        points="results/transition/points.csv",
    output:
        csv=transition_result(
            "brackets.csv", "transition_brackets", "some choice of signs", "table"
        ),
        pdf=transition_result(
            "brackets.pdf", "transition_brackets", "some choice of signs", "figure"
        ),
        png=transition_result(
            "brackets.png", "transition_brackets", "some choice of signs", "figure"
        ),
    log:
        "logs/bracket_signs.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        code=code_of("transition/bracket_signs"),
    script:
        "../scripts/transition/bracket_signs.py"


rule transition:
    input:
        TARGETS["transition"],
