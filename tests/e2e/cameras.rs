//! A few cameras for some seconds, one of which misbehaves; `tests/soak cameras` has many of them for ten minutes.

use std::time::Duration;

use anyhow::Result;
use fql_tests::cameras::Plan;

#[test]
fn a_camera_that_misbehaves_leaves_the_others_alone() -> Result<()> {
    let plan = Plan { cameras: 5, before: Duration::from_secs(2), beside: Duration::from_secs(20) };
    let verdict = plan.run()?;
    println!("{verdict}");
    verdict.judge()
}
