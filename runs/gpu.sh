#!/usr/bin/env bash
# The bundled models with what one GPU affords: larger batches and more of them.
# TRAIN holds more flags of `train`, which take the place of those here.
set -euo pipefail
cd "$(dirname "$0")"
source ./flags.sh
STEPS=${STEPS:-60000}
unless_named "${TRAIN:-}" --batch-cells 65536 --batch-examples 256 --validate-every 1000 --steps "$STEPS"
export TRAIN="${kept[*]-} ${TRAIN:-}"
OUT=${OUT:-out/gpu} ./train.sh
