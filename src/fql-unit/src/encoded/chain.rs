//! Which access units of an encoded track are of use: a picture that is predicted from one that is not there would be a
//! wrong one.

use super::{Arrived, Importance};
use crate::{Media, Unit};

/// How long access units are held back after a loss, until one that decodes alone. Encoders that never make one again,
/// and refresh the picture in part instead, go on after this time.
const PATIENCE: u64 = 2_000_000_000;

/// What has arrived of an encoded track.
#[derive(Debug)]
pub struct Chain {
    is_video: bool,
    /// Whether there was a first picture that decodes alone.
    has_begun: bool,
    /// Since when one is missing from which others are predicted.
    broken: Option<u64>,
    /// The references that are to be there before the next access unit.
    references: Option<u8>,
    /// Something was lost before the next access unit that is of use.
    has_gap: bool,
}

/// An access unit that is of use.
#[derive(Debug, PartialEq, Eq)]
pub struct Usable {
    /// Its bytes.
    pub data: bytes::Bytes,
    /// How much later it is presented than decoded.
    pub composition: Option<i64>,
    /// Whether something is missing before it.
    pub follows_gap: bool,
}

impl Chain {
    /// For a track of this kind; `None` where it is not an encoded one.
    pub fn of(media: &Media) -> Option<Self> {
        let is_video = media.is_video();
        media.is_encoded().then_some(Self {
            is_video,
            has_begun: !is_video,
            broken: None,
            references: None,
            has_gap: false,
        })
    }

    /// What follows has no connection with what came before.
    pub fn restart(&mut self) {
        *self = Self { has_begun: !self.is_video, broken: None, references: None, has_gap: true, ..*self };
    }

    /// The decoder has had to forget all pictures at this time: what is predicted from them is of no use.
    pub fn forget(&mut self, time: u64) {
        self.lose(time);
    }

    /// Takes the next unit, which is to be decoded at a time in nanoseconds, on any clock, and follows so many units of
    /// which nothing came. Gives the access unit where it is of use.
    pub fn take(&mut self, unit: &Unit, lost: u64, time: u64) -> Option<Usable> {
        self.has_gap |= lost > 0;
        let Ok(arrived) = Arrived::of(unit) else {
            self.lose(time);
            return None;
        };
        if self.is_video {
            self.follow(&arrived, lost, time);
        }
        let Some(data) = arrived.data else {
            if arrived.importance < Importance::Disposable || !arrived.is_left_out {
                self.has_gap = true;
            }
            if arrived.importance < Importance::Disposable {
                self.lose(time);
            }
            return None;
        };
        if unit.flags.key || self.broken.is_some_and(|since| time > since.saturating_add(PATIENCE)) {
            self.has_begun |= unit.flags.key;
            self.broken = None;
        }
        if !self.has_begun || self.broken.is_some() {
            self.has_gap = true;
            return None;
        }
        let follows_gap = std::mem::take(&mut self.has_gap);
        Some(Usable { data, composition: arrived.composition, follows_gap })
    }

    /// Compares the count of references with what came of them.
    fn follow(&mut self, arrived: &Arrived, lost: u64, time: u64) {
        let is_other = self.references.is_some_and(|expected| expected != arrived.references);
        // The count says nothing of a whole round of it.
        if is_other || lost > u64::from(u8::MAX) {
            self.lose(time);
        }
        let is_reference = arrived.importance < Importance::Disposable;
        self.references = Some(arrived.references.wrapping_add(u8::from(is_reference)));
    }

    fn lose(&mut self, time: u64) {
        if self.is_video {
            self.broken.get_or_insert(time);
        }
        self.has_gap = true;
    }
}

#[cfg(test)]
mod tests {
    use super::super::AccessUnit;
    use super::*;
    use crate::{AudioCodec, EncodedAudioInfo, EncodedVideoInfo, Segment, VideoCodec};

    fn video() -> Chain {
        let (codec, frame_rate, config) = (VideoCodec::H264, (25, 1), vec![]);
        let info = EncodedVideoInfo { codec, width: 64, height: 48, frame_rate, config, caps: String::new() };
        Chain::of(&Media::EncodedVideo(info)).unwrap()
    }

