#!/usr/bin/env bash
# Segments a folder of videos on a Slurm cluster: every task of a job array takes its part.
#
#   sbatch --array=1-8 examples/slurm_array.sh VIDEOS MASKS OUT [options of kmn segment]
#
# kmn reads from Slurm's variables which part is meant. Add --gpus=1 to sbatch where there are GPUs.
# A task that was preempted or timed out may be queued again: finished videos are skipped, and the
# one it was at goes on where it was last saved. To do some tasks again, submit the whole
# array again: an array with gaps (--array=3,7) is refused.
#SBATCH --job-name=kmn
#SBATCH --cpus-per-task=4
#SBATCH --requeue
set -euo pipefail
videos=$1 masks=$2 out=$3
shift 3
exec kmn segment "$videos" --mask "$masks" -o "$out" \
  --log "$out/log-${SLURM_ARRAY_TASK_ID:-0}.jsonl" "$@"
