//! A relay that loses, delays and limits datagrams between two UDP ports.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use fql_tests::relay::{Link, Relay};

/// Relays UDP datagrams and loses some of them, the same ones for the same seed.
///
/// Example: lossy-relay 127.0.0.1:5000 127.0.0.1:4242 --loss 0.1 --burst 5 --delay 30
#[derive(Debug, Parser)]
struct Options {
    /// Address to listen on
    listen: SocketAddr,
    /// Address to send to; answers go back to the last sender
    target: SocketAddr,
    /// Mean share of datagrams that are lost, 0 to 1, in each direction
    #[arg(long, default_value_t = 0.0)]
    loss: f64,
    /// Mean length of a run of losses, in datagrams
    #[arg(long, default_value_t = 1.0)]
    burst: f64,
    /// Milliseconds that a datagram travels, each way
    #[arg(long, default_value_t = 0)]
    delay: u64,
    /// The most milliseconds that are added to the delay at random
    #[arg(long, default_value_t = 0)]
    jitter: u64,
    /// Kilobits a second that pass, each way; no limit without it
    #[arg(long)]
    rate: Option<u64>,
    /// Milliseconds that a datagram may queue where the rate is limited
    #[arg(long, default_value_t = 200)]
    queue: u64,
    /// Lose nothing on the way back
    #[arg(long)]
    forward_only: bool,
    /// Which datagrams are lost
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<()> {
    let options = Options::parse();
    ensure!((0.0..=1.0).contains(&options.loss), "--loss is {}, it must be from 0 to 1", options.loss);
    ensure!(options.burst >= 1.0, "--burst is {}, it must be at least 1", options.burst);
    ensure!(options.rate != Some(0), "--rate is 0, it must be at least 1");
    let link = Link {
        loss: options.loss,
        burst: options.burst,
        delay: Duration::from_millis(options.delay),
        jitter: Duration::from_millis(options.jitter),
        rate: options.rate.map(|rate| rate.saturating_mul(1000)),
        queue: Duration::from_millis(options.queue),
        forward_only: options.forward_only,
        seed: options.seed,
    };
    let relay = Relay::start(options.listen, options.target, link)
        .with_context(|| format!("cannot relay from {}", options.listen))?;
    println!("{} -> {}; Ctrl-C ends it", relay.address(), options.target);
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let (there, back) = (relay.forward(), relay.backward());
        println!(
            "there: {} datagrams, {} lost, {} over the rate; back: {}, {} lost, {} over the rate",
            there.arrived, there.lost, there.overflowed, back.arrived, back.lost, back.overflowed
        );
    }
}
