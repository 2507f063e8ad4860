#!/usr/bin/env bash
# Score models by the three protocols: score.sh MODEL... (bundled names or folders; all bundled ones unless given).
# Datasets: held-out examples of the 18 foundational tasks, examples of the 92 unseen tasks of the published split,
# ARC-AGI-1 and ARC-AGI-2 public evaluation; and, to see what the published leak is worth, the first with its first two
# examples of each task as the demonstrations of all ("first"). Two predictions run at a time, one thread each; the same
# command continues.
# Then `python runs/card.py NAME OUT` writes the table into the card of a bundled model.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH OUT=${OUT:-out/scores} OMP_NUM_THREADS=1
UNSEEN=${UNSEEN:-20} # examples of each unseen task; the published difference of 3.25 and 2.5 % needs as many
DATASETS=${DATASETS:-held18 unseen92 arc1 arc2} PROTOCOLS=${PROTOCOLS:-teacher_forced sized arc_prize}
[[ $# -gt 0 ]] || set -- rotary-foundational rotary champion-foundational champion

mkdir -p "$OUT"
[[ -n ${ARC_AFFINITY_DATA:-} || $DATASETS != *arc2* ]] || arc-affinity data fetch arc-agi-2
if [[ $DATASETS == *unseen92* ]]; then
  arc-affinity data split --dataset arc-agi-1/training --published --out "$OUT/split.json"
  unseen=$(python -c 'import json, sys; print(*json.load(open(sys.argv[1]))["validation"])' "$OUT/split.json")
  # shellcheck disable=SC2086 # one word an id
  arc-affinity data generate --tasks $unseen --per-task "$UNSEEN" --seed 2000003 --out "$OUT/unseen92"
fi

score_one() { # MODEL DATASET PROTOCOL [CONTEXT]
  declare -A paths=([held18]=src/arc_affinity/data/foundational-held-out.npz [unseen92]=$OUT/unseen92
    [arc1]=arc-agi-1/evaluation [arc2]=arc-agi-2/evaluation)
  local file attempts=1
  file=$OUT/$(basename "$1").$2.$3${4:+.$4}
  [[ $3 != arc_prize ]] || attempts=2
  arc-affinity predict "$1" --dataset "${paths[$2]}" --protocol "$3" --context "${4:-drawn}" --attempts $attempts \
    --out "$file.jsonl.gz"
  arc-affinity score "$file.jsonl.gz" --json >"$file.score.json.part"
  mv "$file.score.json.part" "$file.score.json"
}
export -f score_one
for model; do
  for dataset in $DATASETS; do
    for protocol in $PROTOCOLS; do
      echo "$model $dataset $protocol"
      [[ $dataset != held18 || $protocol == arc_prize ]] || echo "$model $dataset $protocol first"
    done
  done
done | xargs -P2 -L1 bash -euc 'score_one "$@"' score_one
