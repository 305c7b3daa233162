//! How much worse coded sound is heard to be than its source: ITU-R BS.1387-1 (PEAQ), basic version.
//!
//! A listener without a listener: the sound of both goes through a model of the ear; what differs is told by eleven
//! variables, and a small network that was trained on listening tests makes one grade of them, from 0 (nobody hears
//! a difference) to -4 (very annoying). Where the text of the standard is ambiguous, after P. Kabal, "An Examination
//! and Interpretation of ITU-R BS.1387: Perceptual Evaluation of Audio Quality", McGill University, 2002.
//!
//! None of it is shared with the encoder, whose own model of masking is another one.

mod ear;
mod network;
mod patterns;
mod variables;

use anyhow::{Result, bail, ensure};

use ear::{Ear, FRAME, STEP};
use variables::Variables;

/// What was heard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grade {
    /// The objective difference grade: 0 imperceptible, -1 perceptible but not annoying, -2 slightly annoying,
    /// -3 annoying, -4 very annoying.
    pub difference: f64,
    /// Noise over what the source masks, mean over all bands and frames, in dB: below -10 next to nothing is heard.
    pub noise_to_mask: f64,
}

/// Grades `test` by `reference`: samples of 48 kHz between -1 and 1, channel by channel, one or two channels, of the
/// same length and in time with each other.
pub fn grade(reference: &[Vec<f64>], test: &[Vec<f64>]) -> Result<Grade> {
    ensure!(
        matches!(reference.len(), 1 | 2) && reference.len() == test.len(),
        "one or two channels are graded"
    );
    let len = reference[0].len();
    ensure!(reference.iter().chain(test).all(|channel| channel.len() == len), "the lengths differ");
    let audible = |at: &usize| reference.iter().any(|channel| is_audible(&channel[*at..*at + FRAME]));
    let frames: Vec<usize> = (0..(len + 1).saturating_sub(FRAME)).step_by(STEP).collect();
    let (Some(first), Some(last)) = (frames.iter().position(audible), frames.iter().rposition(audible))
    else {
        bail!("there is nothing to hear");
    };
    let ear = Ear::new();
    let mut variables = Variables::new(&ear, reference.len());
    for at in &frames[first..=last] {
        let frame = |channels: &[Vec<f64>]| -> Vec<Vec<f64>> {
            channels.iter().map(|channel| channel[*at..*at + FRAME].to_vec()).collect()
        };
        variables.compare(&frame(reference), &frame(test));
    }
    let values = variables.values();
    Ok(Grade { difference: network::difference(&values), noise_to_mask: values[2] })
}

/// Whether five samples in a row are more than silence, which the ends of a recording are not graded by.
fn is_audible(samples: &[f64]) -> bool {
    samples.windows(5).any(|five| five.iter().map(|sample| sample.abs()).sum::<f64>() >= 200.0 / 32_768.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> impl FnMut() -> f64 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f64::from((state >> 32) as i32) / f64::from(1u32 << 31)
        }
    }

    /// Two seconds of a chord.
    fn chord() -> Vec<f64> {
        let tone = |hertz: f64, t: usize| (std::f64::consts::TAU * hertz * t as f64 / ear::RATE).sin();
        (0..96_000).map(|t| 0.1 * (tone(220.0, t) + tone(331.0, t) + 0.3 * tone(1760.0, t))).collect()
    }

    fn with_noise(level: f64) -> Grade {
        let (source, mut noise) = (chord(), noise(5));
        let noisy = source.iter().map(|sample| sample + level * noise()).collect();
        grade(&[source], &[noisy]).unwrap()
    }

    #[test]
    fn what_is_the_same_is_graded_as_the_same() {
        let grade = grade(&[chord()], &[chord()]).unwrap();
        assert!(grade.difference > 0.0 && grade.noise_to_mask < -50.0, "{grade:?}");
    }

    #[test]
    fn more_noise_is_worse_and_much_is_very_annoying() {
        let grades = [1e-5, 1e-4, 1e-3, 1e-2].map(with_noise);
        for pair in grades.windows(2) {
            assert!(
                pair[1].difference < pair[0].difference
                    && pair[1].noise_to_mask > pair[0].noise_to_mask + 5.0
            );
        }
        assert!(grades[3].difference < -3.5 && grades[0].difference > -0.5, "{grades:?}");
    }

    #[test]
    fn noise_beside_a_tone_is_masked_and_far_from_it_heard() {
        let tone = |hertz: f64, level: f64| {
            move |t: usize| level * (std::f64::consts::TAU * hertz * t as f64 / ear::RATE).sin()
        };
        let source: Vec<f64> = (0..96_000).map(tone(1000.0, 0.3)).collect();
        let beside = |hertz: f64| {
            let both = source.iter().enumerate().map(|(t, sample)| sample + tone(hertz, 0.002)(t)).collect();
            grade(std::slice::from_ref(&source), &[both]).unwrap().noise_to_mask
        };
        assert!(beside(1100.0) + 10.0 < beside(4000.0));
    }

    #[test]
    fn silence_and_odd_lengths_are_refused() {
        assert!(grade(&[vec![0.0; 9000]], &[vec![0.0; 9000]]).is_err());
        assert!(grade(&[vec![0.5; 9000]], &[vec![0.5; 8999]]).is_err());
        assert!(grade(&[vec![0.5; 100]], &[vec![0.5; 100]]).is_err());
        assert!(grade(&[], &[]).is_err());
    }
}
