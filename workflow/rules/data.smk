"""From raw images to the data sets of the experiments.

In:  data_dir (official files), torchvision's mirrors (kept in data/raw), or installed packages;
     for a data set of one's own, the npz file that its entry names
Out: data/images/{images}.npz     every training image that the source has, labels, data_source
     data/subsets/{dataset}.npz   X (N, d+1) with the constant 1 last, y (N,) of ±1, data_source
"""

if workflow.is_main_process:
    if problem := unusable():
        sys.exit(problem)
    if not config["data_dir"] and (kept := kept_line(PLAN.image_sets)):
        print(kept, file=sys.stderr)


# Run where Snakemake runs: compute nodes of a cluster often have no way to the mirrors.
rule fetch_data:
    output:
        # Images that are there stay until better ones are found: a fetch that fails, or finds fewer, changes nothing.
        images=update("data/images/{images}.npz"),
    log:
        "logs/fetch_data/{images}.log",
    wildcard_constraints:
        images="|".join(IMAGE_SETS),
    localrule: True
    conda:
        "../envs/images.yaml"
    params:
        # data_dir is no parameter: official images are the same wherever they were found.
        request=lambda wildcards: request(
            f"data/images/{wildcards.images}.npz",
            config["data_dir"],
            config["fetch_data"]["allow_stand_in"],
            worth_a_look,
        ),
        code=code_of("data/fetch_data"),
    script:
        "../scripts/data/fetch_data.py"


rule make_binary_subsets:
    input:
        lambda wildcards: PLAN.image_file(wildcards.dataset),
    output:
        "data/subsets/{dataset}.npz",
    log:
        "logs/make_binary_subsets/{dataset}.log",
    localrule: True
    conda:
        "../envs/relucells.yaml"
    params:
        entry=lambda wildcards: PLAN.samples(wildcards.dataset),
        # A user's file is no input, because its content counts and not its date, and its name may hold braces.
        own=lambda wildcards: PLAN.own_file(wildcards.dataset),
        seed=lambda wildcards: PLAN.drawing_seed(wildcards.dataset),
        code=code_of("data/make_binary_subsets"),
    script:
        "../scripts/data/make_binary_subsets.py"
