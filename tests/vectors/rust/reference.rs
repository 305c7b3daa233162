//! A second decoder, which was written from the specification alone, gives the same.

use std::process::Command;

#[test]
fn a_decoder_written_from_the_specification_alone_decodes_the_vectors() {
    let output = Command::new("python3")
        .arg("-B")
        .arg(super::path("reference/check.py"))
        .output()
        .expect("python3 runs: tests/run installs it");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
}
