//! What else ran on the machine during a measurement: where others took much of it, the figures are theirs.

use std::fs;

const DISTURBING: f64 = 0.1;

/// Measures from its start until it is asked.
#[derive(Debug)]
pub struct OtherWork {
    /// `None` where the system does not tell.
    start: Option<Ticks>,
}

/// Clock ticks of all cores together.
#[derive(Debug, Clone, Copy)]
struct Ticks {
    all: u64,
    idle: u64,
    own: u64,
}

impl OtherWork {
    /// Starts to measure.
    pub fn start() -> Self {
        Self { start: Ticks::now() }
    }

    /// Whether others have taken so much since the start that a measurement in real time is theirs: two cores that
    /// send, lose, receive and judge 720p have little to spare.
    pub fn is_disturbing(&self) -> bool {
        self.share() > DISTURBING
    }

    /// The share of all cores that other processes, and other guests of the machine's host, have taken since the
    /// start, 0 to 1; 0 where the system does not tell.
    pub fn share(&self) -> f64 {
        let Some((start, now)) = self.start.zip(Ticks::now()) else { return 0.0 };
        let others = (now.all - start.all).saturating_sub(now.idle - start.idle + now.own - start.own);
        others as f64 / (now.all - start.all).max(1) as f64
    }
}

impl Ticks {
    fn now() -> Option<Self> {
        let system = fs::read_to_string("/proc/stat").ok()?;
        let process = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&system, &process)
    }

    /// From the texts of `/proc/stat` and `/proc/self/stat`, as proc(5) describes them.
    fn parse(system: &str, process: &str) -> Option<Self> {
        let cores: Vec<u64> =
            system.lines().next()?.strip_prefix("cpu ")?.split_whitespace().flat_map(str::parse).collect();
        // The fields after the eighth are counted in the first two already.
        let all = cores.iter().take(8).sum();
        let idle = cores.get(3)? + cores.get(4)?;
        // The program's name may hold spaces; what follows its bracket does not. User and system time are the fields
        // 14 and 15 of the line, those of programs that it ran to their end 16 and 17.
        let (_, fields) = process.rsplit_once(')')?;
        let own = fields.split_whitespace().skip(11).take(4).flat_map(str::parse::<u64>).sum();
        Some(Self { all, idle, own })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_read_as_the_system_writes_them() {
        let process = "42 (a (b) c) S 1 42 42 0 -1 4194560 9 8 7 6 300 30 15 5 20 0 3 0 99";
        let ticks = Ticks::parse("cpu  1000 20 300 5000 80 0 7 3 900 0\ncpu0 1 2 3\n", process).unwrap();
        assert_eq!((ticks.all, ticks.idle, ticks.own), (6410, 5080, 350));
        assert!(Ticks::parse("", process).is_none() && Ticks::parse("cpu 1", process).is_none());
    }

    #[test]
    fn own_work_is_not_that_of_others() {
        let before = Ticks::now().unwrap();
        let mut spins = 0u64;
        while Ticks::now().unwrap().own < before.own + 5 {
            spins = std::hint::black_box(spins + 1);
        }
        let after = Ticks::now().unwrap();
        assert!(after.all > before.all, "{after:?} {before:?}");
    }
}
