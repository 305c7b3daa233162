# For the example pipelines: answers --help, and makes the FQL plugin known to gst-launch-1.0. Sourced.

# --help prints the comment at the top of the script.
if [ "${1:-}" = -h ] || [ "${1:-}" = --help ]; then
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit 0
fi

# Not `gst-inspect-1.0 --exists`: it takes only plugins of GStreamer's own version for existing.
has_plugin() { gst-inspect-1.0 fqlenc >/dev/null 2>&1; }

if ! has_plugin; then
  repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
  export GST_PLUGIN_PATH="${CARGO_TARGET_DIR:-$repository/target}/release${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  if ! has_plugin; then
    echo "The FQL plugin is not built: run pipelines/quickstart, or cargo build --release -p gst-plugin-fql" >&2
    exit 1
  fi
fi
