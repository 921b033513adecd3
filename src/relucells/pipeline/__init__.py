"""What the workflow's rules and scripts share: plain Python, which knows nothing of Snakemake."""
