//! What is installed, by meson and as Debian packages, is found and works.

mod debian;
mod meson;
mod root;
mod unit;
