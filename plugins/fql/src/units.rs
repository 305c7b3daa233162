//! From buffers to units.

use bytes::Bytes;
use fql_unit::encoded::{AccessUnit, Importance, Judge, Judgement};
use fql_unit::{Media, Segment, Unit};

use crate::caps;

/// How the buffers of a track become units.
#[derive(Default)]
pub struct Units {
    form: Form,
    layers: u8,
    /// How many units of encoded video came that others need, modulo 256.
    references: u8,
}

#[derive(Default)]
enum Form {
    /// Units already, from an encoder of layers.
    Layered,
    EncodedVideo(Judge),
    EncodedAudio,
    #[default]
    Data,
}

impl Units {
    /// Takes what a track's caps say.
    pub fn describe(&mut self, media: &Media, layers: u8) {
        self.layers = layers;
        self.form = match media {
            Media::Video(_) | Media::Audio(_) => Form::Layered,
            Media::EncodedVideo(info) => Form::EncodedVideo(Judge::new(info.codec, caps::framing(info))),
            Media::EncodedAudio(_) => Form::EncodedAudio,
            Media::Data(_) => Form::Data,
        };
    }

    /// Whether the track is one of data.
    pub fn is_data(&self) -> bool {
        matches!(self.form, Form::Data)
    }

    /// Whether buffers are units already.
    pub fn are_layered(&self) -> bool {
        matches!(self.form, Form::Layered)
    }

    /// Whether units are decoded in the order in which they are presented.
    pub fn are_presented_in_order(&self) -> bool {
        !matches!(self.form, Form::EncodedVideo(_))
    }

    /// The unit of a buffer. `composition` is how much later it is presented than decoded.
    pub fn make(&mut self, buffer: &gst::Buffer, composition: Option<i64>) -> Result<Unit, String> {
        let data = shared(buffer.clone())?;
        let is_delta = buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let discont = buffer.flags().contains(gst::BufferFlags::DISCONT);
        let mut unit = match &mut self.form {
            Form::Layered => Unit::from_shared(&data).map_err(|err| err.to_string())?,
            Form::Data => {
                let mut unit = Unit::new(1, 1, b"").map_err(|err| err.to_string())?;
                unit.flags.key = !is_delta;
                unit.set(0, 0, Segment::complete(data.to_vec()));
                unit
            }
            Form::EncodedVideo(_) | Form::EncodedAudio => self.encoded(&data, is_delta, composition)?,
        };
        unit.flags.discont |= discont;
        Ok(unit)
    }

    fn encoded(&mut self, data: &[u8], is_delta: bool, composition: Option<i64>) -> Result<Unit, String> {
        if data.is_empty() {
            return Err("its buffer is empty".into());
        }
        let judgement = match &mut self.form {
            Form::EncodedVideo(judge) => judge.judge(data).unwrap_or_else(|| by_flag(is_delta)),
            _ => by_flag(false),
        };
        let Judgement { importance, key } = judgement;
        let references = self.references;
        if importance < Importance::Disposable {
            self.references = references.wrapping_add(1);
        }
        let data = data.to_vec().into();
        let access_unit = AccessUnit { data, importance, key, discont: false, references, composition };
        access_unit.into_unit(self.layers).map_err(|err| err.to_string())
    }
}

/// The bytes of a buffer, without a copy.
pub fn shared(buffer: gst::Buffer) -> Result<Bytes, String> {
    let mapped = buffer.into_mapped_buffer_readable().map_err(|_| "its buffer cannot be read")?;
    Ok(Bytes::from_owner(mapped))
}

/// What is in the buffer's flags, where its headers say nothing.
fn by_flag(is_delta: bool) -> Judgement {
    let importance = if is_delta { Importance::Reference } else { Importance::Key };
    Judgement { importance, key: !is_delta }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use fql_unit::encoded::Arrived;

    use super::*;

    fn units(caps: &str) -> Units {
        let (media, layers) = caps::to_media(&gst::Caps::from_str(caps).unwrap()).unwrap();
        let mut units = Units::default();
        units.describe(&media, layers);
        units
    }

    fn buffer(bytes: &[u8], flags: gst::BufferFlags) -> gst::Buffer {
        let mut buffer = gst::Buffer::from_slice(bytes.to_vec());
        buffer.get_mut().unwrap().set_flags(flags);
        buffer
    }

    #[test]
    fn pictures_lie_on_layers_by_their_importance_and_count_what_others_need() {
        gst::init().unwrap();
        let mut units = units(
            "video/x-h264, stream-format=byte-stream, alignment=au, width=64, height=48, framerate=25/1",
        );
        let mut layers = Vec::new();
        for head in [0x65, 0x41, 0x01, 0x01, 0x41, 0x65] {
            let unit = units.make(&buffer(&[0, 0, 1, head], gst::BufferFlags::empty()), Some(7)).unwrap();
            let arrived = Arrived::of(&unit).unwrap();
            assert_eq!(arrived.composition, Some(7));
            layers.push((unit.coded_layers() - 1, arrived.references, unit.flags.key));
        }
        let expected =
            [(0, 0, true), (1, 1, false), (2, 2, false), (2, 2, false), (1, 2, false), (0, 3, true)];
        assert_eq!(layers, expected);
    }

    #[test]
    fn what_cannot_be_judged_goes_by_the_flags_of_the_buffer() {
        gst::init().unwrap();
        let mut units = units(
            "video/x-h264, stream-format=byte-stream, alignment=au, width=64, height=48, framerate=25/1",
        );
        let mut make = |flags| units.make(&buffer(b"?", flags), None).unwrap();
        assert!(make(gst::BufferFlags::empty()).flags.key);
        let unit = make(gst::BufferFlags::DELTA_UNIT | gst::BufferFlags::DISCONT);
        assert_eq!((unit.flags.key, unit.flags.discont, unit.coded_layers()), (false, true, 2));
    }

    #[test]
    fn all_sound_lies_on_the_one_layer() {
        gst::init().unwrap();
        let mut units = units("audio/x-opus, channel-mapping-family=0, channels=1, rate=48000");
        let unit = units.make(&buffer(b"sound", gst::BufferFlags::empty()), None).unwrap();
        assert_eq!((unit.layers(), unit.coded_layers(), unit.params().len()), (1, 1, 0));
        assert!(units.make(&buffer(b"", gst::BufferFlags::empty()), None).is_err());
    }
}
