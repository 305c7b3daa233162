use bytes::Bytes;

use crate::wire::{Reader, put_string, put_varint};
use crate::{Attachments, Error, MAX_ATTACHED, MAX_LAYERS, MAX_PARAMS, MAX_SLICES};

/// First byte of a serialized unit: tells it apart from other data and names the version of its layout.
const MAGIC: u8 = 0xf4;

/// One layer of one slice: embedded code, of which every prefix can be decoded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Segment {
    data: Bytes,
    complete: bool,
}

impl Segment {
    /// A segment with all of its bytes, which may be none.
    pub fn complete(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), complete: true }
    }

    /// A segment whose tail is missing; without any byte it is the same as [`Segment::missing`].
    pub fn truncated(data: impl Into<Bytes>) -> Self {
        Self { data: data.into(), complete: false }
    }

    /// A segment of which nothing is there.
    pub fn missing() -> Self {
        Self::default()
    }

    /// The bytes that are there.
    pub fn data(&self) -> &Bytes {
        &self.data
    }

    /// Whether all bytes are there.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Whether nothing is there.
    pub fn is_missing(&self) -> bool {
        !self.complete && self.data.is_empty()
    }
}

/// What holds for a whole unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UnitFlags {
    /// The unit decodes without any other unit: a viewer can join here.
    pub key: bool,
    /// Units before this one are missing from the source (not lost on the way).
    pub discont: bool,
    /// The segment of layer 0 of slice 0 begins with attachments: see [`Unit::detach`].
    pub attached: bool,
}

impl UnitFlags {
    /// As one byte: bit 0 key, bit 1 discont, bit 2 attached, the others zero.
    pub fn to_bits(self) -> u8 {
        u8::from(self.key) | u8::from(self.discont) << 1 | u8::from(self.attached) << 2
    }

    /// From one byte; bits of later versions are ignored.
    pub fn from_bits(bits: u8) -> Self {
        Self { key: bits & 1 != 0, discont: bits & 2 != 0, attached: bits & 4 != 0 }
    }
}

/// One frame of a track: `coded_layers` x `slices` segments, of which any may be missing or cut off.
///
/// `layers` is how many layers the stream has; layers from `coded_layers` on are empty in this unit (the rate was
/// reached below them, or the sender left them out).
///
/// `reference_layers` is how many of the lowest layers later units are predicted from. It is the encoder's word and
/// stays when layers are taken away: whoever holds fewer of them complete drifts from what the encoder has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What holds for the whole unit.
    pub flags: UnitFlags,
    layers: u8,
    slices: u8,
    reference_layers: u8,
    params: Bytes,
    /// Layer-major: layer 0 of all slices, then layer 1. Its length is a multiple of `slices`.
    segments: Vec<Segment>,
}

impl Unit {
    /// A key unit without any segment. `layers` is 1 to [`MAX_LAYERS`], `slices` 1 to [`MAX_SLICES`], `params` the
    /// codec's parameters that every segment needs, at most [`MAX_PARAMS`] bytes.
    pub fn new(layers: u8, slices: u8, params: impl AsRef<[u8]>) -> Result<Self, Error> {
        check("the number of layers", layers, MAX_LAYERS, "1 to 15")?;
        check("the number of slices", slices, MAX_SLICES, "1 to 32")?;
        let params = params.as_ref();
        if params.len() > MAX_PARAMS {
            let (what, value) = ("the length of the codec parameters", params.len() as u64);
            return Err(Error::OutOfRange { what, value, expected: "at most 24 bytes" });
        }
        let flags = UnitFlags { key: true, ..UnitFlags::default() };
        let params = Bytes::copy_from_slice(params);
        Ok(Self { flags, layers, slices, reference_layers: 0, params, segments: Vec::new() })
    }

    /// How many layers the stream has, 1 to 15.
    pub fn layers(&self) -> u8 {
        self.layers
    }

    /// How many slices the unit has, 1 to 32.
    pub fn slices(&self) -> u8 {
        self.slices
    }

    /// How many layers, from layer 0 up, have segments in this unit; those above are empty.
    pub fn coded_layers(&self) -> u8 {
        (self.segments.len() / usize::from(self.slices)) as u8
    }

    /// How many of the lowest layers later units are predicted from, 0 (none are) to [`Unit::layers`]. They may be
    /// more than the coded ones, where layers were left out on the way.
    pub fn reference_layers(&self) -> u8 {
        self.reference_layers
    }

