#!/usr/bin/env bash
# The examples of re-arc as files of their own: the 18 foundational tasks, all 400, and held-out ones with other inputs.
# The same command continues; on finished folders it does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
OUT=${OUT:-out/data}
FOUNDATIONAL=${FOUNDATIONAL:-400} # examples a task
ALL=${ALL:-150}
HELD_OUT=${HELD_OUT:-20}

arc-affinity data generate --set foundational --per-task "$FOUNDATIONAL" --out "$OUT/foundational"
arc-affinity data generate --set all --per-task "$ALL" --out "$OUT/all"
for tasks in foundational all; do
  arc-affinity data generate --set $tasks --per-task "$HELD_OUT" --seed 2 --exclude "$OUT/$tasks" \
    --out "$OUT/$tasks-held-out"
done
