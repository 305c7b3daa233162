//! The frames that a decoder keeps to predict from.

use super::Reference;
use super::motion::plane::Frame;
use super::params::Params;

/// The latest frames, as many as the stream asks for.
#[derive(Debug, Default)]
pub(super) struct References {
    /// The oldest first.
    kept: Vec<Kept>,
}

#[derive(Debug)]
struct Kept {
    number: u8,
    frame: Frame,
    /// Whether it is what the encoder has: all layers that are predicted from came, and those of all frames that it
    /// rests on.
    whole: bool,
}

impl References {
    /// The frame that a picture is predicted from, or what is nearest to it, and which of these it is.
    pub(super) fn find(&self, params: Params) -> (Option<&Frame>, Reference) {
        let Some(distance) = params.distance else { return (None, Reference::None) };
        let number = params.number.wrapping_sub(distance);
        match self.kept.iter().find(|kept| kept.number == number) {
            Some(kept) if kept.whole => (Some(&kept.frame), Reference::Whole),
            Some(kept) => (Some(&kept.frame), Reference::Drifted),
            None => (self.latest(), Reference::Missing),
        }
    }

    /// The frame that came last.
    pub(super) fn latest(&self) -> Option<&Frame> {
        self.kept.last().map(|kept| &kept.frame)
    }

    /// Keeps a frame that `fill` makes, in the memory of one that nobody needs any more or in that of `new`.
    pub(super) fn keep(
        &mut self,
        params: Params,
        whole: bool,
        new: impl FnOnce() -> Frame,
        fill: impl FnOnce(&mut Frame),
    ) {
        let Params { number, window, distance, .. } = params;
        let is_needed = |kept: &Kept| {
            let age = number.wrapping_sub(kept.number);
            // Nothing is predicted from what was before a key frame.
            distance.is_some() && (1..window).contains(&age)
        };
        let mut frame = match self.kept.iter().position(|kept| !is_needed(kept)) {
            Some(at) => self.kept.remove(at).frame,
            None => new(),
        };
        self.kept.retain(is_needed);
        fill(&mut frame);
        self.kept.push(Kept { number, frame, whole });
    }

    /// Forgets all frames.
    pub(super) fn clear(&mut self) {
        self.kept.clear();
    }
}