    /// Whether all layers that later units are predicted from are complete in every slice.
    pub fn has_whole_reference(&self) -> bool {
        self.complete_layers_everywhere() >= self.reference_layers
    }

    /// Says how many of the lowest layers later units are predicted from.
    ///
    /// # Panics
    /// If `layers` exceeds [`Unit::layers`].
    pub fn set_reference_layers(&mut self, layers: u8) {
        assert!(layers <= self.layers, "{layers} reference layers in a unit of {}", self.layers);
        self.reference_layers = layers;
    }

    /// The codec's parameters for this unit.
    pub fn params(&self) -> &Bytes {
        &self.params
    }

    /// Sets the number of coded layers: layers above are dropped, new ones are missing in every slice.
    ///
    /// # Panics
    /// If `coded` exceeds [`Unit::layers`].
    pub fn set_coded_layers(&mut self, coded: u8) {
        assert!(coded <= self.layers, "{coded} coded layers in a unit of {}", self.layers);
        self.segments.resize(usize::from(coded) * usize::from(self.slices), Segment::missing());
    }

    /// Sets a segment, and raises the number of coded layers to hold it.
    ///
    /// # Panics
    /// If `layer` or `slice` is not in the unit.
    pub fn set(&mut self, layer: u8, slice: u8, segment: Segment) {
        assert!(layer < self.layers && slice < self.slices, "layer {layer} slice {slice} is not in the unit");
        if layer >= self.coded_layers() {
            self.set_coded_layers(layer + 1);
        }
        self.segments[usize::from(layer) * usize::from(self.slices) + usize::from(slice)] = segment;
    }

    /// A segment, `None` where the layer is not coded or the slice is not in the unit.
    pub fn segment(&self, layer: u8, slice: u8) -> Option<&Segment> {
        if slice >= self.slices {
            return None;
        }
        self.segments.get(usize::from(layer) * usize::from(self.slices) + usize::from(slice))
    }

    /// All segments with their layer and slice, layer 0 of all slices first.
    pub fn segments(&self) -> impl Iterator<Item = (u8, u8, &Segment)> {
        let slices = usize::from(self.slices);
        self.segments.iter().enumerate().map(move |(i, s)| ((i / slices) as u8, (i % slices) as u8, s))
    }

    /// What a codec reads of a segment: all of it, without the attachments that the first one may begin with. `None`
    /// where the layer is not coded or the slice is not in the unit.
    pub fn codeword(&self, layer: u8, slice: u8) -> Option<Segment> {
        let segment = self.segment(layer, slice)?;
        if (layer, slice) != (0, 0) || !self.flags.attached {
            return Some(segment.clone());
        }
        Some(split(segment).map_or_else(Segment::missing, |(_, codeword)| codeword))
    }

    /// Puts attachments before the codeword of layer 0 of slice 0, in the place of those that are there. Without any
    /// attachment the unit is left without. A unit without a coded layer gets an empty layer 0 to hold them.
    pub fn attach(&mut self, attachments: &Attachments) {
        self.detach();
        if attachments.is_empty() {
            return;
        }
        if self.coded_layers() == 0 {
            self.segments.resize(usize::from(self.slices), Segment::complete(Bytes::new()));
        }
        let codeword = &mut self.segments[0];
        let mut data = Vec::with_capacity(codeword.data.len() + 64);
        put_string(&mut data, &attachments.to_bytes());
        data.extend_from_slice(&codeword.data);
        codeword.data = data.into();
        self.flags.attached = true;
    }

    /// Takes the attachments out of the unit: those that arrived whole. What cannot be read counts as lost, with the
    /// codeword behind it.
    pub fn detach(&mut self) -> Attachments {
        if !std::mem::take(&mut self.flags.attached) {
            return Attachments::new();
        }
        let Some(segment) = self.segments.first_mut() else { return Attachments::new() };
        match split(segment) {
            Some((attachments, codeword)) => {
                *segment = codeword;
                Attachments::from_bytes(&attachments)
            }
            None => {
                *segment = Segment::missing();
                Attachments::new()
            }
        }
    }

    /// How many bytes all segments have together.
    pub fn payload_len(&self) -> usize {
        self.segments.iter().map(|s| s.data.len()).sum()
    }

    /// How many layers of a slice decode completely: coded layers, each complete, without a hole.
    pub fn complete_layers(&self, slice: u8) -> u8 {
        (0..self.coded_layers())
            .take_while(|&layer| self.segment(layer, slice).is_some_and(Segment::is_complete))
            .count() as u8
    }

