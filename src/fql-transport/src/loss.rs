use crate::replay::{ReplayWindow, WINDOW};

/// Counts lost datagrams and the runs they come in, once it is clear that they are not just late.
#[derive(Default)]
pub(crate) struct LossCounter {
    /// The first packet number that has not been judged.
    next: Option<u64>,
    pub(crate) received: u64,
    pub(crate) lost: u64,
    pub(crate) bursts: u64,
    was_lost: bool,
}

impl LossCounter {
    /// Counts from this packet number on.
    pub(crate) fn from(next: u64) -> Self {
        Self { next: Some(next), ..Self::default() }
    }

    /// Has to be called with each packet number before it is marked in the window: judges what the window is about
    /// to forget. Work and memory are constant whatever the number.
    pub(crate) fn before(&mut self, window: &ReplayWindow, number: u64) {
        match window.highest() {
            // The first datagram seen of a session that may have begun long ago.
            None => self.next = Some(number),
            Some(highest) if number > highest => {
                self.judge(window, number.saturating_sub(WINDOW - 1).min(highest + 1));
                let next = self.next.unwrap_or(0);
                let skipped = number.saturating_sub(WINDOW - 1).saturating_sub(next.max(highest + 1));
                if skipped > 0 {
                    self.lost += skipped;
                    self.bursts += u64::from(!self.was_lost);
                    self.was_lost = true;
                    self.next = Some(number - (WINDOW - 1));
                }
            }
            Some(_) => {}
        }
    }

    /// Judges all packet numbers below `end`, which must not be above the highest seen plus one.
    pub(crate) fn judge(&mut self, window: &ReplayWindow, end: u64) {
        let Some(next) = self.next else { return };
        for number in next..end {
            let is_lost = !window.is_seen(number);
            if is_lost {
                self.lost += 1;
                self.bursts += u64::from(!self.was_lost);
            } else {
                self.received += 1;
            }
            self.was_lost = is_lost;
        }
        self.next = Some(next.max(end));
    }
}

#[cfg(test)]
mod tests;
