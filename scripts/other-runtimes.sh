#!/usr/bin/env bash
# The library and the server under Bun and Deno (npm packages `bun` and `deno`), with tiny models:
# read, sample, steer, answer, one chat request; then the program is killed, and its native process must go with it.
# With a model as argument, the library example runs with it too: scripts/other-runtimes.sh smollm2-135m-instruct
source "$(dirname "$0")/machines/common.sh"
make_references
# Their install scripts put the binaries in place.
SCRIPTS=1 fetch_npm bun bun
SCRIPTS=1 fetch_npm deno deno
for runtime in "$WORK/bun/node_modules/.bin/bun" "$WORK/deno/node_modules/.bin/deno run -A"; do
  echo "=== $(basename "${runtime%% *}")"
  # Unquoted: a command and its arguments.
  check_models "$ROOT" $runtime
  check_serve "$ROOT" $runtime
  check_orphan "$ROOT" $runtime
  if [ -n "${1:-}" ]; then
    echo '--- library example'
    (cd "$ROOT" && HF_HUB_OFFLINE=1 $runtime "$MACHINES/example.js" "$1")
  fi
done
