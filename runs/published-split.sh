#!/usr/bin/env bash
# The table of the published split: rotary against champion, trained on 308 tasks, scored by all three protocols on
# examples of the 92 unseen tasks, ARC-AGI-1 evaluation and ARC-AGI-2 evaluation.
# The same command continues. TRAIN holds more flags of `train`, such as "--steps 100".
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/published-split}
PER_TASK=${PER_TASK:-10} # examples of each unseen task
DATASETS=${DATASETS:-$OUT/unseen arc-agi-1/evaluation arc-agi-2/evaluation}
read -ra train <<<"${TRAIN:-}"

[[ -n ${ARC_AFFINITY_DATA:-} || $DATASETS != *arc-agi-2* ]] || arc-affinity data fetch arc-agi-2
for recipe in rotary champion; do
  arc-affinity train "$recipe" --resume --out "$OUT/$recipe" ${train[@]+"${train[@]}"}
done
arc-affinity data split --dataset arc-agi-1/training --published --out "$OUT/split.json"
unseen=$(python -c 'import json, sys; print(*json.load(open(sys.argv[1]))["validation"])' "$OUT/split.json")
# shellcheck disable=SC2086 # one word an id
arc-affinity data generate --tasks $unseen --per-task "$PER_TASK" --seed 2 --out "$OUT/unseen"
for dataset in $DATASETS; do
  for recipe in rotary champion; do
    for protocol in arc_prize sized teacher_forced; do
      records=$OUT/$recipe.$(basename "$(dirname "$dataset")").$(basename "$dataset").$protocol.jsonl
      [[ -e $records ]] || arc-affinity predict "$OUT/$recipe" --dataset "$dataset" --protocol $protocol --out "$records"
      arc-affinity score "$records"
    done
  done
done
