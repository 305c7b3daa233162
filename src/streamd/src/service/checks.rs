//! What a stream may be asked to be.

use fql_transport::Fec;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::{Error, FieldError, Result, Settings};
use crate::store::streams::StreamRow;

/// How many layers a stream has when nobody says.
pub const DEFAULT_LAYERS: i64 = 12;
const MAX_LAYERS: i64 = fql_unit::MAX_LAYERS as i64;
const MAX_NAME: usize = 63;
const MAX_DESCRIPTION: usize = 1000;
/// Bounds of SRT (`SRTO_PASSPHRASE`).
const SRT_PASSPHRASE: std::ops::RangeInclusive<usize> = 10..=79;
const RING_SECONDS: std::ops::RangeInclusive<i64> = 1..=3600;
const RING_BYTES: std::ops::RangeInclusive<i64> = 65_536..=1_073_741_824;
/// The region that stands for the node's own.
pub const AUTO: &str = "auto";

/// Whether media is pushed to the daemon or pulled by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamType {
    /// An encoder sends it.
    Push,
    /// The daemon fetches it.
    Pull,
}

impl StreamType {
    /// Its name, as in `push`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pull => "pull",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Push, Self::Pull].into_iter().find(|kind| kind.name() == name)
    }
}

/// How much of a stream the hub keeps: until one of the two is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RingSize {
    /// In seconds; the daemon's own setting where none is given.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 3600)]
    pub seconds: Option<i64>,
    /// In bytes; the daemon's own setting where none is given.
    #[serde(default)]
    #[schema(minimum = 65_536, maximum = 1_073_741_824)]
    pub bytes: Option<i64>,
}

/// What a new stream is asked to be.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStream {
    /// Its name.
    #[schema(pattern = "^[a-z0-9-]{1,63}$")]
    pub name: String,
    /// What people should know about it.
    #[serde(default)]
    #[schema(max_length = 1000, pattern = r"^[^\u0000]*$")]
    pub description: Option<String>,
    /// `push`, or `pull`, which needs a `source`. Where nothing is said it goes by whether there is one.
    #[serde(default, rename = "type")]
    pub kind: Option<StreamType>,
    /// How many layers it has at most: 12 where nothing is said, fewer where the API key's limit is lower.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 15)]
    pub layers: Option<i64>,
    /// How it is protected against loss: `adaptive` where nothing is said.
    #[serde(default)]
    #[schema(
        pattern = "^(none|equal:([0-9]|10)|unequal:([0-9]|10)(,([0-9]|10)){0,14}|adaptive(:([1-9]|[1-8][0-9]|90)%)?)$"
    )]
    pub fec: Option<String>,
    /// `auto` (also where nothing is said) or the region of this node.
    #[serde(default)]
    pub region: Option<String>,
    /// `false`; recording is refused until the daemon can.
    #[serde(default)]
    #[schema(value_type = Option<NotYet>)]
    pub record: Option<bool>,
    /// How much of it the hub keeps.
    #[serde(default, deserialize_with = "crate::json::object")]
    pub ring: Option<RingSize>,
    /// What encrypts connections by SRT: those without it are refused. None where nothing is said.
    #[serde(default, rename = "srtPassphrase")]
    #[schema(pattern = "^[!-~]{10,79}$")]
    pub srt_passphrase: Option<String>,
    /// Where the daemon fetches it: `rtsp://`, `rtsps://`, `srt://`, `rist://`, `tsudp://`, `dtsc://`, `fql://`, or `http(s)://` with `.m3u8`,
    /// `.ts`, `.mkv`, `.webm` or `.mp4`. It may hold credentials, and is shown without them.
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub source: Option<String>,
    /// Whether the source is open while nobody watches, too: only with a `source`.
    #[serde(default)]
    pub always: Option<bool>,
}

