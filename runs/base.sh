#!/usr/bin/env bash
# The base of `solve`: every public task that nobody is asked about, 100 generated examples of each rule beside them.
# HOURS of training; the same command goes on. MORE are flags of runs/base.py: the bundled base was made in two stages,
# which its card tells. ConceptARC and ARC-AGI-2 are looked for in ARC_AFFINITY_DATA, or downloaded.
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-out/base} HOURS=${HOURS:-0.77}
export PATH=$PWD/.venv/bin:$PATH
mkdir -p "$OUT"
if [[ -z ${ARC_AFFINITY_DATA:-} ]]; then
  arc-affinity data fetch arc-agi-2
  arc-affinity data fetch concept-arc
fi
[[ -e $OUT/examples/manifest.json ]] ||
  arc-affinity data generate --set all --per-task "${PER_TASK:-100}" --seed 0 --out "$OUT/examples"
read -ra more <<<"${MORE:-}"
python runs/base.py "$OUT" --hours "$HOURS" --examples "$OUT/examples" ${ARC_AFFINITY_DATA:+--data-dir "$ARC_AFFINITY_DATA"} \
  ${more[@]+"${more[@]}"}
