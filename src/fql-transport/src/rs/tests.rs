use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn shards() -> impl Strategy<Value = Vec<Bytes>> {
    vec(vec(any::<u8>(), 0..60).prop_map(Bytes::from), 1..=MAX_SOURCES)
}

/// The numbers below `of` in an order that `keys` gives.
fn shuffled(of: usize, keys: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..of).collect();
    order.sort_by_key(|&i| keys[i % keys.len()].wrapping_mul(i as u64 + 1));
    order
}

proptest! {
    #[test]
    fn the_rows_for_less_parity_begin_those_for_more(sources in shards(), few in 1usize..20, more in 0usize..20) {
        let mut codecs = Codecs::default();
        let short = codecs.parity(&sources, few);
        let long = codecs.parity(&sources, few + more);
        prop_assert_eq!(&short[..], &long[..few]);
    }

    #[test]
    fn a_block_recovers_from_any_loss_of_as_many_shards_as_it_has_parity(
        sources in shards(),
        parity in 1usize..=20,
        keys in vec(any::<u64>(), 60),
    ) {
        let mut codecs = Codecs::default();
        let rows = codecs.parity(&sources, parity);
        let lost = &shuffled(sources.len() + parity, &keys)[..parity];
        let have: Vec<_> = (0..sources.len()).filter(|i| !lost.contains(i)).map(|i| (i as u8, sources[i].clone())).collect();
        let came: Vec<_> = (0..parity).filter(|i| !lost.contains(&(sources.len() + i))).map(|i| (i as u8, rows[i].clone())).collect();
        let missing: Vec<_> = (0..sources.len()).filter(|i| lost.contains(i)).map(|i| (i as u8, sources[i].clone())).collect();
        if missing.is_empty() {
            return Ok(());
        }
        prop_assert_eq!(codecs.recover(sources.len(), &have, &came), Some(missing));
    }

    #[test]
    fn one_loss_more_gives_nothing(sources in shards(), parity in 1usize..=20, keys in vec(any::<u64>(), 60)) {
        let mut codecs = Codecs::default();
        let rows = codecs.parity(&sources, parity);
        let lost = &shuffled(sources.len() + parity, &keys)[..=parity];
        let have: Vec<_> = (0..sources.len()).filter(|i| !lost.contains(i)).map(|i| (i as u8, sources[i].clone())).collect();
        let came: Vec<_> = (0..parity).filter(|i| !lost.contains(&(sources.len() + i))).map(|i| (i as u8, rows[i].clone())).collect();
        prop_assert_eq!(codecs.recover(sources.len(), &have, &came), None);
    }

    #[test]
    fn shards_that_do_not_belong_together_do_no_harm(
        sources in 0usize..50,
        have in vec((any::<u8>(), vec(any::<u8>(), 0..30).prop_map(Bytes::from)), 0..50),
        rows in vec((any::<u8>(), vec(any::<u8>(), 0..30).prop_map(Bytes::from)), 0..50),
    ) {
        let _ = Codecs::default().recover(sources, &have, &rows);
    }
}

#[test]
fn the_codecs_that_are_kept_are_bounded() {
    let mut codecs = Codecs::default();
    for sources in 1..=MAX_SOURCES {
        for parity in 1..=4 {
            assert_eq!(codecs.parity(&vec![Bytes::from_static(b"x"); sources], parity).len(), parity);
        }
    }
    assert!(codecs.codecs.len() <= MAX_CODECS);
}