    /// The pictures of a letter each (key, reference, disposable), with the times 1 s, 2 s, ... or faster.
    fn units(kinds: &str) -> Vec<Unit> {
        let mut references = 0u8;
        let unit = |kind: char| {
            let importance = match kind {
                'k' => Importance::Key,
                'r' => Importance::Reference,
                _ => Importance::Disposable,
            };
            let access_unit = AccessUnit {
                data: bytes::Bytes::from_static(b"x"),
                importance,
                key: kind == 'k',
                discont: false,
                references,
                composition: Some(0),
            };
            references = references.wrapping_add(u8::from(importance < Importance::Disposable));
            access_unit.into_unit(3).unwrap()
        };
        kinds.chars().map(unit).collect()
    }

    /// Sends pictures of which some are changed: `.` is lost wholly, `-` in part, `o` left out by the sender, others
    /// arrive. Gives a letter for each that arrives in the chain: `+` of use, `!` of use after a gap, `.` of none.
    fn run(chain: &mut Chain, kinds: &str, fates: &str, interval: u64) -> String {
        let mut lost = 0;
        let mut out = String::new();
        for (i, (mut unit, fate)) in units(kinds).into_iter().zip(fates.chars()).enumerate() {
            let layer = unit.coded_layers() - 1;
            match fate {
                '.' => {
                    lost += 1;
                    out.push(' ');
                    continue;
                }
                '-' => unit.set(layer, 0, Segment::missing()),
                'o' => unit.set_coded_layers(layer),
                _ => (),
            }
            let time = i as u64 * interval * 1_000_000;
            out.push(match chain.take(&unit, std::mem::take(&mut lost), time) {
                Some(usable) if usable.follows_gap => '!',
                Some(_) => '+',
                None => '.',
            });
        }
        out
    }

    #[test]
    fn what_arrives_is_of_use_from_the_first_key_on() {
        assert_eq!(run(&mut video(), "rdkdrd", "xxxxxx", 40), "..!+++");
    }

    #[test]
    fn a_lost_reference_holds_back_all_until_the_next_key() {
        assert_eq!(run(&mut video(), "krrdrkr", "xx-xxxx", 40), "++...!+");
        assert_eq!(run(&mut video(), "krrdrkr", "xx.xxxx", 40), "++ ..!+");
        assert_eq!(run(&mut video(), "krrdrkr", "xxoxxxx", 40), "++...!+");
    }

    #[test]
    fn a_lost_picture_that_nothing_needs_holds_back_nothing() {
        assert_eq!(run(&mut video(), "krdrdr", "xx-xxx", 40), "++.!++");
        assert_eq!(run(&mut video(), "krdrdr", "xx.xxx", 40), "++ !++");
    }

    #[test]
    fn one_that_was_left_out_on_purpose_is_no_gap() {
        assert_eq!(run(&mut video(), "krdrdr", "xxoxox", 40), "++.+.+");
    }

    #[test]
    fn without_another_key_the_pictures_go_on_after_two_seconds() {
        assert_eq!(run(&mut video(), "krrrrrr", "xx-xxxx", 600), "++....!");
    }

    #[test]
    fn a_new_session_begins_with_a_key() {
        let mut chain = video();
        assert_eq!(run(&mut chain, "kr", "xx", 40), "++");
        chain.restart();
        assert_eq!(run(&mut chain, "rkr", "xxx", 40), ".!+");
    }

    #[test]
    fn what_a_decoder_had_to_forget_holds_back_all_until_the_next_key() {
        let mut chain = video();
        let units = units("krdrkr");
        let used: Vec<bool> = units
            .iter()
            .enumerate()
            .map(|(i, unit)| {
                let time = i as u64 * 40_000_000;
                if i == 2 {
                    chain.forget(time);
                }
                chain.take(unit, 0, time).is_some()
            })
            .collect();
        assert_eq!(used, [true, true, false, false, true, true]);
    }

    #[test]
    fn lost_sound_is_a_gap_and_nothing_more() {
        let info = EncodedAudioInfo {
            codec: AudioCodec::Opus,
            rate: 48_000,
            channels: 2,
            config: vec![],
            caps: String::new(),
        };
        let mut chain = Chain::of(&Media::EncodedAudio(info)).unwrap();
        assert_eq!(run(&mut chain, "kkkkk", "xx.x-", 20), "++ !.");
    }
}
