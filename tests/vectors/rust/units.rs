//! `units.json`: units with all that can be in them, and bytes that are none.

use fql_unit::{Attachment, Attachments, CaptionKind, DailyJam, Fields, Segment, Timecode, Unit, UnitFlags};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{from_base64, hex, to_base64};

#[derive(Serialize, Deserialize)]
struct Vector {
    name: String,
    unit: String,
    /// What is in it; nothing where it has to be refused.
    content: Value,
}

impl Vector {
    fn new(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        Self { name: name.into(), unit: to_base64(bytes), content: Value::Null }
    }

    fn decode(&mut self) {
        self.content = Unit::from_bytes(&from_base64(&self.unit)).map_or(Value::Null, content);
    }
}

fn content(mut unit: Unit) -> Value {
    let attached = unit.detach();
    let attachments: Vec<Value> = attached.iter().map(attachment).collect();
    let segment = |(_, _, segment): (u8, u8, &Segment)| json!([hex(segment.data()), segment.is_complete()]);
    let complete: Vec<u8> = (0..unit.slices()).map(|slice| unit.complete_layers(slice)).collect();
    json!({
        "key": unit.flags.key,
        "discont": unit.flags.discont,
        "layers": unit.layers(),
        "slices": unit.slices(),
        "coded_layers": unit.coded_layers(),
        "reference_layers": unit.reference_layers(),
        "params": hex(unit.params()),
        "segments": unit.segments().map(segment).collect::<Vec<_>>(),
        "complete_layers": complete,
        "attachments": attachments,
    })
}

fn attachment(attachment: &Attachment) -> Value {
    match attachment {
        Attachment::Caption(kind, data) => {
            let kinds = [
                CaptionKind::Cea608Raw,
                CaptionKind::Cea608S334,
                CaptionKind::Cea708Raw,
                CaptionKind::Cea708Cdp,
            ];
            json!({ "captions": kinds.iter().position(|known| known == kind), "data": hex(data) })
        }
        Attachment::Timecode(code) => json!({ "timecode": {
            "drop": code.drop_frame,
            "interlaced": code.interlaced,
            "hours": code.hours,
            "minutes": code.minutes,
            "seconds": code.seconds,
            "field": code.field_count,
            "frames": code.frames,
            "rate": [code.frame_rate.0, code.frame_rate.1],
            "jam": code.daily_jam.map(|jam| json!([jam.unix_micros, jam.utc_offset])),
        }}),
        Attachment::Fields(fields) => json!({ "fields": {
            "interlaced": fields.interlaced,
            "top_first": fields.top_first,
            "repeat": fields.repeat_first,
            "one": fields.one_field,
        }}),
    }
}

/// Three layers of five are coded, in two slices, some cut and missing.
fn layered() -> Unit {
    let mut unit = Unit::new(5, 2, [0, 17, 200]).unwrap();
    unit.flags = UnitFlags { key: false, discont: true, attached: false };
    unit.set_reference_layers(2);
    unit.set(0, 0, Segment::complete("the coarsest"));
    unit.set(0, 1, Segment::complete(""));
    unit.set(1, 0, Segment::complete(vec![0xa5; 200]));
    unit.set(1, 1, Segment::truncated("cut"));
    unit.set(2, 1, Segment::complete("above a hole"));
    unit
}

fn attached() -> Unit {
    let mut unit = layered();
    let (frames, field_count, frame_rate) = (29, 1, (30_000, 1_001));
    let daily_jam = Some(DailyJam { unix_micros: -1_000_000, utc_offset: -3_600 });
    let timecode = Timecode {
        hours: 23,
        minutes: 59,
        seconds: 58,
        frames,
        field_count,
        frame_rate,
        drop_frame: true,
        interlaced: false,
        daily_jam,
    };
    let fields = Fields { interlaced: true, top_first: false, repeat_first: true, one_field: false };
    let mut attachments = Attachments::new();
    attachments.push(Attachment::Caption(CaptionKind::Cea708Raw, vec![0xfc, 0x80, 0x80])).unwrap();
    attachments.push(Attachment::Timecode(timecode)).unwrap();
    attachments
        .push(Attachment::Timecode(Timecode { daily_jam: None, drop_frame: false, ..timecode }))
        .unwrap();
    attachments.push(Attachment::Fields(fields)).unwrap();
    attachments.push(Attachment::Caption(CaptionKind::Cea608Raw, vec![])).unwrap();
    unit.attach(&attachments);
    unit
}

/// A unit of one segment with the flag *attached*.
fn one(segment: Segment) -> Vec<u8> {
    let mut unit = Unit::new(1, 1, []).unwrap();
    unit.flags.attached = true;
    unit.set(0, 0, segment);
    unit.to_bytes()
}

fn vectors() -> Vec<Vector> {
    let mut data = Unit::new(1, 1, []).unwrap();
    data.set(0, 0, Segment::complete("{\"data\": 1}"));
    let mut largest = Unit::new(15, 32, [255; 24]).unwrap();
    largest.set(14, 31, Segment::complete([1].as_slice()));
    let unknown_flags = with(layered().to_bytes(), 1, 0xfa);
    // An attachment of an unknown type, one of no sense, and one with more fields than are known.
    let strange = Segment::complete(b"\x0d\x7f\x02ab\x01\x01\x09\x03\x03\x05zz\x01\x00codeword".as_slice());
    let mut vectors = vec![
        Vector::new("data", data.to_bytes()),
        Vector::new("layers and slices, cut and missing", layered().to_bytes()),
        Vector::new("attachments", attached().to_bytes()),
        Vector::new("unknown attachments", one(strange)),
        Vector::new("attachments that are cut", one(Segment::truncated(b"\x20\x01\x03\x00ab".as_slice()))),
        Vector::new("attachments of which nothing came", one(Segment::missing())),
        Vector::new("unknown flags", unknown_flags),
        Vector::new("the most layers and slices", largest.to_bytes()),
        Vector::new("no coded layer", Unit::new(9, 3, [1]).unwrap().to_bytes()),
    ];
    vectors.extend(malformed());
    vectors
}

fn malformed() -> Vec<Vector> {
    let whole = layered().to_bytes();
    let cases = [
        ("another magic", with(whole.clone(), 0, 0xf5)),
        ("no layers", with(whole.clone(), 2, 0)),
        ("too many layers", with(whole.clone(), 2, 16)),
        ("no slices", with(whole.clone(), 3, 0)),
        ("too many slices", with(whole.clone(), 3, 33)),
        ("more coded layers than layers", with(whole.clone(), 4, 6)),
        ("more reference layers than layers", with(whole.clone(), 5, 6)),
        ("too many params", with(whole.clone(), 6, 25)),
        ("a byte too few", whole[..whole.len() - 1].to_vec()),
        ("a byte too many", [&whole[..], &[0]].concat()),
        ("a header that is cut", whole[..5].to_vec()),
        ("nothing", vec![]),
    ];
    cases.into_iter().map(|(name, bytes)| Vector::new(&format!("refused: {name}"), bytes)).collect()
}

fn with(mut bytes: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    bytes[at] = byte;
    bytes
}

#[test]
fn units_are_read_as_they_always_were() {
    super::check("units.json", vectors, Vector::decode);
}
