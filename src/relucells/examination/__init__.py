"""A network that somebody trained: what is it, and what does its cell hold?

``relucells.examine`` asks. Its parts, each of which uses only those above it:

    problem     the samples with the network's free linear part, and networks on them
    walls       the cell of a network, exactly, and how far each neuron is from its walls
    nearness    how far two networks are apart, whatever the scales of their neurons
    candidates  points near a network that might be critical
    points      the certified critical point near it, and where exact descent from it ends
    better      networks of a lower loss
    cell        the minimum of its cell
    words       all of it in plain words
    storage     all of it as plain data, and the certificates as files
"""
