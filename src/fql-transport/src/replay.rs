/// How many packet numbers below the highest are told apart: at 5,000 datagrams a second four fifths of a second.
pub(crate) const WINDOW: u64 = 4096;

/// Which packet numbers have been seen, in constant time and memory.
pub(crate) struct ReplayWindow {
    highest: Option<u64>,
    bits: [u64; (WINDOW / 64) as usize],
}

impl ReplayWindow {
    pub(crate) fn new() -> Self {
        Self { highest: None, bits: [0; _] }
    }

    /// The highest packet number that was seen.
    pub(crate) fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// Whether a packet number has been seen, or is so old that nobody knows.
    pub(crate) fn is_seen(&self, number: u64) -> bool {
        match self.highest {
            None => false,
            Some(highest) if number > highest => false,
            Some(highest) if highest - number >= WINDOW => true,
            Some(_) => self.bits[word(number)] & bit(number) != 0,
        }
    }

    /// Marks a packet number, whose datagram has been authenticated, as seen.
    pub(crate) fn mark(&mut self, number: u64) {
        match self.highest {
            Some(highest) if number <= highest => {}
            Some(highest) if number - highest < WINDOW => {
                for skipped in highest + 1..number {
                    self.bits[word(skipped)] &= !bit(skipped);
                }
                self.highest = Some(number);
            }
            _ => {
                self.bits = [0; _];
                self.highest = Some(number);
            }
        }
        self.bits[word(number)] |= bit(number);
    }

    /// The whole packet number of which only the low 32 bits travel: the one nearest to the next one expected.
    pub(crate) fn expand(&self, low: u32) -> u64 {
        nearest(self.highest.map_or(0, |highest| highest.wrapping_add(1)), low.into(), 32)
    }
}

fn word(number: u64) -> usize {
    (number % WINDOW / 64) as usize
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}

/// The number with these low bits that is nearest to `expected` (RFC 9000, appendix A.3).
pub(crate) fn nearest(expected: u64, low: u64, bits: u32) -> u64 {
    let span = 1u64 << bits;
    let candidate = expected & !(span - 1) | low;
    if candidate.saturating_add(span / 2) <= expected {
        candidate.checked_add(span).unwrap_or(candidate)
    } else if candidate > expected.saturating_add(span / 2) && candidate >= span {
        candidate - span
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests;