/// What a stream is changed to. What is not named, or null, stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StreamChanges {
    /// Its name.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9-]{1,63}$")]
    pub name: Option<String>,
    /// What people should know about it.
    #[serde(default)]
    #[schema(max_length = 1000, pattern = r"^[^\u0000]*$")]
    pub description: Option<String>,
    /// How many layers it has at most.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 15)]
    pub layers: Option<i64>,
    /// How it is protected against loss.
    #[serde(default)]
    #[schema(
        pattern = "^(none|equal:([0-9]|10)|unequal:([0-9]|10)(,([0-9]|10)){0,14}|adaptive(:([1-9]|[1-8][0-9]|90)%)?)$"
    )]
    pub fec: Option<String>,
    /// `auto` or the region of this node.
    #[serde(default)]
    pub region: Option<String>,
    /// `false`; recording is refused until the daemon can.
    #[serde(default)]
    #[schema(value_type = Option<NotYet>)]
    pub record: Option<bool>,
    /// How much of it the hub keeps.
    #[serde(default, deserialize_with = "crate::json::object")]
    pub ring: Option<RingSize>,
    /// What encrypts connections by SRT, for those that begin from now on; the empty text takes it away.
    #[serde(default, rename = "srtPassphrase")]
    #[schema(pattern = "^([!-~]{10,79})?$")]
    pub srt_passphrase: Option<String>,
    /// Where a pulled stream is fetched from now on.
    #[serde(default)]
    #[schema(max_length = 2048)]
    pub source: Option<String>,
    /// Whether its source is open while nobody watches, too.
    #[serde(default)]
    pub always: Option<bool>,
}

/// What `record` may be asked to be.
pub struct NotYet;

impl PartialSchema for NotYet {
    fn schema() -> RefOr<Schema> {
        Object::builder().schema_type(Type::Boolean).enum_values(Some([false])).into()
    }
}

impl ToSchema for NotYet {}

/// A new stream whose every field was found good.
pub(super) struct Checked {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) layers: i64,
    pub(super) fec: String,
    pub(super) region: String,
    pub(super) ring: RingSize,
    pub(super) kind: StreamType,
}

/// Checks a new stream; tells all that is wrong with it at once.
pub(super) fn new_stream(new: &NewStream, settings: &Settings, layer_limit: Option<i64>) -> Result<Checked> {
    let mut errors = Vec::new();
    check_name(&new.name, &mut errors);
    check_common(&Common::of_new(new), settings, layer_limit, &mut errors);
    check_passphrase(new.srt_passphrase.as_deref(), &mut errors);
    let kind = new.kind.unwrap_or(if new.source.is_some() { StreamType::Pull } else { StreamType::Push });
    check_source(kind, new.source.as_deref(), new.always, &mut errors);
    if kind == StreamType::Pull && new.source.is_none() {
        errors.push(FieldError::new(
            "source",
            "is missing: it says where a stream of the type pull comes from",
        ));
    }
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let layers =
        new.layers.unwrap_or_else(|| layer_limit.map_or(DEFAULT_LAYERS, |limit| limit.min(DEFAULT_LAYERS)));
    Ok(Checked {
        name: new.name.clone(),
        description: new.description.clone().unwrap_or_default(),
        layers,
        fec: new.fec.as_deref().map_or_else(|| Fec::default().to_string(), canonical_fec),
        region: new.region.clone().unwrap_or_else(|| AUTO.to_owned()),
        ring: new.ring.unwrap_or_default(),
        kind,
    })
}

/// Writes the changes into the row, except for the passphrase and the source, which have to be sealed; or tells all that is wrong with them.
pub(super) fn change_stream(
    row: &mut StreamRow,
    changes: StreamChanges,
    settings: &Settings,
    layer_limit: Option<i64>,
) -> Result<()> {
    let mut errors = Vec::new();
    if let Some(name) = &changes.name {
        check_name(name, &mut errors);
    }
    check_common(&Common::of_changes(&changes), settings, layer_limit, &mut errors);
    check_passphrase(changes.srt_passphrase.as_deref().filter(|text| !text.is_empty()), &mut errors);
    let kind = StreamType::from_name(&row.kind).unwrap_or(StreamType::Push);
    check_source(kind, changes.source.as_deref(), changes.always, &mut errors);
    if !errors.is_empty() {
        return Err(Error::Invalid(errors));
    }
    let StreamChanges { name, description, layers, fec, region, ring, always, .. } = changes;
    row.name = name.unwrap_or_else(|| row.name.clone());
    row.description = description.unwrap_or_else(|| row.description.clone());
    row.layers = layers.unwrap_or(row.layers);
    row.fec = fec.as_deref().map_or_else(|| row.fec.clone(), canonical_fec);
    row.region = region.unwrap_or_else(|| row.region.clone());
    row.always = always.unwrap_or(row.always);
    if let Some(ring) = ring {
        row.ring_seconds = ring.seconds.or(row.ring_seconds);
        row.ring_bytes = ring.bytes.or(row.ring_bytes);
    }
    Ok(())
}

