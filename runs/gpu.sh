#!/usr/bin/env bash
# The bundled models with what one GPU affords: larger batches and more of them.
set -euo pipefail
cd "$(dirname "$0")"
STEPS=${STEPS:-60000}
export TRAIN="--batch-cells 65536 --batch-examples 256 --validate-every 1000 --steps $STEPS ${TRAIN:-}"
OUT=${OUT:-out/gpu} ./train.sh
