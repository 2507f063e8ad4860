#!/usr/bin/env bash
# The table of the 18 foundational tasks: rotary against champion, held-out examples, all three protocols.
# The same command continues. TRAIN holds more flags of `train`, such as "--steps 100".
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/foundational}
PER_TASK=${PER_TASK:-20} # held-out examples a task
read -ra train <<<"${TRAIN:-}"

for recipe in rotary-foundational champion-foundational; do
  arc-affinity train "$recipe" --resume --out "$OUT/$recipe" ${train[@]+"${train[@]}"}
done
# Both recipes have the same training examples.
arc-affinity data generate --set foundational --per-task "$PER_TASK" --seed 2 --out "$OUT/held-out" \
  --exclude "$OUT/rotary-foundational/data/train"
for recipe in rotary-foundational champion-foundational; do
  for protocol in arc_prize sized teacher_forced; do
    records=$OUT/$recipe.$protocol.jsonl
    [[ -e $records ]] || arc-affinity predict "$OUT/$recipe" --dataset "$OUT/held-out" --protocol $protocol --out "$records"
    arc-affinity score "$records"
  done
done
