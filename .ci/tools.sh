# Finds the tools that ./test needs, or installs them. Bash sources this file; the caller sets $root. Nothing here ends
# the caller: a function that cannot get its tool returns 1 and says why.

apt_updated=""

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then sudo "$@"
  else echo "neither root nor sudo: cannot run '$*'" >&2; return 1
  fi
}

# install_package NAME_IN_APT NAME_IN_BREW
install_package() {
  local log="$root/artifacts/install.log"
  mkdir -p "$root/artifacts"
  echo "installing ${1} (log: artifacts/install.log)" >&2
  if command -v apt-get >/dev/null; then
    if [ -z "$apt_updated" ]; then
      as_root apt-get update >>"$log" 2>&1 || { echo "apt-get update failed" >&2; return 1; }
      apt_updated=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1" >>"$log" 2>&1
  elif command -v brew >/dev/null; then
    brew install "$2" >>"$log" 2>&1
  else
    echo "neither apt-get nor brew: install $1 yourself" >&2
    return 1
  fi
}

is_node_20() {
  local is_20='Number(process.versions.node.split(".")[0]) >= 20'
  [ -x "$(command -v "$1")" ] && [ "$("$1" -p "$is_20" 2>/dev/null)" = true ]
}

# Sets and exports MLSCONSOLE_NODE, a Node of at least version 20. Debian 12 has Node 18, which is enough to run npm,
# and npm's registry has the binary of the newer Node. npm itself goes on running on the Node that it was installed
# with: Debian's npm finds its parts only through Debian's Node.
node_package_version=22.23.3
need_node() {
  local candidate platform
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) platform=linux-x64 ;;
    Linux-aarch64) platform=linux-arm64 ;;
    Darwin-arm64) platform=darwin-arm64 ;;
    Darwin-x86_64) platform=darwin-x64 ;;
    *) platform="" ;;
  esac
  command -v npm >/dev/null || install_package npm node || return 1
  for candidate in "${MLSCONSOLE_NODE:-node}" node "$root/artifacts/node/node_modules/node-$platform/bin/node"; do
    if is_node_20 "$candidate"; then export MLSCONSOLE_NODE="$candidate"; return 0; fi
  done
  [ -n "$platform" ] || { echo "Node 20 or later is needed" >&2; return 1; }
  echo "installing Node $node_package_version from the npm registry (log: artifacts/install.log)" >&2
  mkdir -p "$root/artifacts/node"
  npm install --prefix "$root/artifacts/node" --no-save "node-$platform@$node_package_version" \
    >>"$root/artifacts/install.log" 2>&1 || return 1
  is_node_20 "$candidate" && export MLSCONSOLE_NODE="$candidate"
}

# Installs the npm packages of a folder, exactly those of its lock file, unless that lock file's packages are there.
need_npm_packages() {
  local installed="$1/node_modules/.package-lock.json"
  [ -f "$installed" ] && [ ! "$1/package-lock.json" -nt "$installed" ] && return 0
  echo "installing the npm packages of ${1#"$root"/}" >&2
  mkdir -p "$root/artifacts"
  (cd "$1" && npm ci --no-audit --no-fund) >>"$root/artifacts/install.log" 2>&1
}

# Sets and exports MLSCONSOLE_CHROMIUM.
need_chromium() {
  local candidate attempt
  for attempt in found installed; do
    for candidate in "${MLSCONSOLE_CHROMIUM:-}" chromium chromium-browser google-chrome \
      "/Applications/Chromium.app/Contents/MacOS/Chromium" \
      "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
      if [ -n "$candidate" ] && command -v "$candidate" >/dev/null; then
        MLSCONSOLE_CHROMIUM="$(command -v "$candidate")"
        export MLSCONSOLE_CHROMIUM
        return 0
      fi
    done
    [ "$attempt" = installed ] || install_package chromium chromium || return 1
  done
  return 1
}

