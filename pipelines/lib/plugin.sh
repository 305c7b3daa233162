# For the example pipelines: answers --help, and makes the FQL plugin known to gst-launch-1.0. Sourced, with
# `set -euo pipefail`.

# --help prints the comment at the top of the script.
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit 0
fi

die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

# file_uri FILE: the file as the address that GStreamer takes.
file_uri() {
  local path
  path=$(realpath -- "$1" 2>/dev/null) && [ -f "$path" ] || die "$1: there is no such file"
  path=${path//%/%25}
  path=${path//\#/%23}
  path=${path//\?/%3F}
  printf 'file://%s' "${path// /%20}"
}

command -v gst-launch-1.0 >/dev/null || die "gst-launch-1.0 is missing: install GStreamer's tools, or run pipelines/quickstart"

# Not `gst-inspect-1.0 --exists`: it takes only plugins of GStreamer's own version for existing.
has_plugin() { gst-inspect-1.0 fqlenc >/dev/null 2>&1; }

if ! has_plugin; then
  repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  # A relative target folder is relative to where cargo ran: the repository.
  target=$(cd "$repository" && realpath -m -- "${CARGO_TARGET_DIR:-target}")
  export GST_PLUGIN_PATH="$target/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  has_plugin || die "the FQL plugin is not built: run pipelines/quickstart, or cargo build --release -p gst-plugin-fql"
fi
