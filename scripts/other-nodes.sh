#!/usr/bin/env bash
# The quick part of the tests under other versions of Node (npm package `node`), about two minutes each on two cores:
#
#     scripts/other-nodes.sh [VERSION...]          default: 20 22 24
source "$(dirname "$0")/machines/common.sh"
QUICK=(engine/ formats/ gguf/ models/ library/library cli/usage doctor)
cd "$ROOT"
failed=0
[ $# -gt 0 ] || set -- 20 22 24
for version in "$@"; do
  SCRIPTS=1 fetch_npm "node-$version" "node@$version"
  bin=$WORK/node-$version/node_modules/.bin
  echo "=== Node $("$bin/node" --version)"
  PATH=$bin:$PATH nice -n 10 "$bin/node" scripts/test.js "${QUICK[@]}" >"$WORK/node-$version.log" 2>&1 || failed=1
  grep -v '^ *ok ' "$WORK/node-$version.log" | grep . || true
done
exit $failed
