//! A relay that loses, delays and limits datagrams between two UDP ports.

use std::io::BufRead;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use fql_tests::relay::{Counts, Link, Relay};

/// Relays UDP datagrams and loses some of them, the same ones for the same seed.
///
/// Example: lossy-relay 127.0.0.1:5000 127.0.0.1:4242 --loss 0.1 --burst 5 --delay 30
///
/// The link changes while it runs by lines on standard input: an option and its value, as "loss 1", "rate 800" or
/// "rate none".
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
    let relay = Arc::new(relay);
    std::thread::spawn({
        let relay = Arc::clone(&relay);
        move || follow(&relay, link)
    });
    loop {
        std::thread::sleep(Duration::from_secs(1));
        println!("there: {}; back: {}", told(relay.forward()), told(relay.backward()));
    }
}

fn told(counts: Counts) -> String {
    let Counts { arrived, lost, overflowed, bytes } = counts;
    format!("{arrived} datagrams of {bytes} bytes, {lost} lost, {overflowed} over the rate")
}

/// Changes the link as the lines of standard input say, until they end.
fn follow(relay: &Relay, mut link: Link) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let changed = change(link, &line).and_then(|changed| relay.set_link(changed).map(|()| changed));
        match changed {
            Ok(changed) => {
                link = changed;
                println!("changed: {}", line.trim());
            }
            Err(error) => eprintln!("lossy-relay: {error:#}"),
        }
    }
}

/// The link after a line such as "loss 0.1".
fn change(link: Link, line: &str) -> Result<Link> {
    let (option, value) =
        line.trim().split_once(' ').with_context(|| format!("{line:?} is no option and its value"))?;
    let number = || value.parse::<f64>().with_context(|| format!("{value} is no number"));
    let whole = || value.parse::<u64>().with_context(|| format!("{value} is no whole number"));
    let time = || whole().map(Duration::from_millis);
    Ok(match option {
        "loss" => Link { loss: number()?, ..link },
        "burst" => Link { burst: number()?, ..link },
        "delay" => Link { delay: time()?, ..link },
        "jitter" => Link { jitter: time()?, ..link },
        "queue" => Link { queue: time()?, ..link },
        "rate" if value == "none" => Link { rate: None, ..link },
        "rate" => {
            let rate = whole()?.saturating_mul(1000);
            ensure!(rate > 0, "a rate of 0 is none: \"loss 1\" cuts the link");
            Link { rate: Some(rate), ..link }
        }
        _ => bail!("{option} does not change while it runs; loss, burst, delay, jitter, queue and rate do"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_changes_one_thing_and_a_wrong_one_is_told() {
        let link = change(Link::default(), "rate 800").unwrap();
        assert_eq!((link.rate, link.loss), (Some(800_000), 0.0));
        let link = change(link, "loss 0.5").unwrap();
        assert_eq!((link.rate, link.loss), (Some(800_000), 0.5));
        assert_eq!(change(link, "rate none").unwrap().rate, None);
        assert_eq!(change(link, "delay 30").unwrap().delay, Duration::from_millis(30));
        for wrong in ["", "loss", "loss much", "rate 0", "rate -1", "seed 2"] {
            assert!(change(link, wrong).is_err(), "{wrong:?}");
        }
    }
}
