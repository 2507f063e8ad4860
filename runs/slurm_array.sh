#!/usr/bin/env bash
# Fine-tune many tasks as a Slurm array: sbatch --array=0-9 runs/slurm_array.sh IDS OUT [flags of finetune]
# IDS is a file with one task id a line; each job takes every N-th of them, N being the size of the array, into OUT/PART.
# A job that was killed resumes when it is queued again. MODEL is rotary unless set.
#SBATCH --job-name=arc-affinity
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -euo pipefail
IDS=$1 OUT=$2
shift 2
PART=${SLURM_ARRAY_TASK_ID:-0} PARTS=${SLURM_ARRAY_TASK_COUNT:-1} FIRST=${SLURM_ARRAY_TASK_MIN:-0}
mapfile -t ids < <(awk -v parts="$PARTS" -v part="$((PART - FIRST))" 'NF && n++ % parts == part { print $1 }' "$IDS")
if ((${#ids[@]} == 0)); then
  echo "part $PART of $PARTS has no tasks"
  exit 0
fi
arc-affinity finetune "${MODEL:-rotary}" --tasks "${ids[@]}" --workers "${SLURM_CPUS_PER_TASK:-1}" --out "$OUT/$PART" "$@"
