"""Numbers in, numbers out: the statistics of the lab, which know nothing of the lab."""
