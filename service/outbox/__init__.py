"""Events leave with what they tell of: written in its transaction, delivered afterwards."""
