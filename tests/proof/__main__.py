"""`python -m tests.proof [PART ...]`."""

from __future__ import annotations

import sys

from tests.proof import (
    bench,
    bench_slices,
    certificates,
    deferred_work,
    disturbances,
    error_rates,
    false_decisions,
    gates,
    generator,
    latency,
    launches,
    lean_user,
    main_job,
    orders_survive,
    planted,
    revisions,
    rooms_reconnect,
    scale,
    scenario_faults,
    schemathesis_cases,
    shipped_benchmarks,
    slices_load,
    small_effects,
    soak,
    soak_leak,
    soak_volume,
    sweep,
    workers,
    workers_soak,
)

PARTS = {
    "main-job": main_job.prove,
    "planted": planted.prove,
    "gates": gates.prove,
    "latency": latency.prove,
    "generator": generator.prove,
    "error-rates": error_rates.prove,
    "disturbances": disturbances.prove,
    "launches": launches.prove,
    "launches-elsewhere": launches.prove_elsewhere,
    "slices-benchmark": bench_slices.prove,
    "slices-load": slices_load.prove,
    "false-decisions": false_decisions.prove,
    "small-effects": small_effects.prove,
    "shipped-benchmarks": shipped_benchmarks.prove,
    "deferred-work": deferred_work.prove,
    "bench-planted": bench.prove_planted,
    "growth": bench.prove_growth,
    "orders-survive": orders_survive.prove,
    "rooms-reconnect": rooms_reconnect.prove,
    "scenario-faults": scenario_faults.prove,
    "schemathesis": schemathesis_cases.prove,
    "soak": soak.prove,
    "soak-leak": soak_leak.prove,
    "soak-volume": soak_volume.prove,
    "sweep": sweep.prove,
    "revisions": revisions.prove,
    "certify": certificates.prove,
    "workers": workers.prove,
    "scale": scale.prove,
    "soak-workers": workers_soak.prove,
    "lean-user": lean_user.prove,
}


def main(wanted: list[str]) -> int:
    """Run the parts named, or all; 1 where one of them does not hold."""
    unknown = [part for part in wanted if part not in PARTS]
    if unknown:
        print(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    holds = True
    for part in wanted or PARTS:
        print(f"{part}:", flush=True)
        held = PARTS[part]()
        print(f"{part}: {'holds' if held else 'DOES NOT HOLD'}", flush=True)
        holds &= held
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
