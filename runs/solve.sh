#!/usr/bin/env bash
# The figures of `solve`: solve.sh [kept|kept-all|small|all|arc2]..., BUDGET each (1h). Choices are made on "kept", tasks of
# ARC-AGI-1 training that the base never saw; the others are looked at once for each figure that is reported.
#   kept   the tasks kept out of ARC-AGI-1 training with grids of at most 12x12 (60)
#   kept-all  all 100 tasks kept out
#   small  those of ARC-AGI-1 evaluation with grids of at most 12x12 (114)
#   all    ARC-AGI-1 evaluation (400)
#   arc2   ARC-AGI-2 public evaluation (120); its folder is named by ARC_AFFINITY_DATA
set -euo pipefail
cd "$(dirname "$0")/.."
OUT=${OUT:-out/solve} BUDGET=${BUDGET:-1h} BASE=${BASE:-solver-small} SEED=${SEED:-0} SOURCES=${SOURCES:-both}
export PATH=$PWD/.venv/bin:$PATH
[[ $# -gt 0 ]] || set -- kept small
for set; do
  case $set in
  kept | kept-all | small) ids=$(python runs/small_tasks.py "$set") ;;
  all | arc2) ids= ;;
  *)
    echo "no set $set" >&2
    exit 2
    ;;
  esac
  case $set in
  kept | kept-all) dataset=arc-agi-1/training ;;
  arc2) dataset=arc-agi-2/evaluation ;;
  *) dataset=arc-agi-1/evaluation ;;
  esac
  network=(--base "$BASE" --seed "$SEED")
  [[ $SOURCES != search ]] || network=()
  # shellcheck disable=SC2086 # one word an id
  arc-affinity solve --dataset $dataset ${ids:+--tasks $ids} --budget "$BUDGET" "${network[@]}" --sources "$SOURCES" \
    --out "$OUT/$set-$BUDGET-seed$SEED-$SOURCES"
done