# Makes sure that the programs of a PostgreSQL server are there: the tests start servers of their own.
need_postgresql() {
  local attempt
  # The tests that kill the server list its processes.
  { command -v ps && command -v pgrep; } >/dev/null || install_package procps procps || return 1
  for attempt in found installed; do
    if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null; then return 0; fi
    [ "$attempt" = installed ] || install_package postgresql postgresql || return 1
  done
  return 1
}

# Makes sure that there is a compiler for C and C++ with the C library's headers. On Debian the package g++ has all of
# this, the package gcc has neither C++ nor the headers. NativeAOT links with this compiler, too.
need_c_compiler() {
  local attempt program
  mkdir -p "$root/artifacts"
  program="$(mktemp "$root/artifacts/c.XXXXXX")"
  for attempt in found installed; do
    if echo '#include <stdio.h>' | gcc -x c -fsyntax-only - 2>/dev/null &&
      echo 'int main() { return 0; }' | g++ -x c++ -o "$program" - 2>/dev/null; then
      rm -f "$program"
      return 0
    fi
    [ "$attempt" = installed ] || install_package g++ gcc || break
  done
  rm -f "$program"
  return 1
}

# Makes sure that there is a valgrind that starts. Debian's valgrind needs the symbols of the C library, a package that
# Debian's valgrind only recommends. There is no valgrind for macOS.
need_valgrind() {
  local attempt
  for attempt in found installed; do
    if valgrind -q "$(command -v true)" >/dev/null 2>&1; then return 0; fi
    [ "$attempt" != installed ] || return 1
    install_package valgrind valgrind || return 1
    ! command -v apt-get >/dev/null || install_package libc6-dbg "" || return 1
  done
  return 1
}

# Sets and exports MLSCONSOLE_PROMETHEUS, the folder of prometheus and promtool. Debian's package would also start a
# server on this machine, so that the package is only unpacked, below artifacts/.
need_prometheus() {
  local folder="$root/artifacts/prometheus"
  if command -v prometheus >/dev/null && command -v promtool >/dev/null; then
    MLSCONSOLE_PROMETHEUS="$(dirname "$(command -v prometheus)")"
  elif [ -x "$folder/usr/bin/promtool" ]; then
    MLSCONSOLE_PROMETHEUS="$folder/usr/bin"
  elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then
    echo "unpacking prometheus (log: artifacts/install.log)" >&2
    mkdir -p "$folder"
    [ -n "$apt_updated" ] || as_root apt-get update >>"$root/artifacts/install.log" 2>&1 || return 1
    apt_updated=1
    (cd "$folder" && apt-get download prometheus && dpkg-deb -x prometheus_*.deb .) \
      >>"$root/artifacts/install.log" 2>&1 || return 1
    MLSCONSOLE_PROMETHEUS="$folder/usr/bin"
  else
    install_package prometheus prometheus || return 1
    MLSCONSOLE_PROMETHEUS="$(dirname "$(command -v prometheus)")"
  fi
  "$MLSCONSOLE_PROMETHEUS/promtool" --version >/dev/null 2>&1 || return 1
  export MLSCONSOLE_PROMETHEUS
}

# Sets and exports MLSCONSOLE_HAPROXY. Debian's package starts a proxy where there is an init, but its configuration
# listens nowhere. Debian has the program in /usr/sbin, which is not in everybody's PATH.
need_haproxy() {
  local attempt candidate
  for attempt in found installed; do
    for candidate in "${MLSCONSOLE_HAPROXY:-}" haproxy /usr/sbin/haproxy; do
      if [ -n "$candidate" ] && "$candidate" -v >/dev/null 2>&1; then
        MLSCONSOLE_HAPROXY="$(command -v "$candidate")"
        export MLSCONSOLE_HAPROXY
        return 0
      fi
    done
    [ "$attempt" = installed ] || install_package haproxy haproxy || return 1
  done
  return 1
}
