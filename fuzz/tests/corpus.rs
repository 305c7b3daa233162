//! Every file of every corpus goes through its target: the seeds, and what once was a crash.

use std::fs;
use std::path::Path;

use fql_fuzz::{seeds, targets};

#[test]
fn every_file_of_the_corpora_passes_its_target() {
    for (name, target) in targets::ALL {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        assert!(!files.is_empty(), "{name} has no seeds");
        for file in files {
            println!("{}", file.display());
            target(&fs::read(file).unwrap());
        }
    }
}

#[test]
fn every_target_has_a_binary_and_seeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let seeds = seeds::all();
    for (name, _) in targets::ALL {
        assert!(root.join("fuzz_targets").join(name).with_extension("rs").is_file(), "{name} has no binary");
        assert!(
            seeds.iter().any(|(target, seeds)| target == name && !seeds.is_empty()),
            "{name} has no seeds"
        );
    }
    assert_eq!(seeds.len(), targets::ALL.len());
}

#[test]
fn no_prefix_of_a_seed_and_no_changed_byte_of_it_is_too_much_for_its_target() {
    for (target, seeds) in seeds::all() {
        let (_, run) = targets::ALL.iter().find(|(name, _)| *name == target).expect(target);
        let Some((name, seed)) = seeds.iter().min_by_key(|(_, seed)| seed.len()) else { continue };
        println!("{target}/{name}");
        let step = 1 + seed.len() / 16;
        for at in (0..seed.len()).step_by(step) {
            run(&seed[..at]);
            let mut changed = seed.clone();
            changed[at] ^= 0x55;
            run(&changed);
        }
    }
}
