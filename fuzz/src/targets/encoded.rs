use fql_unit::Unit;
use fql_unit::encoded::{AccessUnit, Arrived, Chain, Framing, Judge};

use super::{MAX_STEPS, VIDEO_CODECS};
use crate::input::Input;
use crate::media;

/// Whatever access units of these codecs are, they are judged, become units, and come out as they went in;
/// whatever units an encoded track gets, they are of use or not.
pub fn encoded(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let head = input.u8();
    let codec = VIDEO_CODECS[usize::from(head) % VIDEO_CODECS.len()];
    let config = input.bytes();
    let framing = if head & 4 == 0 { Framing::of_config(codec, config) } else { Framing::Lengths(head >> 4) };
    let layers = 1 + head % 3;
    let mut judge = Judge::new(codec, framing);
    let video = &media::tracks().get(media::ENCODED_VIDEO).expect("it is there").media.clone();
    let mut chain = Chain::of(video).expect("the track is encoded");
    for time in (0..MAX_STEPS as u64).map(|step| step * 40_000_000) {
        if input.is_empty() {
            break;
        }
        let (kind, data) = (input.u8(), input.bytes());
        let unit = match kind & 1 {
            0 => match access_unit(&mut judge, kind, layers, data) {
                Some(unit) => unit,
                None => continue,
            },
            _ => match Unit::from_bytes(data) {
                Ok(unit) => unit,
                Err(_) => continue,
            },
        };
        if let Some(usable) = chain.take(&unit, (kind >> 6).into(), time) {
            assert!(usable.data.len() <= data.len());
        }
    }
}

/// Judges an access unit and gives its unit.
fn access_unit(judge: &mut Judge, kind: u8, layers: u8, data: &[u8]) -> Option<Unit> {
    let judgement = judge.judge(data)?;
    let composition = (kind & 2 != 0).then_some(i64::from(kind) - 128);
    let access_unit = AccessUnit {
        data: data.to_vec().into(),
        importance: judgement.importance,
        key: judgement.key,
        discont: kind & 4 != 0,
        references: kind,
        composition,
    };
    let unit = access_unit.into_unit(layers).expect("the number of layers is in range");
    let arrived = Arrived::of(&unit).expect("it was made of an access unit");
    assert_eq!(arrived.data.as_deref(), Some(data));
    assert_eq!(arrived.composition, composition);
    Some(unit)
}
