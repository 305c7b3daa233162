# For the example pipelines: answers --help, and finds gst-launch-1.0. Sourced, with `set -euo pipefail`.

# --help prints the comment at the top of the script.
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit 0
fi

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

command -v gst-launch-1.0 >/dev/null || die "gst-launch-1.0 is missing: install GStreamer's tools, or run pipelines/quickstart"

# Not `gst-inspect-1.0 --exists`: it takes only plugins of GStreamer's own version for existing.
has_element() { gst-inspect-1.0 "$1" >/dev/null 2>&1; }

# need ELEMENT ADVICE: makes an element of this repository's plugins known to gst-launch-1.0.
need() {
  local repository target
  if has_element "$1"; then return; fi
  repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  # A relative target folder is relative to where cargo ran: the repository.
  target=$(cd "$repository" && realpath -m -- "${CARGO_TARGET_DIR:-target}")
  export GST_PLUGIN_PATH="$target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  has_element "$1" || die "$2"
}
