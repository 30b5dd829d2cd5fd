"""Events are written in the transaction of what they announce, and delivered afterwards."""
