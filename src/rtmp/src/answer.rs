//! Commands that go to the client (Adobe's RTMP specification 1.0, 7.2; Enhanced RTMP 2, "Enhancing NetConnection
//! connect Command").

use scuffle_amf0::encoder::Amf0Encoder;
use scuffle_amf0::{Amf0Error, Amf0Object, Amf0Value};

/// What Enhanced RTMP can do here beyond codecs: several tracks (2), modifiers (4) and times in nanoseconds (8).
const CAPABILITIES: f64 = 14.0;
/// A codec that is taken and not made.
const CAN_DECODE: f64 = 1.0;
const VIDEO: [&str; 5] = ["avc1", "hvc1", "av01", "vp09", "vp08"];
const AUDIO: [&str; 2] = ["mp4a", "Opus"];

/// What a status says.
pub(crate) struct Status<'a> {
    level: &'static str,
    code: &'static str,
    description: &'a str,
}

impl<'a> Status<'a> {
    pub(crate) fn info(code: &'static str, description: &'a str) -> Self {
        Self { level: "status", code, description }
    }

    pub(crate) fn error(code: &'static str, description: &'a str) -> Self {
        Self { level: "error", code, description }
    }

    fn fields(&self) -> Vec<(&'static str, Amf0Value<'a>)> {
        vec![("level", text(self.level)), ("code", text(self.code)), ("description", text(self.description))]
    }
}

/// `onStatus`.
pub(crate) fn status(transaction: f64, status: &Status) -> Vec<u8> {
    command("onStatus", transaction, None, object(status.fields()).into())
}

/// `_result` of `connect`, with what can be published here.
pub(crate) fn connected(transaction: f64) -> Vec<u8> {
    let server = object(vec![("fmsVer", text("FMS/3,0,1,123")), ("capabilities", 31.0.into())]);
    let mut fields = Status::info("NetConnection.Connect.Success", "Connected.").fields();
    let all = VIDEO.iter().chain(&AUDIO).map(|name| text(name)).collect::<Vec<_>>();
    fields.extend([
        ("objectEncoding", 0.0.into()),
        ("capsEx", CAPABILITIES.into()),
        ("fourCcList", Amf0Value::Array(all.into())),
        ("videoFourCcInfoMap", codecs(&VIDEO)),
        ("audioFourCcInfoMap", codecs(&AUDIO)),
    ]);
    command("_result", transaction, Some(server), object(fields).into())
}

/// `_error` of `connect`.
pub(crate) fn not_connected(transaction: f64, status: &Status) -> Vec<u8> {
    command("_error", transaction, None, object(status.fields()).into())
}

/// `_result` of `createStream`.
pub(crate) fn created(transaction: f64, stream: u32) -> Vec<u8> {
    command("_result", transaction, None, f64::from(stream).into())
}

/// `_result` of a command of which nothing is to be told.
pub(crate) fn done(transaction: f64) -> Vec<u8> {
    command("_result", transaction, None, Amf0Value::Null)
}

fn codecs(names: &[&'static str]) -> Amf0Value<'static> {
    object(names.iter().map(|name| (*name, CAN_DECODE.into())).collect()).into()
}

fn text(text: &str) -> Amf0Value<'_> {
    Amf0Value::String(text.into())
}

fn object<'a>(fields: Vec<(&'static str, Amf0Value<'a>)>) -> Amf0Object<'a> {
    fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

fn command(name: &str, transaction: f64, object: Option<Amf0Object>, information: Amf0Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = write(&mut bytes, name, transaction, object, information);
    bytes
}

fn write(
    bytes: &mut Vec<u8>,
    name: &str,
    transaction: f64,
    object: Option<Amf0Object>,
    information: Amf0Value,
) -> Result<(), Amf0Error> {
    let mut encoder = Amf0Encoder::new(bytes);
    encoder.encode_string(name)?;
    encoder.encode_number(transaction)?;
    match object {
        Some(object) => encoder.encode_object(&object)?,
        None => encoder.encode_null()?,
    }
    information.encode(&mut encoder)
}
