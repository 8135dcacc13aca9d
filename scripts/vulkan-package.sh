#!/usr/bin/env bash
# Puts the prebuilt llama.cpp with Vulkan (27 MB) beside the installed packages, in the version that the others have.
# package.json and the lock file stay as they are.
set -euo pipefail
cd "$(dirname "$0")/.."

version=$(node -p "require('./package.json').optionalDependencies['@node-llama-cpp/linux-x64']")
installed=$(node -p "require('./node_modules/@node-llama-cpp/linux-x64-vulkan/package.json').version" 2>/dev/null || true)
[ "$installed" = "$version" ] ||
  npm install --no-save --ignore-scripts --no-audit --no-fund "@node-llama-cpp/linux-x64-vulkan@$version"
