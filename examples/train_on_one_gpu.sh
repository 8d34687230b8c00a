#!/usr/bin/env bash
# Trains KMN from an ImageNet trunk in a given time: stills, then videos, then scores.
#
#   examples/train_on_one_gpu.sh DATA RUN MINUTES [DEVICE] [extra kmn train options]
#
# DATA holds static/*/{images,masks} and davis2016-train/{JPEGImages,Annotations}, or tar files that
# unpack to them, and trunk.safetensors (a resnet50v2; without it torchvision's ImageNet weights are
# downloaded). A large GPU wants large steps: add --set crop=384 --set batch=32. Stop it at any time
# and start it again with the same words: it goes on where it was.
# The result is RUN/main/last.safetensors, half precision, ready for `kmn segment --weights`.
set -euo pipefail
(($# >= 3)) || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
data=$1 run=$2 minutes=$3 device=${4:-auto}
shift $(($# < 4 ? $# : 4))
kmn=${KMN:-kmn}
dev=${DEV_SEQUENCES:-bus,dance-jump,dog-agility,motorbike,soccerball}

for archive in "$data"/*.tar; do
  [[ -e $archive && ! -e $archive.unpacked ]] || continue
  tar -xf "$archive" -C "$data" && touch "$archive.unpacked"
done

if [[ -e $data/trunk.safetensors ]]; then
  trunk=(--trunk resnet50v2 --trunk-weights "$data/trunk.safetensors")
else
  trunk=(--trunk resnet50 --trunk-weights imagenet)
fi
videos=$data/davis2016-train
common=(--preset fast --device "$device" --cache "$run/cache" --save-minutes 2 --val "$videos:$dev")
stage() { # name, minutes, options
  local resume=()
  [[ ! -e $run/$1/state.pt ]] || resume=(--resume)
  "$kmn" train -o "$run/$1" --minutes "$2" "${common[@]}" "${resume[@]}" "${@:3}"
}

# Three fifths of the time on stills, two fifths on videos with some stills mixed in.
stage pre "$(awk "BEGIN{print $minutes*0.6}")" \
  --stage pretrain --data "$data/static" "${trunk[@]}" "$@"
stage main "$(awk "BEGIN{print $minutes*0.4}")" \
  --stage main --data "$videos=3" --data "$data/static=1" "$@" --init "$run/pre/last.safetensors"
"$kmn" evaluate "$videos" --protocol davis2016 --sequences "$dev" \
  --weights "$run/main/last.safetensors" --device "$device" -o "$run/scores"
