# For the example pipelines with elements of FQL: answers --help, and makes the plugin known to gst-launch-1.0. Sourced,
# with `set -euo pipefail`.
. "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

# file_uri FILE: the file as the address that GStreamer takes.
file_uri() {
  local path
  path=$(realpath -- "$1" 2>/dev/null) && [ -f "$path" ] || die "$1: there is no such file"
  path=${path//%/%25}
  path=${path//\#/%23}
  path=${path//\?/%3F}
  printf 'file://%s' "${path// /%20}"
}

# The secret of fqlfecsink and fqlsrc, where there is one: what follows an empty value is the value to gst-launch-1.0.
secret=()
if [ -n "${PASSPHRASE:-}" ]; then secret=(passphrase="$PASSPHRASE"); fi

need fqlenc "the FQL plugin is not built: run pipelines/quickstart, or cargo build --release -p gst-plugin-fql"
