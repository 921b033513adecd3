"""What the workflow's rules and scripts share: plain Python that imports no Snakemake."""
