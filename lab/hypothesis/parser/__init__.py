"""Front matter becomes a hypothesis: one module per group of keys.

Each reader checks what a key says by itself. What keys say together is checked by
`lab.hypothesis.validation`.
"""

from lab.hypothesis.parser.top_level_keys import parse_hypothesis

__all__ = ["parse_hypothesis"]
