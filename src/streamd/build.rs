//! The pages that `src/player/build` makes are built in: when they change, so does the daemon.

use std::path::Path;

const PAGES: &str = "../player/pages/dist";

fn main() {
    // An empty folder stands for pages that are not built: one that is not there cannot be watched, and the daemon
    // would be built anew each time. Where none can be made (a source that is read only), that is all that it costs.
    let _ = std::fs::create_dir_all(Path::new(PAGES));
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={PAGES}");
}
