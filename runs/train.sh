#!/usr/bin/env bash
# Train the bundled models anew and score them; the rotary ones first. The same command continues.
# TRAIN holds more flags of `train`, such as "--steps 100"; RECIPES chooses some.
set -euo pipefail
cd "$(dirname "$0")/.."
source runs/flags.sh
OUT=${OUT:-out/models}
read -ra train <<<"${TRAIN:-}"
read -ra recipes <<<"${RECIPES:-rotary rotary-foundational champion champion-foundational}"

unless_named "${train[*]-}" --resume
for recipe in "${recipes[@]}"; do
  .venv/bin/arc-affinity train "$recipe" --out "$OUT/$recipe" ${kept[@]+"${kept[@]}"} ${train[@]+"${train[@]}"}
done
OUT=$OUT/scores runs/score.sh "${recipes[@]/#/$OUT/}"
