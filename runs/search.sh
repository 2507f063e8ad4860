#!/usr/bin/env bash
# Scores of the search over programs alone: the tasks its functions were chosen on, the kept-out ones, and the evaluation
# sets. The same command continues. SECONDS_A_TASK are of computing; DATA is the folder with ARC-AGI-2.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/search}
SECONDS_A_TASK=${SECONDS_A_TASK:-3}
export OMP_NUM_THREADS=1
mkdir -p "$OUT"

run() { # NAME FLAGS...
  echo "$1"
  python bench/search.py --seconds "$SECONDS_A_TASK" --out "$OUT/$1.jsonl" "${@:2}" | tee "$OUT/$1.txt"
}
run kept-out --part kept-out
run chosen-on --part chosen-on
run arc-agi-1-evaluation --dataset arc-agi-1/evaluation --part all
if [ -n "${DATA:-}" ]; then
  run arc-agi-2-evaluation --dataset arc-agi-2/evaluation --data-dir "$DATA" --part all
fi
