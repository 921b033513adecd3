"""The data: checked arrays, ranks and bases of the samples, images, Gaussian draws, random streams."""
