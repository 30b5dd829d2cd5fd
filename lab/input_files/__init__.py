"""Files that people write: values that know their line, and messages with a remedy."""

from lab.input_files.flaw import Flaw, shown, suggestion
from lab.input_files.node import Node, Scalar

__all__ = ["Flaw", "Node", "Scalar", "shown", "suggestion"]
