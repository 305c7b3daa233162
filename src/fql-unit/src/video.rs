//! What the track table says of layered video, and how it stands there as bytes.

use crate::codes::Codes;
use crate::track::{int, range, text, unknown};
use crate::wire::{Reader, put_string, put_varint};
use crate::{Error, MAX_DIMENSION};

const MAX_TEXT: usize = 64;

/// What the samples of a pixel are, and how many of the chroma samples there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chroma {
    /// No chroma: luma only.
    Grey,
    /// One chroma sample of each kind for 2x2 luma samples; odd sizes are rounded up.
    Yuv420,
    /// One chroma sample of each kind for two luma samples beside each other; odd widths are rounded up.
    Yuv422,
    /// One chroma sample of each kind for every luma sample.
    Yuv444,
    /// Green, blue and red in full size, in this order.
    Rgb,
}

/// Whether pictures are whole, or made of two fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Interlace {
    /// Whole pictures.
    #[default]
    Progressive,
    /// Two fields, whose rows take turns.
    Interleaved,
    /// Some pictures are progressive and others interleaved.
    Mixed,
}

/// Which of the two fields of a picture was taken first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FieldOrder {
    /// It is not known, differs between pictures, or there are no fields.
    #[default]
    Unknown,
    /// The field with the first row.
    TopFirst,
    /// The field with the second row.
    BottomFirst,
}

/// How a picture has to be turned to be seen upright, as the image-orientation tag of GStreamer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Orientation {
    /// Not at all.
    #[default]
    Rotate0,
    /// By 90 degrees, clockwise.
    Rotate90,
    /// By 180 degrees.
    Rotate180,
    /// By 270 degrees, clockwise.
    Rotate270,
    /// Flipped from left to right.
    FlipRotate0,
    /// Flipped from left to right, then turned by 90 degrees, clockwise.
    FlipRotate90,
    /// Flipped from left to right, then turned by 180 degrees.
    FlipRotate180,
    /// Flipped from left to right, then turned by 270 degrees, clockwise.
    FlipRotate270,
}

/// The colours and the luminance of the display that video was mastered on (SMPTE ST 2086).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MasteringDisplay {
    /// The x and y coordinates (CIE 1931) of red, green and blue, in units of 0.00002.
    pub primaries: [(u16, u16); 3],
    /// Those of the white point.
    pub white_point: (u16, u16),
    /// The highest luminance, in units of 0.0001 candela per square metre.
    pub max_luminance: u32,
    /// The lowest luminance, in the same units.
    pub min_luminance: u32,
}

/// How light the content is (CTA-861.3), in candela per square metre.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentLight {
    /// Of the lightest pixel of all pictures (MaxCLL).
    pub max_content: u16,
    /// Of the lightest picture in the mean (MaxFALL).
    pub max_average: u16,
}

/// Static metadata of high dynamic range, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HdrInfo {
    /// The display that the video was mastered on.
    pub mastering: Option<MasteringDisplay>,
    /// How light the content is.
    pub light: Option<ContentLight>,
}

/// What a decoder and a display need to know of a video track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoInfo {
    /// Width in luma samples, 1 to 8192.
    pub width: u32,
    /// Height in luma samples, 1 to 8192.
    pub height: u32,
    /// What the samples of a pixel are.
    pub chroma: Chroma,
    /// Whether there is a plane of opacity of full size after the others.
    pub alpha: bool,
    /// Bits a sample: 8, 10 or 12.
    pub bits: u8,
    /// Frames a second as numerator and denominator; 0/1 where it varies.
    pub frame_rate: (u32, u32),
    /// Width of a pixel over its height.
    pub pixel_aspect: (u32, u32),
    /// Whether pictures are made of fields.
    pub interlace: Interlace,
    /// Which field comes first.
    pub field_order: FieldOrder,
    /// Colorimetry as GStreamer writes it, such as `bt709`; empty where it is not known. At most 64 bytes.
    pub colorimetry: String,
    /// Where chroma samples lie, as GStreamer writes it, such as `mpeg2`; empty where it is not known. At most 64
    /// bytes.
    pub chroma_site: String,
    /// Static metadata of high dynamic range.
    pub hdr: HdrInfo,
    /// How pictures are to be turned.
    pub orientation: Orientation,
}

