"""The verdict: the rule that decides, the result on disk, and its wording."""
