//! `stream stats`: what happens to a stream, once or every second.

use std::time::{Duration, Instant};

use console::Term;
use serde_json::Value;

use crate::args;
use crate::client::Client;
use crate::commands::streams::{not_found, path};
use crate::failure::{Failure, Kind, Result};
use crate::interrupt::Interrupt;
use crate::model::{Stats, Track};
use crate::output::{Output, read};
use crate::text::{clock, pairs, percent, rate, table};

const EVERY: Duration = Duration::from_secs(1);

/// `stream stats`.
pub fn stats(client: &Client, output: Output, stats: &args::Stats) -> Result<()> {
    let ask = || {
        client.get(&format!("{}/stats", path(&stats.name))).map_err(|failure| not_found(failure, &stats.name))
    };
    let first = ask()?;
    if stats.watch {
        return watch(output, &stats.name, first, ask);
    }
    output.answer(first, |answer: &Stats| describe(&stats.name, answer))
}

/// Shows them until somebody interrupts. A server that cannot be reached for a while is no reason to end.
fn watch(output: Output, name: &str, first: Value, ask: impl Fn() -> Result<Value>) -> Result<()> {
    let mut interrupt = Interrupt::catch()?;
    let mut screen = Screen::new(output);
    let mut answer: Result<Value> = Ok(first);
    loop {
        let asked = Instant::now();
        match answer {
            Ok(answer) => screen.show(name, answer)?,
            Err(failure) if failure.kind() == Kind::Unreachable => screen.tell(&failure)?,
            Err(failure) => return Err(failure),
        }
        if interrupt.wait(EVERY.saturating_sub(asked.elapsed())) {
            return Ok(());
        }
        answer = ask();
    }
}

/// A place on the terminal that is drawn anew, or a row of lines where there is no terminal.
struct Screen {
    output: Output,
    term: Term,
    drawn: usize,
}

impl Screen {
    fn new(output: Output) -> Self {
        Self { output, term: Term::stdout(), drawn: 0 }
    }

    fn show(&mut self, name: &str, answer: Value) -> Result<()> {
        if self.output.is_json() {
            return self.output.json_line(&answer);
        }
        let stats: Stats = read(answer)?;
        if self.term.is_term() {
            return self.draw(&describe(name, &stats));
        }
        self.output.text(&format!("{}\n", one_line(&stats)))
    }

    fn tell(&mut self, failure: &Failure) -> Result<()> {
        if self.term.is_term() && !self.output.is_json() {
            return self.draw(&format!("{failure}\nTrying again every second.\n"));
        }
        eprintln!("stream: {failure}");
        Ok(())
    }

    fn draw(&mut self, text: &str) -> Result<()> {
        // What is longer than the terminal would wrap, and not all of it be cleared the next time.
        let (height, width) = self.term.size();
        let lines: Vec<String> = text
            .lines()
            .take(usize::from(height).saturating_sub(1))
            .map(|line| line.chars().take(width.into()).collect())
            .collect();
        self.term.clear_last_lines(self.drawn)?;
        self.drawn = lines.len();
        self.output.text(&(lines.join("\n") + "\n"))
    }
}

fn one_line(stats: &Stats) -> String {
    let packets = &stats.packets;
    let total: u64 = stats.tracks.iter().map(|track| track.bitrate).sum();
    // What the source of a stream does while it is not live is what matters then.
    let source = stats.source_status.as_ref().filter(|source| source.state != stats.state);
    let source = source.map(|source| format!(", source {source}")).unwrap_or_default();
    format!(
        "{}{source}  {}  {} viewers  lost {} ({})  recovered {}  late {}",
        stats.state,
        rate(total),
        stats.viewers,
        packets.lost,
        percent(packets.loss()),
        packets.recovered,
        packets.late
    )
}

fn describe(name: &str, stats: &Stats) -> String {
    let packets = &stats.packets;
    let mut lines = vec![("State", stats.state.clone())];
    lines.extend(stats.uptime_seconds.map(|seconds| ("Up", clock(seconds as u64))));
    lines.extend(stats.source_status.as_ref().map(|status| ("Source", status.to_string())));
    lines.push(("Viewers", stats.viewers.to_string()));
    if let Some(publisher) = &stats.publisher {
        let mut parts: Vec<String> = publisher.address.iter().cloned().collect();
        parts.extend(publisher.rate.map(rate));
        parts.extend(publisher.round_trip_ms.map(|ms| format!("round trip {ms:.0} ms")));
        parts.extend(publisher.queueing_delay_ms.map(|ms| format!("queueing {ms:.0} ms")));
        lines.push(("Publisher", parts.join(", ")));
    }
    lines.push((
        "Packets",
        format!(
            "{} received, {} lost ({}), {} recovered, {} late",
            packets.received,
            packets.lost,
            percent(packets.loss()),
            packets.recovered,
            packets.late
        ),
    ));
    let mut text = format!("{name}\n{}", pairs(2, &lines));
    if !stats.tracks.is_empty() {
        let heading = [
            "TRACK",
            "KIND",
            "CODEC",
            "RATE",
            "FPS",
            "LAYERS",
            "COMPLETE",
            "PARTIAL",
            "LOST",
            "RATE A LAYER",
        ];
        text.push('\n');
        text.push_str(&table(&heading, &stats.tracks.iter().map(track_row).collect::<Vec<_>>()));
    }
    text
}

fn track_row(track: &Track) -> Vec<String> {
    let kbits = track.layer_rates.iter().map(|bits| (bits / 1_000).to_string()).collect::<Vec<_>>().join(" ");
    vec![
        track.id.to_string(),
        track.kind.clone(),
        track.codec.clone().unwrap_or_default(),
        rate(track.bitrate),
        track.frame_rate.map(|fps| format!("{fps:.1}")).unwrap_or_default(),
        track.layers.to_string(),
        track.units_complete.to_string(),
        track.units_partial.to_string(),
        track.units_lost.to_string(),
        kbits,
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stream_that_is_offline_has_stats() {
        let stats: Stats = read(json!({"state": "offline", "publisher": null, "tracks": []})).unwrap();
        let text = describe("hall", &stats);
        assert!(text.starts_with("hall\n  State:   offline\n  Viewers: 0\n"), "{text}");
    }

    #[test]
    fn what_a_source_does_is_told() {
        let retrying = json!({"state": "idle", "sourceStatus": {
            "state": "retrying", "since": "2030-01-01T00:00:00Z", "failures": 3, "reason": "unauthorized",
            "retryAt": "2030-01-01T00:00:08Z"}});
        let stats: Stats = read(retrying).unwrap();
        let words = "retrying (unauthorized), failed 3 times in a row, tried again at 2030-01-01T00:00:08Z";
        assert!(describe("door", &stats).contains(&format!("  Source:  {words}\n")));
        assert!(one_line(&stats).starts_with(&format!("idle, source {words}  ")), "{}", one_line(&stats));
        let live: Stats = read(json!({"state": "live", "sourceStatus": {"state": "live"}})).unwrap();
        assert!(one_line(&live).starts_with("live  "), "{}", one_line(&live));
    }
}
