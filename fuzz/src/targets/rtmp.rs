use fql_unit::TrackTable;
use rtmp::{Event, Media, MediaReader, Session};

use super::MAX_STEPS;
use crate::input::Input;

/// What a client begins with, whose random bytes are all zero.
const HANDSHAKE: [u8; 1 + 2 * 1536] = {
    let mut bytes = [0; 1 + 2 * 1536];
    bytes[0] = 3;
    bytes
};
/// More goes out only if more comes in.
const MOST_OUTPUT: usize = 256 << 10;

/// Whatever a client sends after its handshake, the session goes on or ends in an error; every unit that is read of it is
/// of a track that was told.
pub fn rtmp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut session = Session::default();
    session.receive(&HANDSHAKE).expect("a handshake is one");
    let mut reader = MediaReader::default();
    let mut table = TrackTable::default();
    for _ in 0..MAX_STEPS {
        if input.is_empty() || session.receive(input.bytes()).is_err() {
            break;
        }
        while let Some(event) = session.event() {
            if take(&mut session, &mut reader, event).is_none() {
                return;
            }
        }
        assert!(session.output().len() <= MOST_OUTPUT);
        check(&mut reader, &mut table);
    }
    reader.finish();
    check(&mut reader, &mut table);
}

/// `None` where the connection would end.
fn take(session: &mut Session, reader: &mut MediaReader, event: Event) -> Option<()> {
    match event {
        Event::Publish { key } => {
            assert!(!key.is_empty() && !key.contains('/'));
            session.accept().ok()
        }
        Event::Video { timestamp, payload } => reader.video(timestamp, &payload).ok(),
        Event::Audio { timestamp, payload } => reader.audio(timestamp, &payload).ok(),
        Event::Data(payload) => {
            reader.data(&payload);
            Some(())
        }
        Event::End => None,
    }
}

fn check(reader: &mut MediaReader, table: &mut TrackTable) {
    while let Some(media) = reader.read() {
        match media {
            Media::Tracks(tracks) => *table = tracks,
            Media::Unit(unit) => {
                assert!(table.get(unit.track).is_some(), "{unit:?} of a track that was not told")
            }
            Media::LeftOut(_) => {}
        }
    }
}
