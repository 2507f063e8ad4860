#!/usr/bin/env bash
# `solve` on one GPU, base and all, meant to take about 30 minutes (nobody has measured it yet): BASE_HOURS of training a
# larger base on everything that nobody is asked about, then SOLVE for ARC-AGI-1 evaluation from it, and (with ARC2=1) for
# ARC-AGI-2. The figures are in OUT/*/summary.json. The base has 24.3 million parameters of at most 25.
# A dry run on a CPU, which only shows that it works:
#   BASE_HOURS=0.01 SOLVE=1m PER_TASK=2 LONGEST=150 SIZES="--width 32 --layers 2 --hidden 48" TASKS=00576224 runs/gpu_solve.sh
set -euo pipefail
cd "$(dirname "$0")/.."
export OUT=${OUT:-out/gpu-solve} HOURS=${BASE_HOURS:-0.2} PER_TASK=${PER_TASK:-100}
SIZES=${SIZES:---width 512 --layers 7 --hidden 1536 --batch-tokens 65536}
MORE="--longest ${LONGEST:-1900} $SIZES" runs/base.sh
solve() { # DATASET
  # shellcheck disable=SC2086 # one word an id
  .venv/bin/arc-affinity solve --dataset "$1" --budget "${SOLVE:-14m}" --base "$OUT/model" ${TASKS:+--tasks $TASKS} \
    --out "$OUT/${1//\//-}"
}
solve arc-agi-1/evaluation
[[ -z ${ARC2:-} ]] || solve arc-agi-2/evaluation