    /// How many layers are complete in every slice.
    pub fn complete_layers_everywhere(&self) -> u8 {
        (0..self.slices).map(|slice| self.complete_layers(slice)).min().unwrap_or(0)
    }

    /// Whether no segment of a coded layer is missing or truncated.
    pub fn is_complete(&self) -> bool {
        self.segments.iter().all(Segment::is_complete)
    }

    /// Whether the unit counts as a picture at the viewer: something of layer 0 of every slice is there.
    pub fn has_picture(&self) -> bool {
        self.coded_layers() > 0
            && (0..self.slices).all(|slice| self.codeword(0, slice).is_some_and(|s| !s.is_missing()))
    }

    /// The unit as bytes, for a buffer or a file.
    ///
    /// Layout: magic 0xf4, flags, layers, slices, coded layers, reference layers (a byte each), the parameters with
    /// their length as a varint before them, then for every segment (layer-major) a varint of twice its length, plus
    /// one where it is complete, then the bytes of all segments in the same order.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + MAX_PARAMS + 4 * self.segments.len() + self.payload_len());
        out.extend([MAGIC, self.flags.to_bits(), self.layers, self.slices]);
        out.extend([self.coded_layers(), self.reference_layers]);
        put_string(&mut out, &self.params);
        for segment in &self.segments {
            put_varint(&mut out, (segment.data.len() as u64) << 1 | u64::from(segment.complete));
        }
        for segment in &self.segments {
            out.extend_from_slice(&segment.data);
        }
        out
    }

    /// Reads what [`Unit::to_bytes`] wrote. The segments share `bytes`.
    pub fn from_shared(bytes: &Bytes) -> Result<Self, Error> {
        Self::parse(bytes, |range| bytes.slice(range))
    }

    /// Reads what [`Unit::to_bytes`] wrote. The segments are copied.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        Self::parse(bytes, |range| Bytes::copy_from_slice(&bytes[range]))
    }

    fn parse(bytes: &[u8], cut: impl Fn(std::ops::Range<usize>) -> Bytes) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let magic = r.u8("the unit's header")?;
        if magic != MAGIC {
            let (what, value) = ("the unit's first byte", u64::from(magic));
            return Err(Error::OutOfRange { what, value, expected: "244 (a unit of FQL 0.4)" });
        }
        let flags = UnitFlags::from_bits(r.u8("the unit's header")?);
        let layers = r.u8("the unit's header")?;
        let slices = r.u8("the unit's header")?;
        let coded = r.u8("the unit's header")?;
        let reference_layers = r.u8("the unit's header")?;
        let params = r.string(MAX_PARAMS, "the codec parameters")?;
        let mut unit = Self { flags, reference_layers, ..Self::new(layers, slices, params)? };
        check_within("the number of coded layers", coded, layers)?;
        check_within("the number of reference layers", reference_layers, layers)?;
        let count = usize::from(coded) * usize::from(slices);
        let mut lengths = Vec::with_capacity(count);
        let mut total = 0u64;
        for _ in 0..count {
            let word = r.varint("the table of segments")?;
            lengths.push(((word >> 1) as usize, word & 1 != 0));
            total = total.saturating_add(word >> 1);
        }
        if total > r.remaining() as u64 {
            return Err(Error::Truncated("the segments"));
        }
        let mut at = bytes.len() - r.remaining();
        for (len, complete) in lengths {
            unit.segments.push(Segment { data: cut(at..at + len), complete });
            at += len;
        }
        if at < bytes.len() {
            return Err(Error::TrailingBytes(bytes.len() - at));
        }
        Ok(unit)
    }
}

/// The bytes of the attachments that a segment begins with, and the codeword after them. `None` where the attachments
/// are not there as a whole.
fn split(segment: &Segment) -> Option<(Bytes, Segment)> {
    let mut r = Reader::new(&segment.data);
    let attachments = r.string(MAX_ATTACHED, "the attachments").ok()?;
    let attachments = segment.data.slice_ref(attachments);
    let data = segment.data.slice_ref(r.rest());
    Some((attachments, Segment { data, complete: segment.complete }))
}

fn check_within(what: &'static str, value: u8, layers: u8) -> Result<(), Error> {
    if value <= layers {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, value: value.into(), expected: "at most the number of layers" })
    }
}

fn check(what: &'static str, value: u8, max: u8, expected: &'static str) -> Result<(), Error> {
    if (1..=max).contains(&value) {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, value: value.into(), expected })
    }
}
