#!/usr/bin/env bash
# Fine-tune single tasks, before and after by three protocols: the 18 foundational tasks and all tasks of the published
# table at 400 examples each, and the ARC-AGI-1 evaluation tasks with grids of at most 12x12 by their demonstrations
# alone. The same command continues. WHICH chooses among them; TUNE holds more flags of `finetune`, METHOD the method.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/finetune}
METHOD=${METHOD:-full}
read -ra which <<<"${WHICH:-foundational small-arc-1 published}"
read -ra tune <<<"${TUNE:-}"
REFERENCE=${REFERENCE:-../shared/reference/lora_302_tasks.csv} # first column: ids of the published table

run() { # NAME MODEL FLAGS...
  arc-affinity finetune "$2" --method "$METHOD" --out "$OUT/$1-$METHOD" "${@:3}" ${tune[@]+"${tune[@]}"}
}
for name in "${which[@]}"; do
  case $name in
    # Its base was trained on the first 2,000 examples of each task, so none of those is asked.
    foundational) run "$name" rotary-foundational --set foundational --unlike 2000 ;;
    published)
      mkdir -p "$OUT"
      tail -n +2 "$REFERENCE" | cut -d, -f1 >"$OUT/published.txt"
      run "$name" rotary --set "$OUT/published.txt"
      ;;
    # So few steps go further by AdamW (docs/log.md, 14).
    small-arc-1)
      run "$name" rotary --dataset arc-agi-1/evaluation --max-side 12 --augment all --steps 120 --votes 8 \
        --optimiser adamw --learning-rate 4e-3
      ;;
    *) echo "no run $name; there are foundational, published, small-arc-1" >&2 && exit 2 ;;
  esac
done
