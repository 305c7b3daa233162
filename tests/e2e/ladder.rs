//! The picture that explains quality layers.

use fql_tests::clip::{self, bundled};
use fql_tests::ladder;

#[test]
fn every_step_of_the_ladder_is_better_and_the_last_is_exact() {
    let frames = clip::frames(&bundled("bigbuckbunny.mp4"), 60).unwrap();
    let file = std::env::temp_dir().join(format!("fql-ladder-{}.png", std::process::id()));
    let steps = ladder::draw(&frames[59], &file).unwrap();
    println!("{steps:?}");
    let (last, lossy) = steps.split_last().unwrap();
    assert_eq!(last.psnr, None, "all layers are not exact");
    let psnr: Vec<_> = lossy.iter().map(|step| step.psnr.unwrap()).collect();
    assert!(psnr[0] > 15.0 && psnr.is_sorted(), "{psnr:?}");
    assert!(std::fs::metadata(&file).unwrap().len() > 100_000);
    std::fs::remove_file(file).unwrap();
}
