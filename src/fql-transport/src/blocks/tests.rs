use super::*;

const MS: Duration = Duration::from_millis(1);

fn content(i: usize) -> Bytes {
    (0..20 + i).map(|at| (at * 31 + i * 7) as u8).collect::<Vec<_>>().into()
}

fn block(sources: usize, parity: usize) -> (Vec<Bytes>, Vec<Bytes>) {
    let contents: Vec<_> = (0..sources).map(content).collect();
    let rows = Codecs::default().parity(&contents, parity);
    (contents, rows)
}

#[test]
fn whatever_order_shards_come_in_the_missing_ones_are_rebuilt_once() {
    let (contents, rows) = block(5, 3);
    let mut blocks = Blocks::new(1 << 20, MS * 100);
    let now = Time::ZERO;
    assert!(blocks.add_parity(now, 9, 5, 2, rows[2].clone()).is_empty());
    assert_eq!(blocks.add_source(now, 9, 4, contents[4].clone()), (true, Vec::new()));
    assert!(blocks.add_parity(now, 9, 5, 0, rows[0].clone()).is_empty());
    assert!(blocks.add_parity(now, 9, 5, 0, rows[0].clone()).is_empty(), "the same again");
    assert_eq!(blocks.add_source(now, 9, 1, contents[1].clone()), (true, Vec::new()));
    let rebuilt = blocks.add_parity(now, 9, 5, 1, rows[1].clone());
    assert_eq!(rebuilt, [contents[0].clone(), contents[2].clone(), contents[3].clone()]);
    assert_eq!(blocks.add_source(now, 9, 0, contents[0].clone()), (false, Vec::new()), "too late to matter");
}

#[test]
fn blocks_are_forgotten_with_age_and_their_bytes_with_them() {
    let (contents, rows) = block(3, 1);
    let mut blocks = Blocks::new(1 << 20, MS * 100);
    let start = Time::ZERO;
    for number in 0..50 {
        blocks.add_source(start + MS * number, number as u16, 0, contents[0].clone());
        blocks.add_parity(start + MS * number, number as u16, 3, 0, rows[0].clone());
    }
    assert!(blocks.bytes() > 50 * 64);
    blocks.add_source(start + MS * 1000, 60, 0, contents[0].clone());
    assert_eq!(blocks.blocks.len(), 1);
    assert_eq!(blocks.bytes(), BLOCK_COST + SHARD_COST + contents[0].len());
}

#[test]
fn the_bytes_of_blocks_are_bounded() {
    let mut blocks = Blocks::new(100_000, MS * 1_000_000);
    for number in 0..10_000u16 {
        blocks.add_source(Time::ZERO, number, 0, Bytes::from(vec![0; 1000]));
        assert!(blocks.bytes() <= 100_000 + 2 * (1000 + SHARD_COST + BLOCK_COST), "{}", blocks.bytes());
    }
}

#[test]
fn numbers_of_blocks_wrap() {
    let (contents, rows) = block(2, 1);
    let mut blocks = Blocks::new(1 << 20, MS * 100);
    for number in 0..200_000u32 {
        let now = Time::ZERO + MS * number;
        blocks.add_source(now, number as u16, 1, contents[1].clone());
        let rebuilt = blocks.add_parity(now, number as u16, 2, 0, rows[0].clone());
        assert_eq!(rebuilt, [contents[0].clone()], "block {number}");
    }
}
