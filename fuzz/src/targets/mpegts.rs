use fql_mpegts::{Demuxer, Event, Muxer, Unit};
use fql_unit::TrackTable;

use super::MAX_STEPS;
use crate::input::Input;

/// Bytes of a packet.
const PACKET: usize = 188;

/// Whatever a transport stream holds, every unit of it is of a track that was told, at times that can be counted on with;
/// and it can be written again.
pub fn mpegts(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut demuxer = Demuxer::new();
    let mut again = Again::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            break;
        }
        match input.u8() & 1 {
            0 => demuxer.push(input.bytes()),
            _ => demuxer.push(&packet(input.bytes())),
        }
        again.take(&mut demuxer);
    }
    demuxer.finish();
    again.take(&mut demuxer);
}

/// A packet of this content, as far as it has room.
fn packet(content: &[u8]) -> [u8; PACKET] {
    let mut packet = [0xff; PACKET];
    packet[0] = 0x47;
    let room = content.len().min(PACKET - 1);
    packet[1..=room].copy_from_slice(&content[..room]);
    packet
}

/// What was read, on its way into another transport stream.
#[derive(Default)]
struct Again {
    table: TrackTable,
    muxer: Option<Muxer>,
    out: Vec<u8>,
}

impl Again {
    fn take(&mut self, demuxer: &mut Demuxer) {
        while let Some(event) = demuxer.next_event() {
            match event {
                Event::Tracks(table) => {
                    self.muxer = Muxer::new(&table).ok();
                    self.table = table;
                }
                Event::Unit(unit) => self.write(&unit),
            }
        }
    }

    fn write(&mut self, unit: &Unit) {
        assert!(self.table.get(unit.track).is_some(), "{unit:?} of a track that was not told");
        assert!(i64::try_from(unit.decoding.max(unit.presentation)).is_ok(), "{unit:?}");
        let Some(muxer) = &mut self.muxer else { return };
        self.out.clear();
        muxer.write(unit, &mut self.out);
        assert!(self.out.chunks(PACKET).all(|packet| packet.len() == PACKET && packet[0] == 0x47));
    }
}
