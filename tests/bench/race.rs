//! Speeds: everybody does the same work, one after the other, round by round, and the medians of their times count.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::clips::Clip;
use crate::ffmpeg::{Peer, ffmpeg};
use crate::ours::Coding;
use crate::points::median;
use crate::processes::{run, user_time};

/// Somebody who codes and decodes, as commands.
#[derive(Debug)]
pub struct Contender {
    /// The name in tables.
    pub name: String,
    /// Codes.
    pub encode: Command,
    /// Reads what is coded, and does no more.
    pub read_raw: Command,
    /// Decodes what `encode` wrote.
    pub decode: Command,
    /// Reads what is decoded, and does no more.
    pub read_coded: Option<Command>,
    /// What `encode` writes.
    pub coded: PathBuf,
}

/// What one did in a second, in whatever the work is counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// Coding.
    pub encode: f64,
    /// Decoding.
    pub decode: f64,
}

/// What is measured of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// Its user time on all cores.
    UserTime,
    /// How long one waits for it.
    Wall,
}

impl Clock {
    /// Runs a program to its end, and gives its seconds.
    fn time(self, work: &mut Command) -> Result<f64> {
        if self == Self::UserTime {
            return Ok(user_time(work)?.as_secs_f64());
        }
        let began = Instant::now();
        run(work)?;
        Ok(began.elapsed().as_secs_f64())
    }
}

impl Contender {
    /// Ours on a clip, as a process of its own.
    pub fn ours(clip: &Clip, coding: &Coding, folder: &Path) -> Result<Self> {
        let coded = folder.join("ours.units");
        let (width, height) = clip.size();
        let mut encode = worker("encode", &[&clip.file, &coded])?;
        encode.args(coding.arguments());
        let mut decode = worker("decode", &[&coded])?;
        decode.args([width.to_string(), height.to_string(), coding.threads.to_string()]);
        let read_raw = worker("read", &[&clip.file])?;
        Ok(Self { name: "FQL".to_owned(), encode, read_raw, decode, read_coded: None, coded })
    }

    /// A codec of ffmpeg on a clip.
    pub fn peer(peer: &Peer, clip: &Clip, folder: &Path, threads: usize) -> Self {
        let coded = folder.join(format!("{}.nut", peer.name.replace([' ', '/', ','], "-")));
        Self {
            name: peer.name.to_owned(),
            encode: peer.encoding(&clip.file, &coded, threads).command(),
            read_raw: ffmpeg().arg("-i").arg(&clip.file).args(["-f", "null", "-"]).command(),
            decode: peer.decoding(&coded, threads).command(),
            read_coded: Some(reading(&coded)),
            coded,
        }
    }

    fn round(&mut self, clock: Clock) -> Result<[f64; 2]> {
        let net = |work: &mut Command, reading: Option<&mut Command>| {
            let reading = reading.map_or(Ok(0.0), |reading| clock.time(reading))?;
            // Where there is hardly any work, the clock's own grain is the least that is measured.
            Ok::<_, anyhow::Error>((clock.time(work)? - reading).max(1e-3))
        };
        let encode = net(&mut self.encode, Some(&mut self.read_raw))?;
        Ok([encode, net(&mut self.decode, self.read_coded.as_mut())?])
    }
}

/// Reads the packets of a file, and does no more.
pub fn reading(coded: &Path) -> Command {
    ffmpeg().arg("-i").arg(coded).args(["-c", "copy", "-f", "null", "-"]).command()
}

/// This program as a process that does one piece of work.
pub fn worker(work: &str, files: &[&Path]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(work).args(files);
    Ok(command)
}

/// The speeds of all, in their order, for an amount of work.
pub fn race(contenders: &mut [Contender], rounds: usize, amount: f64, clock: Clock) -> Result<Vec<Speed>> {
    let mut times = vec![[const { Vec::new() }; 2]; contenders.len()];
    for round in 1..=rounds {
        for (contender, times) in contenders.iter_mut().zip(&mut times) {
            eprintln!("round {round} of {rounds}: {}", contender.name);
            let [encode, decode] = contender.round(clock).with_context(|| contender.name.clone())?;
            times[0].push(encode);
            times[1].push(decode);
        }
    }
    let speed = |[encode, decode]: [Vec<f64>; 2]| Speed {
        encode: amount / median(encode),
        decode: amount / median(decode),
    };
    Ok(times.into_iter().map(speed).collect())
}
