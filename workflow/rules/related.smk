"""The related works, one file for each; every work is also a target of its own.

In:  config section `related`, paper/related/*.csv (figures of the works)
Out: results/related/*

Targets: safran_shamir, jacobian_rank, critical_points, added_neuron,
         maximum_and_concatenation, local_optimality
"""

WORKS = config["related"]


include: "related/safran_shamir.smk"
include: "related/jacobian_rank.smk"
include: "related/critical_points.smk"
include: "related/added_neuron.smk"
include: "related/maximum_and_concatenation.smk"
include: "related/local_optimality.smk"
