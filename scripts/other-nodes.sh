#!/usr/bin/env bash
# The quick part of the tests under other versions of Node (npm package `node`), about two minutes each on two cores:
#
#     scripts/other-nodes.sh [VERSION...]          default: 20 22 24
source "$(dirname "$0")/machines/common.sh"
QUICK=(engine/ formats/ gguf/ models/ library/library cli/usage doctor)
cd "$ROOT"
failed=0
for version in "${@:-20 22 24}"; do
  # Unquoted: the default is a list.
  for one in $version; do
    SCRIPTS=1 fetch_npm "node-$one" "node@$one"
    bin=$WORK/node-$one/node_modules/.bin
    echo "=== Node $("$bin/node" --version)"
    PATH=$bin:$PATH nice -n 10 "$bin/node" scripts/test.js "${QUICK[@]}" >"$WORK/node-$one.log" 2>&1 || failed=1
    grep -v '^ok ' "$WORK/node-$one.log" | grep . || true
  done
done
exit $failed
