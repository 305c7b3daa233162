//! The table of `docs/benchmarks.md` that says what a viewer sees over bad links.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use fql_tests::clip::{self, bundled};
use fql_tests::lossy_run::{LINKS, LossyRun, WIRE_KBITS};

/// Sends stamped 720p video through links of several kinds, in real time, and prints what a viewer saw.
///
/// Example: loss-table --seconds 60 --seeds 1,2,3 --fec unequal:3,2,1,0
#[derive(Debug, Parser)]
struct Options {
    /// Seconds of video for each row
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(2..=2600))]
    seconds: u32,
    /// Seeds of the relay, each a row for every link
    #[arg(long, value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// The protection, as the property `fec` of fqlfecsink
    #[arg(long, default_value = "adaptive")]
    fec: String,
    /// Clip in `tests/media`
    #[arg(long, default_value = "bigbuckbunny.mp4")]
    clip: String,
}

fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let clip = clip::frames(&bundled(&options.clip), usize::MAX)?;
    println!(
        "{} s, fec={}, {WIRE_KBITS} kbit/s on the wire, 30 ms each way, latency 120 ms\n",
        options.seconds, options.fec
    );
    println!(
        "| loss | seed | delivered | longest freeze | mean PSNR | 5th percentile | wire kbit/s | other work |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut worst_freeze = 0;
    for (loss, burst) in LINKS {
        for &seed in &options.seeds {
            let run =
                LossyRun::standard(loss, burst, seed, options.seconds as usize, &options.fec).run(&clip)?;
            let bursts = if burst > 1.0 { format!(", bursts of {burst}") } else { String::new() };
            let score = run.score;
            worst_freeze = worst_freeze.max(score.longest_freeze);
            println!(
                "| {:.0} %{bursts} | {seed} | {:.1} % | {} | {:.1} | {:.1} | {:.0} | {:.0} % |",
                loss * 100.0,
                score.delivered * 100.0,
                score.longest_freeze,
                score.mean_psnr,
                score.p5_psnr,
                run.wire_rate / 1e3,
                run.other_work * 100.0
            );
        }
    }
    Ok(if worst_freeze <= 1 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
