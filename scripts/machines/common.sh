# Shared by the scripts that try other machines and runtimes. Source it from a script in scripts/; needs a built tree.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MACHINES=$ROOT/scripts/machines
# Downloads and results; kept between runs, as the packages are large.
WORK=${WORK:-/tmp/hneurons-machines}
mkdir -p "$WORK"

# Fetches npm packages into $WORK/NAME, without their install scripts unless SCRIPTS=1: fetch_npm NAME PACKAGE...
fetch_npm() {
  local folder=$WORK/$1
  shift
  mkdir -p "$folder"
  [ -f "$folder/package.json" ] || echo '{ "private": true }' >"$folder/package.json"
  local ignore=--ignore-scripts
  [ "${SCRIPTS:-0}" = 1 ] && ignore=
  npm install --prefix "$folder" --no-audit --no-fund --no-save --force --loglevel=error $ignore "$@" >/dev/null
}

# Installs this package as a user of another platform gets it: install_package NAME OS CPU
install_package() {
  rm -rf "${WORK:?}/$1"
  mkdir -p "$WORK/$1"
  (cd "$ROOT" && npm pack --silent --ignore-scripts --pack-destination "$WORK/$1" >/dev/null)
  fetch_npm "$1" --os="$2" --cpu="$3" --libc=glibc "$WORK/$1"/hneurons-*.tgz
}

# Tiny models, and what this machine reads from and writes with them.
make_references() {
  node "$MACHINES/tiny.js" "$WORK/models"
  local name
  for name in llama gemma3; do
    node "$MACHINES/check.js" "$ROOT" "$WORK/models/$name.gguf" "$WORK/reference-$name.json" >/dev/null
  done
}

# Runs check.js with both models and compares: check_models PACKAGE COMMAND...
check_models() {
  local package=$1 name
  shift
  for name in llama gemma3; do
    echo "--- tiny $name, float32"
    "$@" "$MACHINES/check.js" "$package" "$WORK/models/$name.gguf" "$WORK/result.json" "$WORK/reference-$name.json"
  done
}

# Starts `hneurons serve` by COMMAND, asks for one answer by HTTP, stops it: check_serve PACKAGE COMMAND...
check_serve() {
  local package=$1
  shift
  local log=$WORK/serve.log
  : >"$log"
  "$@" "$package/bin/hneurons.js" serve --model "$WORK/models/llama.gguf" --device cpu --context 256 --port 0 --quiet >"$log" 2>&1 &
  local server=$! url='' i
  for i in $(seq 300); do
    url=$(grep -o 'http://127[^ /]*' "$log" | head -1 || true)
    [ -n "$url" ] || ! kill -0 $server 2>/dev/null && break
    sleep 0.2
  done
  echo '--- serve'
  local answer
  answer=$(curl --silent --show-error --fail --max-time 120 "$url/v1/chat/completions" \
    -H 'content-type: application/json' \
    -d '{"messages":[{"role":"user","content":"Where does it rain?"}],"max_tokens":8,"temperature":0}') || {
    cat "$log"
    kill $server 2>/dev/null || true
    return 1
  }
  node -e '
    const { choices, usage } = JSON.parse(process.argv[1]);
    console.log(`chat       ${usage.completion_tokens} tokens, finish_reason ${choices[0].finish_reason}`)' "$answer"
  kill -TERM $server
  wait $server || true
  echo 'stop       the server has ended'
}

# Kills a program that has a model open; its native process must go too: check_orphan PACKAGE COMMAND...
check_orphan() {
  local package=$1 log=$WORK/hold.log pid='' i
  shift
  : >"$log"
  HOLD=1 "$@" "$MACHINES/check.js" "$package" "$WORK/models/llama.gguf" "$WORK/result.json" >"$log" 2>&1 &
  local parent=$!
  for i in $(seq 300); do
    pid=$(sed -n 's/^holding *//p' "$log")
    [ -n "$pid" ] && break
    sleep 0.2
  done
  [ -n "$pid" ] || { cat "$log"; return 1; }
  kill -KILL $parent
  wait $parent 2>/dev/null || true
  for i in $(seq 50); do
    kill -0 "$pid" 2>/dev/null || { echo 'killed     no native process is left'; return 0; }
    sleep 0.2
  done
  echo "killed     the native process $pid is left" >&2
  return 1
}