/// What a new stream and a change have in common.
struct Common<'a> {
    description: Option<&'a str>,
    layers: Option<i64>,
    fec: Option<&'a str>,
    region: Option<&'a str>,
    record: Option<bool>,
    ring: RingSize,
}

impl<'a> Common<'a> {
    fn of_new(new: &'a NewStream) -> Self {
        Self {
            description: new.description.as_deref(),
            layers: new.layers,
            fec: new.fec.as_deref(),
            region: new.region.as_deref(),
            record: new.record,
            ring: new.ring.unwrap_or_default(),
        }
    }

    fn of_changes(changes: &'a StreamChanges) -> Self {
        Self {
            description: changes.description.as_deref(),
            layers: changes.layers,
            fec: changes.fec.as_deref(),
            region: changes.region.as_deref(),
            record: changes.record,
            ring: changes.ring.unwrap_or_default(),
        }
    }
}

fn check_common(asked: &Common, settings: &Settings, layer_limit: Option<i64>, errors: &mut Vec<FieldError>) {
    let mut wrong = |field, message: String| errors.push(FieldError::new(field, message));
    if asked.description.is_some_and(|text| text.chars().count() > MAX_DESCRIPTION || text.contains('\0')) {
        wrong("description", format!("is longer than {MAX_DESCRIPTION} characters, or holds a zero byte"));
    }
    if let Some(layers) = asked.layers {
        match layer_limit {
            _ if !(1..=MAX_LAYERS).contains(&layers) => {
                wrong("layers", format!("is {layers}, and may be 1 to {MAX_LAYERS}"));
            }
            Some(limit) if layers > limit => {
                wrong("layers", format!("is {layers}, and may be {limit} at most with this API key"));
            }
            _ => {}
        }
    }
    if let Some(Err(error)) = asked.fec.map(str::parse::<Fec>) {
        wrong("fec", error.to_string());
    }
    if let Some(region) = asked.region.filter(|&region| region != AUTO && region != settings.region) {
        let region = region.chars().take(MAX_NAME).collect::<String>();
        wrong(
            "region",
            format!("is {region:?}, and may be auto or {}, which is this node's", settings.region),
        );
    }
    if asked.record == Some(true) {
        wrong("record", "is true, and this daemon cannot record".to_owned());
    }
    for (field, value, range) in
        [("ring.seconds", asked.ring.seconds, RING_SECONDS), ("ring.bytes", asked.ring.bytes, RING_BYTES)]
    {
        if let Some(value) = value.filter(|value| !range.contains(value)) {
            wrong(field, format!("is {value}, and may be {} to {}", range.start(), range.end()));
        }
    }
}

/// The passphrase is not repeated.
fn check_passphrase(text: Option<&str>, errors: &mut Vec<FieldError>) {
    let is_good =
        |text: &str| SRT_PASSPHRASE.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if text.is_some_and(|text| !is_good(text)) {
        let (least, most) = (SRT_PASSPHRASE.start(), SRT_PASSPHRASE.end());
        let message = format!("is not {least} to {most} letters, digits and signs of ASCII, without spaces");
        errors.push(FieldError::new("srtPassphrase", message));
    }
}

/// The source is not repeated.
fn check_source(kind: StreamType, source: Option<&str>, always: Option<bool>, errors: &mut Vec<FieldError>) {
    if let Some(Err(wrong)) = source.map(fql_pull::Address::parse) {
        errors.push(FieldError::new("source", wrong.to_string()));
    }
    if kind == StreamType::Push {
        for field in [source.map(|_| "source"), always.map(|_| "always")].into_iter().flatten() {
            errors.push(FieldError::new(field, "is for streams of the type pull, and this one is pushed"));
        }
    }
}

fn check_name(name: &str, errors: &mut Vec<FieldError>) {
    let good = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(good) {
        errors.push(FieldError::new("name", format!("is not 1 to {MAX_NAME} of a to z, 0 to 9 and -")));
    }
}

/// The setting as it is written everywhere; it was found good before.
fn canonical_fec(fec: &str) -> String {
    fec.parse::<Fec>().map_or_else(|_| fec.to_owned(), |fec| fec.to_string())
}
