//! The README's first command, as a newcomer runs it.

use std::path::Path;
use std::process::Command;

#[test]
fn the_quick_start_passes_its_own_check() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let out = std::env::temp_dir().join(format!("fql-quickstart-{}", std::process::id()));
    let folder = out.to_str().unwrap();
    let run =
        Command::new(repository.join("pipelines/quickstart")).args(["--check", "--out", folder]).output();
    let run = run.unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned();
    println!("{text}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "it ended with {}", run.status);
    for word in ["lost", "recovered", "layers", "kbit/s", "PSNR"] {
        assert!(text.contains(word), "nothing about {word} was printed");
    }
    for file in ["received.mkv", "layers.png"] {
        let len = std::fs::metadata(out.join(file)).unwrap().len();
        assert!(len > 50_000, "{file} holds only {len} bytes");
    }
    std::fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_wrong_option_gives_one_clear_line() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (arguments, complaint) in [
        (["--loss", "1.5"], "--loss is 1.5, it must be from 0 to 0.9"),
        (["--input", "missing.mp4"], "missing.mp4: there is no such file"),
    ] {
        let run = Command::new(repository.join("pipelines/quickstart")).args(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success());
        assert!(errors.lines().any(|line| line == format!("quickstart: {complaint}")), "{errors}");
    }
}

#[test]
fn files_are_relative_to_where_it_is_called() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
    let folder = std::env::temp_dir().join(format!("fql-quickstart-from-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let run = Command::new(repository.join("pipelines/quickstart"))
        .args(["--out", "mine", "--input", "missing.mp4"])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(!run.status.success());
    assert!(folder.join("mine").is_dir(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::remove_dir_all(folder).unwrap();
}
