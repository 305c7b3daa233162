# How Rust is built for browsers, and checked for processors that are not at hand. Sourced after setup.sh, with the
# repository as working directory.

# Whether the toolchain brings the standard library of a target itself.
has_target() { [ -d "$(rustc --print target-libdir --target "$1" 2>/dev/null)" ]; }

# Installs what cargo_for needs: Debian's compiler and library source, where the toolchain has no such target.
install_target_tools() { has_target "$1" || install_packages rustc-web rust-web-src; }
install_wasm_tools() { install_target_tools wasm32-unknown-unknown; }

# wasm_cargo COMMAND ARGUMENT...: cargo for wasm32-unknown-unknown.
wasm_cargo() { cargo_for wasm32-unknown-unknown "$@"; }

# cargo_for TARGET COMMAND ARGUMENT...: cargo for another target, with the toolchain's own where it is installed, and
# with Debian's compiler and the standard library built from its source where it is not.
cargo_for() {
  local target=$1 command=$2 have host
  shift 2
  if has_target "$target"; then
    cargo "$command" --locked --target "$target" "$@"
    return
  fi
  [ -x /usr/bin/rustc ] || die "no target $target: rustup target add $target, or install rustc-web and rust-web-src"
  have=$(/usr/bin/rustc --version | cut -d' ' -f2)
  at_least "$have" "$RUST_NEEDED" || die "Debian's rustc $have is too old for $target: $RUST_NEEDED or newer is needed"
  host=$(rustc -vV | sed -n 's/^host: //p')
  PATH="$PATH:$(rustc --print sysroot)/lib/rustlib/$host/bin" RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    cargo "$command" --locked -Z build-std=std,panic_abort --target "$target" "$@"
}
