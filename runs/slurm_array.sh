#!/usr/bin/env bash
# Fine-tune many tasks as a Slurm array: sbatch --array=0-9 runs/slurm_array.sh IDS OUT [flags of finetune]
# IDS is a file with one task id a line; each job takes every N-th of them, N being the size of the array, into OUT/PART.
# A job that was killed resumes when it is queued again. A part alone is done again by telling what array it was of:
# PARTS=10 FIRST=0 sbatch --array=3 ... MODEL is rotary unless set.
#SBATCH --job-name=arc-affinity
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -euo pipefail
IDS=$1 OUT=$2
shift 2
PART=${SLURM_ARRAY_TASK_ID:-0} STEP=${SLURM_ARRAY_TASK_STEP:-1}
PARTS=${PARTS:-${SLURM_ARRAY_TASK_COUNT:-1}} FIRST=${FIRST:-${SLURM_ARRAY_TASK_MIN:-0}}
NUMBER=$(((PART - FIRST) / STEP))
if [[ ! -r $IDS ]] || ((PART < FIRST || NUMBER >= PARTS || (PART - FIRST) % STEP)); then
  echo "$IDS cannot be read, or part $PART is none of $PARTS from $FIRST by $STEP" >&2
  exit 2
fi
mapfile -t ids < <(awk -v parts="$PARTS" -v part="$NUMBER" 'NF && n++ % parts == part { print $1 }' "$IDS")
if ((${#ids[@]} == 0)); then
  echo "part $PART of $PARTS has no tasks"
  exit 0
fi
arc-affinity finetune "${MODEL:-rotary}" --tasks "${ids[@]}" --workers "${SLURM_CPUS_PER_TASK:-1}" --out "$OUT/$PART" "$@"
