//! Finds libsrt by pkg-config.

fn main() {
    // 1.4.2 is the first one that tells a caller why it was refused.
    if let Err(error) = pkg_config::Config::new().atleast_version("1.4.2").probe("srt") {
        panic!("libsrt's development files are missing (Debian: libsrt-gnutls-dev): {error}");
    }
}
