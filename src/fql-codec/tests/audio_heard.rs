//! What hearing is concerned with: delay, and where the error of the lower layers lies.

mod sounds;

use fql_codec::audio::Rate;
use fql_unit::AudioFormat;
use sounds::{Shape, clip, power};

const STEREO: Shape = Shape { rate: 48_000, channels: 2, format: AudioFormat::S16, layers: 12 };

#[test]
fn an_impulse_comes_out_within_20_ms() {
    for rate in [8_000, 16_000, 44_100, 48_000, 96_000, 192_000] {
        let shape = Shape { rate, channels: 1, ..STEREO };
        let frame = shape.encoder().frame_len();
        for at in (0..frame).step_by(frame / 16) {
            let (mut encoder, mut decoder) = (shape.encoder(), shape.decoder());
            let mut source = vec![0; 4 * frame];
            source[2 * frame + at] = 20_000;
            let mut decoded = Vec::new();
            let fed = source.chunks_exact(frame).enumerate().find_map(|(i, samples)| {
                let unit = encoder.encode(samples, Rate::WholeLadder).unwrap();
                decoder.decode(&unit, 14, &mut decoded).unwrap();
                (decoded.len() > 2 * frame + at).then_some((i + 1) * frame)
            });
            // How much had to be fed, from the impulse on, until it was there.
            let delay = fed.unwrap() - (2 * frame + at);
            assert_eq!(decoded[2 * frame + at], 20_000);
            assert!(delay * 50 <= rate as usize, "{delay} samples at {rate} Hz");
        }
    }
}

/// Power of the difference of samples two apart: twice the power of a sound in which all frequencies are as loud.
fn treble(samples: &[i32]) -> f64 {
    power(samples.windows(3).map(|s| f64::from(s[2]) - f64::from(s[0])))
}

#[test]
fn the_error_of_a_low_rate_is_louder_where_the_sound_is() {
    let source = clip(48_000, 2);
    let units = STEREO.encode(&source, Rate::Bytes(192));
    let (decoded, _) = STEREO.decode(&units, 14);
    // Beside each other the samples of both channels: two apart is one sample later in a channel.
    let error: Vec<i32> = source.iter().zip(&decoded).map(|(a, b)| a - b).collect();
    let share = |samples: &[i32]| treble(samples) / power(samples.iter().map(|s| f64::from(*s)));
    println!("treble: {:.3} of the sound, {:.3} of the error", share(&source), share(&error));
    assert!(share(&error) < 1.4);
}
