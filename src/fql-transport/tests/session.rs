//! Sessions: how they begin, die, return and end, and that units cross them unchanged.

mod world;

use fql_transport::{ReceiverEvent, SenderEvent};
use world::{Dice, Link, World, unit, video_table};

#[test]
fn units_cross_a_perfect_link_unchanged_and_in_order() {
    let mut world = World::new(Link::PERFECT, 1);
    world.sender.set_tracks(world.now, video_table(10));
    world.connect();
    let mut dice = Dice(7);
    let units: Vec<_> = (0..50).map(|_| unit(&mut dice, 10, 4, &[250, 450, 900, 1700, 3000])).collect();
    world.play(3, &units);
    world.run(std::time::Duration::from_millis(300));
    assert!(matches!(world.received[0], ReceiverEvent::Started { one_way: false }));
    assert!(matches!(&world.received[1], ReceiverEvent::Tracks(table) if *table == video_table(10)));
    assert!(world.sent.iter().any(|event| matches!(event, SenderEvent::Connected { .. })));
    let came = world.units();
    assert_eq!(came.len(), units.len());
    for (number, (came, sent)) in came.iter().zip(&units).enumerate() {
        assert_eq!(came.0, number as u64);
        assert_eq!(came.1, sent);
    }
}
