#!/usr/bin/env bash
# Checks a device against the CPU and prints its speeds; at most 8 minutes. Run `npm ci` first.
#   scripts/gpu-check.sh cpu|vulkan|cuda [options of bench/device.ts, such as --size 3b --seconds 60]
# vulkan without a GPU: Mesa's driver on the CPU, chosen by GGML_VK_VISIBLE_DEVICES=0; take --size tiny there.
set -euo pipefail
cd "$(dirname "$0")/.."

device=${1:-}
case $device in
  cpu) ;;
  vulkan) scripts/vulkan-package.sh ;;
  cuda)
    version=$(node -p "require('./package.json').optionalDependencies['@node-llama-cpp/linux-x64']")
    # The second holds the same backend built with CUDA 12, for machines without the runtime libraries of CUDA 13.
    npm install --no-save --ignore-scripts --no-audit --no-fund \
      "@node-llama-cpp/linux-x64-cuda@$version" "@node-llama-cpp/linux-x64-cuda-ext@$version"
    command -v nvidia-smi >/dev/null && nvidia-smi --query-gpu=name,memory.free,driver_version --format=csv
    ;;
  *) sed -n '2,4s/^# *//p' "$0" >&2; exit 2 ;;
esac
shift
npx tsc -p tsconfig.json
exec timeout 480 node dist/bench/device.js --device "$device" "$@"
