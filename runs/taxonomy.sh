#!/usr/bin/env bash
# The classifier of grids: trained, judged by five folds, and written into the package (or OUT) with its card.
# TEST=FILE of labels compares its answers with them, each given by networks that have not seen the task.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH=$PWD/.venv/bin:$PATH
if [[ -n ${OUT:-} && -n ${TEST:-} ]]; then
  echo "TEST judges the classifier in the package: leave OUT out" >&2
  exit 2
fi
python runs/train_classifier.py ${OUT:+"$OUT"}
[[ -z ${TEST:-} ]] || arc-affinity classify --by grids --validate "$TEST"
