use fql_rtsp::{Description, Event, Refusal, Session, Start};

use super::MAX_STEPS;
use crate::input::Input;
use crate::media;

/// A request is answered by little more than it says.
const MOST_OUTPUT: usize = 1 << 20;

/// Whatever a player says, its session goes on or ends in an error, and what it has set up has a place to go to.
pub fn rtsp(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let ports = (input.u8() % 2 == 1).then_some((5000, 5001));
    let description = Description::new(&media::tracks());
    let mut session = Session::new("12345678".into(), ports);
    for _ in 0..MAX_STEPS {
        if input.is_empty() {
            return;
        }
        session.receive(input.bytes());
        loop {
            match session.poll() {
                Ok(Some(Event::Describe(id))) if id == "none" => session.describe(Err(Refusal::NotFound)),
                Ok(Some(Event::Describe(id))) => {
                    assert_eq!(session.playback_id(), Some(id.as_str()));
                    session.describe(Ok((&description, "A stream")));
                }
                Ok(Some(Event::Play)) => {
                    let starts = session.set_up().map(|(number, _)| Start { number, sequence: 1, time: 2 });
                    let starts: Vec<Start> = starts.collect();
                    assert!(!starts.is_empty());
                    session.play(Ok(&starts));
                }
                Ok(Some(Event::Pause | Event::Teardown)) => assert!(!session.is_playing()),
                Ok(None) => break,
                Err(_) => return,
            }
        }
        let count = session.set_up().count();
        assert!((0..count).all(|line| session.destination(line).is_some()));
        assert!(session.take_output().len() <= MOST_OUTPUT);
    }
}
