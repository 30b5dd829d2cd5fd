"""A performance lab: a bottleneck hypothesis goes in, a verdict with its evidence comes out."""
