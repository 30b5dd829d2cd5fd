"""Long proofs of what the lab claims of itself. `make proof`, or `make proof PART=main-job`.

Each part keeps its finished steps in `.proof/PART.jsonl` and goes on where it was interrupted;
remove that file to measure anew. Figures go to `docs/proof.md`.
"""
