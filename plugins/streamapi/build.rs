//! Gives the plugin its version and date: from the git commit where there is one, from Cargo.toml otherwise.

fn main() {
    gst_plugin_version_helper::info();
}
