# What every command of this repository needs before it starts: the system packages, Rust and GStreamer.
# Sourced by pipelines/quickstart and tests/run, with `set -euo pipefail` and the repository as working directory.

readonly RUST_NEEDED=1.92.0
readonly GSTREAMER_NEEDED=1.22.0

readonly BUILD_PACKAGES="gcc libc6-dev pkg-config libssl-dev libsrt-gnutls-dev libgstreamer1.0-dev
  libgstreamer-plugins-base1.0-dev"
readonly RUN_PACKAGES="gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
  gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav gstreamer1.0-x fonts-dejavu-core"
# What GStreamer's clients of WHIP and WHEP need besides, to be built and to run: pipelines/webrtc-plugin.
readonly WEBRTC_PACKAGES="libgstreamer-plugins-bad1.0-dev gstreamer1.0-nice"
# What packaging needs besides.
readonly PACKAGING_PACKAGES="meson ninja-build binutils dpkg-dev"

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# at_least HAVE NEED: whether version HAVE is NEED or later.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# A package may be installed for several architectures: one line for each.
installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# install_packages NAME...: installs those that are missing, by apt-get, and says which.
install_packages() {
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "No apt-get on this system; going on with what is installed (on Debian 12 it would be: $*)"
    return
  fi
  local missing=() package as_root=()
  for package in "$@"; do installed "$package" || missing+=("$package"); done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these system packages are missing and there is no sudo; install them as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "Installing system packages: ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || say "apt-get update failed; trying with the package lists that are there"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" </dev/null >/dev/null || die "apt-get could not install: ${missing[*]}"
}

check_rust() {
  command -v cargo >/dev/null && command -v rustc >/dev/null || die "Rust is missing: install $RUST_NEEDED or newer from https://rustup.rs"
  local have
  have=$(rustc --version | cut -d' ' -f2)
  at_least "$have" "$RUST_NEEDED" || die "Rust $have is too old: $RUST_NEEDED or newer is needed (rustup update)"
}

check_gstreamer() {
  command -v pkg-config >/dev/null || die "pkg-config is missing: install it, it tells where GStreamer is"
  local have
  have=$(pkg-config --modversion gstreamer-1.0 2>/dev/null) ||
    die "GStreamer's development files are missing: install GStreamer $GSTREAMER_NEEDED or newer with its headers"
  at_least "$have" "$GSTREAMER_NEEDED" || die "GStreamer $have is too old: $GSTREAMER_NEEDED or newer is needed"
  pkg-config --exists gstreamer-app-1.0 gstreamer-audio-1.0 gstreamer-video-1.0 ||
    die "the development files of GStreamer's base plugins are missing: install them (gst-plugins-base)"
  command -v gst-launch-1.0 >/dev/null || die "gst-launch-1.0 is missing: install GStreamer's tools"
}

# Any Node.js from 18 on will do, and the one that is there may not be Debian's.
install_node() { command -v npm >/dev/null || install_packages nodejs npm; }
