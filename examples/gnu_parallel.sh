#!/usr/bin/env bash
# Segments a folder of videos with N processes under GNU parallel, each of which takes its part.
#
#   examples/gnu_parallel.sh N VIDEOS MASKS OUT [options of kmn segment]
#
# On one machine `kmn segment --workers N` does the same with better balance; this is the pattern
# for machines that share a disk: add --sshlogin to PARALLEL. With a GPU for each process:
#
#   examples/gnu_parallel.sh 2 VIDEOS MASKS OUT --device 'cuda:{= $_ = slot() - 1 =}'
set -euo pipefail
count=$1 videos=$2 masks=$3 out=$4
shift 4
seq "$count" | parallel --quote --jobs "$count" --line-buffer --tag \
  kmn segment "$videos" --mask "$masks" -o "$out" --shard "{}/$count" "$@"
