#!/usr/bin/env bash
# Go on with models whose loss still falls, by 400 examples a task as published, and score them: longer.sh [MODEL...]
# (champion and rotary unless given). STEPS more for each, one core each at the same time; the same command continues.
# They begin at the bundled weights, or one MODEL alone at START, such as the model folder of a run; TRAIN holds more flags
# of `train`, such as "--augment all", which take the place of those here. Another START, SEED, TRAIN or number of STEPS is
# another run and wants another OUT.
set -euo pipefail
cd "$(dirname "$0")/.."
source runs/flags.sh
export PATH=$PWD/.venv/bin:$PATH OUT=${OUT:-out/longer} OMP_NUM_THREADS=1
STEPS=${STEPS:-4400} SEED=${SEED:-0} START=${START:-} TRAIN=${TRAIN:-}
[[ $# -gt 0 ]] || set -- rotary champion
if [[ -n $START && $# -ne 1 ]]; then
  echo "START is where one MODEL begins: name that one alone" >&2
  exit 2
fi

mkdir -p "$OUT"
arc-affinity data split --dataset arc-agi-1/training --published --out "$OUT/split.json"
trained=$(python -c 'import json, sys; print(*json.load(open(sys.argv[1]))["train"])' "$OUT/split.json")
# shellcheck disable=SC2086 # one word an id; the last two examples of each task are for validation
arc-affinity data generate --tasks $trained --per-task 402 --seed 0 --out "$OUT/examples"

go_on() { # MODEL
  local own=(--optimiser muon --learning-rate 1.5e-3 --weight-decay 0.05) more
  # The champion's schedule has restarts; its rate runs down once here.
  [[ $1 != champion* ]] || own+=(--restart-steps "$STEPS")
  read -ra more <<<"$TRAIN"
  unless_named "$TRAIN" --curriculum 2048 1 --pad-weight 1 "${own[@]}" --processes 1 --threads 1 --validate-every 500
  arc-affinity train "$1" --start "${START:-$1}" --examples "$OUT/examples" ${kept[@]+"${kept[@]}"} \
    ${more[@]+"${more[@]}"} --steps "$STEPS" --seed "$SEED" --resume --out "$OUT/$1"
}
export -f go_on unless_named
export STEPS SEED START TRAIN
printf '%s\n' "$@" | xargs -P2 -L1 bash -euc 'go_on "$@"' go_on
OUT=$OUT/scores runs/score.sh "${@/#/$OUT/}"