impl VideoInfo {
    /// Progressive 8-bit video of this size without opacity, of which nothing else is known: a frame rate that
    /// varies, square pixels, upright.
    pub fn new(width: u32, height: u32, chroma: Chroma) -> Self {
        Self {
            width,
            height,
            chroma,
            alpha: false,
            bits: 8,
            frame_rate: (0, 1),
            pixel_aspect: (1, 1),
            interlace: Interlace::default(),
            field_order: FieldOrder::default(),
            colorimetry: String::new(),
            chroma_site: String::new(),
            hdr: HdrInfo::default(),
            orientation: Orientation::default(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        range("a video's width", self.width, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
        range("a video's height", self.height, 1..=MAX_DIMENSION.into(), "1 to 8192")?;
        if ![8, 10, 12].contains(&self.bits) {
            return Err(unknown("a video's bits a sample", self.bits, "8, 10 or 12"));
        }
        for (what, (_, denominator)) in
            [("a frame rate's", self.frame_rate), ("a pixel aspect ratio's", self.pixel_aspect)]
        {
            range(what, denominator, 1..=u32::MAX.into(), "given with a denominator of at least 1")?;
        }
        for (what, length, value) in [
            ("a colorimetry", "the length of a colorimetry", &self.colorimetry),
            ("a chroma site", "the length of a chroma site", &self.chroma_site),
        ] {
            text(what, length, value, MAX_TEXT, "at most 64 bytes")?;
        }
        Ok(())
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        put_varint(out, self.width.into());
        put_varint(out, self.height.into());
        let HdrInfo { mastering, light } = self.hdr;
        let flags = [self.alpha, mastering.is_some(), light.is_some()];
        let flags = flags.iter().enumerate().fold(0, |bits, (i, &flag)| bits | u8::from(flag) << i);
        out.extend([CHROMA.code(self.chroma), self.bits, flags]);
        let ((rate, rate_den), (aspect, aspect_den)) = (self.frame_rate, self.pixel_aspect);
        for value in [rate, rate_den, aspect, aspect_den] {
            put_varint(out, value.into());
        }
        out.extend([INTERLACE.code(self.interlace), FIELD_ORDER.code(self.field_order)]);
        out.push(ORIENTATION.code(self.orientation));
        put_string(out, self.colorimetry.as_bytes());
        put_string(out, self.chroma_site.as_bytes());
        if let Some(mastering) = mastering {
            mastering.write(out);
        }
        if let Some(light) = light {
            out.extend(light.max_content.to_be_bytes());
            out.extend(light.max_average.to_be_bytes());
        }
    }

    pub(crate) fn read(r: &mut Reader) -> Result<Self, Error> {
        let (width, height) = (int(r, "a video's width")?, int(r, "a video's height")?);
        let chroma = CHROMA.read(r)?;
        let (bits, flags) = (r.u8("a video's bits a sample")?, r.u8("a video's flags")?);
        let frame_rate = (int(r, "a frame rate")?, int(r, "a frame rate")?);
        let pixel_aspect = (int(r, "a pixel aspect ratio")?, int(r, "a pixel aspect ratio")?);
        Ok(Self {
            width,
            height,
            chroma,
            alpha: flags & 1 != 0,
            bits,
            frame_rate,
            pixel_aspect,
            interlace: INTERLACE.read(r)?,
            field_order: FIELD_ORDER.read(r)?,
            orientation: ORIENTATION.read(r)?,
            colorimetry: r.text(MAX_TEXT, "a colorimetry")?.to_owned(),
            chroma_site: r.text(MAX_TEXT, "a chroma site")?.to_owned(),
            hdr: HdrInfo {
                mastering: (flags & 2 != 0).then(|| MasteringDisplay::read(r)).transpose()?,
                light: (flags & 4 != 0).then(|| ContentLight::read(r)).transpose()?,
            },
        })
    }
}

impl MasteringDisplay {
    fn write(self, out: &mut Vec<u8>) {
        for (x, y) in self.primaries.into_iter().chain([self.white_point]) {
            out.extend(x.to_be_bytes());
            out.extend(y.to_be_bytes());
        }
        out.extend(self.max_luminance.to_be_bytes());
        out.extend(self.min_luminance.to_be_bytes());
    }

    fn read(r: &mut Reader) -> Result<Self, Error> {
        let mut point = || Ok::<_, Error>((r.u16(MASTERING)?, r.u16(MASTERING)?));
        Ok(Self {
            primaries: [point()?, point()?, point()?],
            white_point: point()?,
            max_luminance: r.u32(MASTERING)?,
            min_luminance: r.u32(MASTERING)?,
        })
    }
}

impl ContentLight {
    fn read(r: &mut Reader) -> Result<Self, Error> {
        Ok(Self { max_content: r.u16("a content's light")?, max_average: r.u16("a content's light")? })
    }
}

const MASTERING: &str = "a mastering display";

const CHROMA: Codes<Chroma> = Codes {
    all: &[Chroma::Grey, Chroma::Yuv420, Chroma::Yuv422, Chroma::Yuv444, Chroma::Rgb],
    what: "a chroma format",
    expected: "0 (grey), 1 (4:2:0), 2 (4:2:2), 3 (4:4:4) or 4 (RGB)",
};
const INTERLACE: Codes<Interlace> = Codes {
    all: &[Interlace::Progressive, Interlace::Interleaved, Interlace::Mixed],
    what: "a kind of interlacing",
    expected: "0 (progressive), 1 (interleaved) or 2 (mixed)",
};
const FIELD_ORDER: Codes<FieldOrder> = Codes {
    all: &[FieldOrder::Unknown, FieldOrder::TopFirst, FieldOrder::BottomFirst],
    what: "an order of fields",
    expected: "0 (unknown), 1 (top first) or 2 (bottom first)",
};
const ORIENTATION: Codes<Orientation> = Codes {
    all: &[
        Orientation::Rotate0,
        Orientation::Rotate90,
        Orientation::Rotate180,
        Orientation::Rotate270,
        Orientation::FlipRotate0,
        Orientation::FlipRotate90,
        Orientation::FlipRotate180,
        Orientation::FlipRotate270,
    ],
    what: "an orientation",
    expected: "0 to 7",
};
