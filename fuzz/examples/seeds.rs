//! Writes the seed corpora: what honest encoders and peers make, so that fuzzing begins behind the first checks.
//!
//! ```sh
//! cargo run --no-default-features --example seeds
//! ```
//!
//! Each file is named after its content, so that a seed that does not change stays the file that it was.

use std::path::{Path, PathBuf};
use std::{fs, io};

use fql_fuzz::seeds;

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in seeds::all() {
        let folder = corpus.join(target);
        renew(&folder, &seeds)?;
        let bytes: usize = seeds.iter().map(|(_, seed)| seed.len()).sum();
        println!("{target}: {} seeds, {bytes} bytes", seeds.len());
    }
    Ok(())
}

/// Makes the folder hold these seeds, and those of found crashes, alone.
fn renew(folder: &Path, seeds: &[seeds::Seed]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for file in fs::read_dir(folder)? {
        let file: PathBuf = file?.path();
        if !file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("crash-")) {
            fs::remove_file(file)?;
        }
    }
    seeds.iter().try_for_each(|(name, seed)| fs::write(folder.join(name), seed))
}
