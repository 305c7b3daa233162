//! Places for browsers: so many at a time, of which one host cannot take all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// So many places. Clones share them.
#[derive(Debug, Clone)]
pub struct Places {
    most: usize,
    taken: Arc<Mutex<Taken>>,
}

/// Who has how many.
#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_host: HashMap<u64, usize>,
}

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    host: u64,
}

impl Places {
    /// None is taken yet.
    pub fn new(most: usize) -> Self {
        Self { most, taken: Arc::default() }
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.lock().all
    }

    /// A place for this host (see [`fql_transport::Address::host`]), if there is one. One host gets half of them, so
    /// that it shuts nobody else out; not less, since many viewers may come by one address.
    pub fn take(&self, host: u64) -> Option<Place> {
        let mut taken = self.lock();
        let of_host = taken.by_host.get(&host).copied().unwrap_or_default();
        if taken.all >= self.most || of_host >= self.most.div_ceil(2) {
            return None;
        }
        taken.all += 1;
        taken.by_host.insert(host, of_host + 1);
        Some(Place { places: self.clone(), host })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn give_back(&mut self, host: u64) {
        self.all = self.all.saturating_sub(1);
        let left = self.by_host.get(&host).map_or(0, |count| count.saturating_sub(1));
        match left {
            0 => self.by_host.remove(&host),
            left => self.by_host.insert(host, left),
        };
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().give_back(self.host);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_leaves_half_of_the_places_to_the_others() {
        let places = Places::new(5);
        let of_one: Vec<_> = std::iter::from_fn(|| places.take(1)).collect();
        assert_eq!(of_one.len(), 3);
        let of_others: Vec<_> = (2..10).filter_map(|host| places.take(host)).collect();
        assert_eq!((of_others.len(), places.taken()), (2, 5));
    }

    #[test]
    fn a_place_that_is_given_back_is_there_for_the_next_and_nothing_is_kept_of_who_had_it() {
        let places = Places::new(2);
        let place = places.take(1);
        assert!(places.take(1).is_none());
        drop(place);
        assert_eq!(places.taken(), 0);
        assert!(places.lock().by_host.is_empty());
        assert!(places.take(1).is_some());
    }

    #[test]
    fn where_there_is_one_place_anybody_can_have_it() {
        assert!(Places::new(1).take(7).is_some());
        assert!(Places::new(0).take(7).is_none());
    }
}
