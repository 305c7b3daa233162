use std::collections::HashMap;
use std::time::Duration;

use crate::Time;

/// What a host may ask for at once, in seconds of what it may in the mean: whole offices stand behind one address.
const BURST: Duration = Duration::from_secs(5);
/// Hosts that are told apart. All others share one allowance.
const MAX_HOSTS: usize = 4096;

/// How many handshakes each host gets: answering one takes a good deal longer than asking for it. A token bucket a
/// host, kept as the time at which it is full again; one that is full is not kept.
pub(super) struct Allowance {
    /// How long one handshake takes to be earned.
    cost: Duration,
    full: HashMap<u64, Time>,
    others: Time,
}

impl Allowance {
    /// So many handshakes a second, and [`BURST`] of them at once.
    pub(super) fn new(a_second: u32) -> Self {
        Self { cost: Duration::from_secs(1) / a_second.max(1), full: HashMap::new(), others: Time::ZERO }
    }

    /// Takes a handshake out of a host's allowance, if there is one left.
    pub(super) fn take(&mut self, now: Time, host: u64) -> bool {
        if self.full.len() >= MAX_HOSTS && !self.full.contains_key(&host) {
            self.full.retain(|_, full| *full > now);
        }
        let has_room = self.full.len() < MAX_HOSTS || self.full.contains_key(&host);
        let full = if has_room { self.full.entry(host).or_default() } else { &mut self.others };
        let after = now.max(*full) + self.cost;
        let is_left = after <= now + BURST;
        if is_left {
            *full = after;
        }
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(allowance: &mut Allowance, now: Time, host: u64) -> usize {
        (0..10_000).take_while(|_| allowance.take(now, host)).count()
    }

    #[test]
    fn a_host_has_so_many_at_once_and_so_many_a_second_and_no_other_suffers() {
        let (mut allowance, now) = (Allowance::new(10), Time::from_nanos(1));
        assert_eq!(taken(&mut allowance, now, 1), 50);
        assert_eq!(taken(&mut allowance, now, 2), 50);
        assert_eq!(taken(&mut allowance, now + Duration::from_secs(1), 1), 10);
        assert_eq!(taken(&mut allowance, now + Duration::from_secs(60), 1), 50);
    }

    #[test]
    fn however_many_hosts_ask_the_memory_is_bounded_and_those_that_asked_long_ago_make_room() {
        let (mut allowance, now) = (Allowance::new(10), Time::from_nanos(1));
        let given = (0..100_000).filter(|&host| allowance.take(now, host)).count();
        assert_eq!((allowance.full.len(), given), (MAX_HOSTS, MAX_HOSTS + 50));
        assert!(allowance.take(now + Duration::from_secs(1), 100_000));
        assert_eq!(allowance.full.len(), 1);
    }
}
