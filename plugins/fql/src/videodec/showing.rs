//! Which units are worth decoding, which pictures are worth showing, and how many there were.

use fql_codec::video::{Picture, Reference};

/// A picture that is later than this is not caught up with by decoding faster: nanoseconds.
const HOPELESS: i64 = 200_000_000;

/// What is to be done with a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// It is what was sent, as far as its layers go.
    Whole,
    /// It is shown with the mark that something of it is not right.
    Marked,
    /// It is predicted from what never came: nobody would know it.
    Hidden,
}

/// How many units there were, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Decoded and shown, marked or not.
    pub shown: u64,
    /// Key frames of these.
    pub keys: u64,
    /// Of these, those with a part that had nothing of layer 0.
    pub concealed: u64,
    /// Of these, those whose reference lacked layers, or rested on one that did.
    pub drifted: u64,
    /// Of these, those whose reference never came.
    pub unreferenced: u64,
    /// Not shown: before the first key frame.
    pub hidden: u64,
    /// Not decoded: too late.
    pub skipped: u64,
    /// No units, or none of this stream.
    pub corrupt: u64,
    /// Layers of the last picture.
    pub layers: u8,
}

/// Follows the units of a stream.
#[derive(Debug, Default)]
pub struct Showing {
    /// How many there were.
    pub counts: Counts,
    /// Whether a picture came that rests on nothing that is missing.
    has_joined: bool,
    /// Whether units are left out until the next key frame.
    is_skipping: bool,
    /// Whether the last unit was a key frame.
    was_key: bool,
}

impl Showing {
    /// What comes has no connection with what came: counts go on.
    pub fn restart(&mut self) {
        *self = Self { counts: self.counts, ..Self::default() };
    }

    /// Whether a unit is worth decoding that is so many nanoseconds late already (negative: early). Others may rest on
    /// one that is left out, so that all are up to the next key frame; that one is always decoded.
    pub fn is_wanted(&mut self, is_key: bool, late: i64) -> bool {
        let may_skip = match is_key {
            // Where every frame is a key frame, every second one may go.
            true => self.was_key && !self.is_skipping,
            false => true,
        };
        self.was_key = is_key;
        self.is_skipping = (self.is_skipping && !is_key) || (late > HOPELESS && may_skip);
        self.counts.skipped += u64::from(self.is_skipping);
        !self.is_skipping
    }

    /// What is to be done with a picture that was decoded; `waits` for the first key frame, or not.
    pub fn decoded(&mut self, picture: &Picture, waits: bool) -> Shown {
        self.has_joined |= matches!(picture.reference, Reference::None | Reference::Whole);
        let counts = &mut self.counts;
        if waits && !self.has_joined {
            counts.hidden += 1;
            return Shown::Hidden;
        }
        counts.shown += 1;
        counts.layers = picture.layers;
        counts.keys += u64::from(picture.key);
        counts.concealed += u64::from(picture.concealed);
        counts.drifted += u64::from(picture.reference == Reference::Drifted);
        counts.unreferenced += u64::from(picture.reference == Reference::Missing);
        if picture.concealed || picture.reference >= Reference::Drifted {
            Shown::Marked
        } else {
            Shown::Whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(reference: Reference) -> Picture {
        let key = reference == Reference::None;
        Picture { layers: 5, exact: false, concealed: false, key, reference }
    }

    #[test]
    fn nothing_is_shown_before_the_first_key_frame_unless_that_is_wanted() {
        let mut showing = Showing::default();
        let pictures =
            [Reference::Missing, Reference::Drifted, Reference::None, Reference::Whole, Reference::Missing];
        let shown = pictures.map(|reference| showing.decoded(&picture(reference), true));
        assert_eq!(shown, [Shown::Hidden, Shown::Hidden, Shown::Whole, Shown::Whole, Shown::Marked]);
        let Counts { shown, keys, hidden, unreferenced, layers, .. } = showing.counts;
        assert_eq!((shown, keys, hidden, unreferenced, layers), (3, 1, 2, 1, 5));
        showing.restart();
        assert_eq!(showing.decoded(&picture(Reference::Missing), true), Shown::Hidden);
        assert_eq!(showing.counts.hidden, 3, "counts go on");
        assert_eq!(Showing::default().decoded(&picture(Reference::Missing), false), Shown::Marked);
    }

    #[test]
    fn what_is_not_right_is_marked_and_counted() {
        let mut showing = Showing::default();
        assert_eq!(showing.decoded(&picture(Reference::None), true), Shown::Whole);
        assert_eq!(showing.decoded(&picture(Reference::Drifted), true), Shown::Marked);
        let concealed = Picture { concealed: true, ..picture(Reference::Whole) };
        assert_eq!(showing.decoded(&concealed, true), Shown::Marked);
        let Counts { shown, drifted, concealed, .. } = showing.counts;
        assert_eq!((shown, drifted, concealed), (3, 1, 1));
    }

    /// Which of these units, a key frame every `interval`, are decoded when all are `late`.
    fn wanted(interval: usize, late: &[i64]) -> Vec<usize> {
        let mut showing = Showing::default();
        (0..late.len()).filter(|&n| showing.is_wanted(n % interval == 0, late[n])).collect()
    }

    #[test]
    fn late_units_are_left_out_up_to_the_next_key_frame() {
        let mut late = [-1_000; 12];
        late[2] = HOPELESS;
        late[6] = HOPELESS + 1;
        assert_eq!(wanted(5, &late), [0, 1, 2, 3, 4, 5, 10, 11]);
        assert_eq!(wanted(4, &[i64::MAX; 12]), [0, 4, 8], "a key frame is always decoded");
    }

    #[test]
    fn of_key_frames_alone_every_second_one_is_decoded_while_they_are_late() {
        assert_eq!(wanted(1, &[HOPELESS + 1; 7]), [0, 2, 4, 6]);
        assert_eq!(wanted(1, &[i64::MIN; 4]), [0, 1, 2, 3]);
    }
}
