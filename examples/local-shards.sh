#!/bin/bash
# Runs the shell of the Kubernetes or the Slurm example as 4 processes on this machine, with what the scheduler would set, and
# merges:  examples/local-shards.sh RUN_FOLDER kubernetes|slurm
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export RUN=$1 SHARDS=4 THREADS=1 SLURM_CPUS_PER_TASK=1

hneurons() { node "$here/../bin/hneurons.js" "$@"; }
export here
export -f hneurons

case $2 in
  kubernetes)
    # The lines of the block under `- |`, up to the next one that is indented less.
    shell=$(awk '/^ *- \|$/ { inside = 1; depth = match($0, /-/) + 1; next }
                 inside && match($0, /[^ ]/) <= depth { exit }
                 inside { print substr($0, depth + 1) }' "$here/kubernetes-job.yaml")
    index=JOB_COMPLETION_INDEX
    ;;
  slurm)
    shell=$(cat "$here/slurm-array.sbatch")
    index=SLURM_ARRAY_TASK_ID
    ;;
  *) echo "usage: local-shards.sh RUN_FOLDER kubernetes|slurm" >&2; exit 2 ;;
esac

processes=()
for i in 0 1 2 3; do
  env "$index=$i" bash -c "$shell" &
  processes+=($!)
done
failed=0
for process in "${processes[@]}"; do wait "$process" || failed=1; done
[ "$failed" = 0 ]
hneurons merge --out "$RUN" --quiet
