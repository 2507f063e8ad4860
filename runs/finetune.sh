#!/usr/bin/env bash
# Fine-tune single tasks, before and after by three protocols: the 18 foundational tasks and all tasks of the published
# table at 400 examples each, and the ARC-AGI-1 evaluation tasks with grids of at most 12x12 by their demonstrations
# alone. The same command continues. WHICH chooses among them; METHOD is the method, and TUNE holds more flags of
# `finetune`, which take the place of those here. "published" needs REFERENCE, the published lora_302_tasks.csv; tasks in
# the tables DONE, summaries of earlier parts, are left out, so that the set can be tuned on one machine after the other.
set -euo pipefail
cd "$(dirname "$0")/.."
source runs/flags.sh
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/finetune}
METHOD=${METHOD:-full}
read -ra which <<<"${WHICH:-foundational small-arc-1 published}"
read -ra tune <<<"${TUNE:-}"
read -ra earlier <<<"${DONE:-}"
# Before hours of work, not after them.
if [[ " ${which[*]} " == *" published "* && ! -r ${REFERENCE:-} ]]; then
  echo "REFERENCE must name the published table lora_302_tasks.csv; WHICH=\"foundational small-arc-1\" goes without" >&2
  exit 2
fi

for table in ${earlier[@]+"${earlier[@]}"}; do
  [[ -r $table ]] || { echo "DONE: cannot read $table" >&2 && exit 2; }
done

run() { # NAME MODEL FLAGS...
  unless_named "${tune[*]-}" "${@:3}"
  arc-affinity finetune "$2" --method "$METHOD" --out "$OUT/$1-$METHOD" ${kept[@]+"${kept[@]}"} ${tune[@]+"${tune[@]}"} || {
    code=$?
    # 1 says that some tasks failed; the others of the list are done all the same.
    [[ $code -eq 1 ]] || exit "$code"
    failed=1
  }
}
failed=0
for name in "${which[@]}"; do
  case $name in
    # Its base was trained on the first 2,000 examples of each task, so none of those is asked.
    foundational) run "$name" rotary-foundational --set foundational --unlike 2000 ;;
    published)
      mkdir -p "$OUT"
      # The first column of every table has the ids.
      { grep -v -x -F -f <(cat /dev/null ${earlier[@]+"${earlier[@]}"} | cut -d, -f1) || true; } \
        < <(tail -n +2 "$REFERENCE" | cut -d, -f1) >"$OUT/published.txt"
      [[ -s $OUT/published.txt ]] || { echo "published: all tasks are in $DONE" && continue; }
      run "$name" rotary --set "$OUT/published.txt"
      ;;
    small-arc-1)
      # So few steps go further by AdamW (docs/log.md, 14). A method without steps is told of none.
      steps=(--steps 120 --optimiser adamw --learning-rate 4e-3)
      [[ $METHOD != context-only ]] || steps=()
      run "$name" rotary --dataset arc-agi-1/evaluation --max-side 12 --augment all --votes 8 ${steps[@]+"${steps[@]}"}
      ;;
    *) echo "no run $name; there are foundational, published, small-arc-1" >&2 && exit 2 ;;
  esac
done
exit "$failed"
