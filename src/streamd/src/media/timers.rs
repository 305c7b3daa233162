//! Who wants to be looked at next, and when.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

use fql_transport::Time;

/// One time for each key.
#[derive(Debug)]
pub struct Timers<K> {
    times: HashMap<K, Time>,
    order: BTreeSet<(Time, K)>,
}

impl<K: Clone + Ord + Hash> Timers<K> {
    /// Nobody waits.
    pub fn new() -> Self {
        Self { times: HashMap::new(), order: BTreeSet::new() }
    }

    /// Sets when this key is due, or that it waits for nothing.
    pub fn set(&mut self, key: K, time: Option<Time>) {
        let before = match time {
            Some(time) => self.times.insert(key.clone(), time),
            None => self.times.remove(&key),
        };
        if before == time {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, key.clone()));
        }
        self.order.extend(time.map(|time| (time, key)));
    }

    /// When the first one is due.
    pub fn next(&self) -> Option<Time> {
        self.order.first().map(|(time, _)| *time)
    }

    /// Takes the first one that is due.
    pub fn pop(&mut self, now: Time) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let (_, key) = self.order.pop_first()?;
        self.times.remove(&key);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_is_next_and_each_key_has_one_time() {
        let at = Time::from_nanos;
        let mut timers = Timers::new();
        timers.set('a', Some(at(30)));
        timers.set('b', Some(at(20)));
        timers.set('a', Some(at(10)));
        timers.set('c', Some(at(5)));
        timers.set('c', None);
        assert_eq!(timers.next(), Some(at(10)));
        assert_eq!(timers.pop(at(9)), None);
        assert_eq!(timers.pop(at(25)), Some('a'));
        assert_eq!(timers.pop(at(25)), Some('b'));
        assert_eq!((timers.pop(at(25)), timers.next()), (None, None));
    }
}
