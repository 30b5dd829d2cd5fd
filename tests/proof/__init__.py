"""Long proofs of what the lab claims of itself. `make proof`, or `make proof PART=main-job`.

Each part keeps its finished steps in `.proof/PART.jsonl` and goes on where it was interrupted;
remove that file to measure anew. Figures go to `docs/proof.md`. Parts that make many runs of a kind
make fewer with `PROOF_RUNS=2 make proof PART=small-effects`; a later call makes the others.
"""
