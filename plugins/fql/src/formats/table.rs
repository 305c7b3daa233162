//! The table of raw formats: which classes of samples there are, and how each format of GStreamer lays them out.

use fql_codec::video::Format;
use fql_unit::Chroma;

/// All formats with the same samples: any of them is turned into any other without a loss.
#[derive(Debug)]
pub struct Class {
    /// What it is called in the caps of layered video: GStreamer's planar format, where there is one.
    pub name: &'static str,
    /// Their samples.
    pub samples: Format,
    /// Formats by GStreamer's names, best first. Some need a later version of GStreamer than 1.22.
    pub formats: &'static [Layout],
}

/// How a format lays samples out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// GStreamer's name.
    pub name: &'static str,
    /// How samples are held.
    pub packing: Packing,
}

/// How samples are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// Each in a byte.
    Bytes(Places),
    /// Each in two bytes, little endian, this many bits to the left.
    Words(Places, u8),
    /// Not in bytes of their own.
    Bits(BitPacking),
}

/// Where the samples of each component begin: luma, blue and red difference, or green, blue, red; then opacity.
pub type Places = &'static [Place];

/// Where the samples of a component are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The plane of GStreamer's format.
    pub plane: usize,
    /// How many samples of any component come before the first one in a row.
    pub offset: usize,
    /// How many samples of any component it is from one to the next.
    pub step: usize,
}

/// Formats whose samples share bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitPacking {
    /// Blue, luma, red, luma, ...; three samples of 10 bits in each little-endian word of 32, lowest bits first.
    V210,
    /// Blue, luma, red, luma, ...; 10 bits each, highest bits first, without a gap.
    Uyvp,
    /// Luma; three samples of 10 bits in each little-endian word of 32, lowest bits first.
    Grey10,
}

const fn at(plane: usize, offset: usize, step: usize) -> Place {
    Place { plane, offset, step }
}

const LUMA: Places = &[at(0, 0, 1)];
const PLANAR: Places = &[at(0, 0, 1), at(1, 0, 1), at(2, 0, 1)];
const PLANAR_ALPHA: Places = &[at(0, 0, 1), at(1, 0, 1), at(2, 0, 1), at(3, 0, 1)];
const CHROMA_SWAPPED: Places = &[at(0, 0, 1), at(2, 0, 1), at(1, 0, 1)];
const SEMI_PLANAR: Places = &[at(0, 0, 1), at(1, 0, 2), at(1, 1, 2)];
const SEMI_PLANAR_SWAPPED: Places = &[at(0, 0, 1), at(1, 1, 2), at(1, 0, 2)];
const SEMI_PLANAR_ALPHA: Places = &[at(0, 0, 1), at(1, 0, 2), at(1, 1, 2), at(2, 0, 1)];
const YUYV: Places = &[at(0, 0, 2), at(0, 1, 4), at(0, 3, 4)];
const YVYU: Places = &[at(0, 0, 2), at(0, 3, 4), at(0, 1, 4)];
const UYVY: Places = &[at(0, 1, 2), at(0, 0, 4), at(0, 2, 4)];
const VYUY: Places = &[at(0, 1, 2), at(0, 2, 4), at(0, 0, 4)];
const YUV: Places = &[at(0, 0, 3), at(0, 1, 3), at(0, 2, 3)];
const UYV: Places = &[at(0, 1, 3), at(0, 0, 3), at(0, 2, 3)];
const AYUV: Places = &[at(0, 1, 4), at(0, 2, 4), at(0, 3, 4), at(0, 0, 4)];
const VUYA: Places = &[at(0, 2, 4), at(0, 1, 4), at(0, 0, 4), at(0, 3, 4)];
const UYVA: Places = &[at(0, 1, 4), at(0, 0, 4), at(0, 2, 4), at(0, 3, 4)];
const PLANAR_RGB: Places = &[at(1, 0, 1), at(2, 0, 1), at(0, 0, 1)];
const PLANAR_BGR: Places = &[at(1, 0, 1), at(0, 0, 1), at(2, 0, 1)];
const RGB: Places = &[at(0, 1, 3), at(0, 2, 3), at(0, 0, 3)];
const BGR: Places = &[at(0, 1, 3), at(0, 0, 3), at(0, 2, 3)];
const RGBX: Places = &[at(0, 1, 4), at(0, 2, 4), at(0, 0, 4)];
const BGRX: Places = &[at(0, 1, 4), at(0, 0, 4), at(0, 2, 4)];
const XRGB: Places = &[at(0, 2, 4), at(0, 3, 4), at(0, 1, 4)];
const XBGR: Places = &[at(0, 2, 4), at(0, 1, 4), at(0, 3, 4)];
const RGBA: Places = &[at(0, 1, 4), at(0, 2, 4), at(0, 0, 4), at(0, 3, 4)];
const BGRA: Places = &[at(0, 1, 4), at(0, 0, 4), at(0, 2, 4), at(0, 3, 4)];
const ARGB: Places = &[at(0, 2, 4), at(0, 3, 4), at(0, 1, 4), at(0, 0, 4)];
const ABGR: Places = &[at(0, 2, 4), at(0, 1, 4), at(0, 3, 4), at(0, 0, 4)];

const fn bytes(name: &'static str, places: Places) -> Layout {
    Layout { name, packing: Packing::Bytes(places) }
}

const fn words(name: &'static str, places: Places) -> Layout {
    Layout { name, packing: Packing::Words(places, 0) }
}

/// Format in the highest bits of their words.
const fn high(name: &'static str, places: Places, bits: u8) -> Layout {
    Layout { name, packing: Packing::Words(places, 16 - bits) }
}

const fn packed(name: &'static str, packing: BitPacking) -> Layout {
    Layout { name, packing: Packing::Bits(packing) }
}

const fn class(
    name: &'static str,
    chroma: Chroma,
    alpha: bool,
    bits: u8,
    formats: &'static [Layout],
) -> Class {
    Class { name, samples: Format { chroma, alpha, bits }, formats }
}

const OPAQUE: bool = false;
const ALPHA: bool = true;

/// All classes that a track may have, those first that a source which can give several should give. GStreamer has no
/// format for those without one.
pub static CLASSES: &[Class] = &[
    class(
        "I420",
        Chroma::Yuv420,
        OPAQUE,
        8,
        &[
            bytes("I420", PLANAR),
            bytes("NV12", SEMI_PLANAR),
            bytes("YV12", CHROMA_SWAPPED),
            bytes("NV21", SEMI_PLANAR_SWAPPED),
        ],
    ),
    class(
        "I420_10LE",
        Chroma::Yuv420,
        OPAQUE,
        10,
        &[words("I420_10LE", PLANAR), high("P010_10LE", SEMI_PLANAR, 10)],
    ),
    class(
        "I420_12LE",
        Chroma::Yuv420,
        OPAQUE,
        12,
        &[words("I420_12LE", PLANAR), high("P012_LE", SEMI_PLANAR, 12)],
    ),
    class(
        "Y42B",
        Chroma::Yuv422,
        OPAQUE,
        8,
        &[
            bytes("Y42B", PLANAR),
            bytes("NV16", SEMI_PLANAR),
            bytes("NV61", SEMI_PLANAR_SWAPPED),
            bytes("UYVY", UYVY),
            bytes("YUY2", YUYV),
            bytes("YVYU", YVYU),
            bytes("VYUY", VYUY),
        ],
    ),
    class(
        "I422_10LE",
        Chroma::Yuv422,
        OPAQUE,
        10,
        &[
            words("I422_10LE", PLANAR),
            high("Y210", YUYV, 10),
            packed("v210", BitPacking::V210),
            packed("UYVP", BitPacking::Uyvp),
        ],
    ),
    class("I422_12LE", Chroma::Yuv422, OPAQUE, 12, &[words("I422_12LE", PLANAR), high("Y212_LE", YUYV, 12)]),
    class(
        "Y444",
        Chroma::Yuv444,
        OPAQUE,
        8,
        &[bytes("Y444", PLANAR), bytes("NV24", SEMI_PLANAR), bytes("v308", YUV), bytes("IYU2", UYV)],
    ),
    class("Y444_10LE", Chroma::Yuv444, OPAQUE, 10, &[words("Y444_10LE", PLANAR)]),
    class("Y444_12LE", Chroma::Yuv444, OPAQUE, 12, &[words("Y444_12LE", PLANAR)]),
    class(
        "GBR",
        Chroma::Rgb,
        OPAQUE,
        8,
        &[
            bytes("GBR", PLANAR),
            bytes("RGBP", PLANAR_RGB),
            bytes("BGRP", PLANAR_BGR),
            bytes("RGB", RGB),
            bytes("BGR", BGR),
            bytes("RGBx", RGBX),
            bytes("BGRx", BGRX),
            bytes("xRGB", XRGB),
            bytes("xBGR", XBGR),
        ],
    ),
    class("GBR_10LE", Chroma::Rgb, OPAQUE, 10, &[words("GBR_10LE", PLANAR)]),
    class("GBR_12LE", Chroma::Rgb, OPAQUE, 12, &[words("GBR_12LE", PLANAR)]),
    class("GRAY8", Chroma::Grey, OPAQUE, 8, &[bytes("GRAY8", LUMA)]),
    class(
        "GRAY10",
        Chroma::Grey,
        OPAQUE,
        10,
        &[packed("GRAY10_LE32", BitPacking::Grey10), words("GRAY10_LE16", LUMA)],
    ),
    class("GRAY12", Chroma::Grey, OPAQUE, 12, &[]),
    class("GRAYA8", Chroma::Grey, ALPHA, 8, &[]),
    class("GRAYA10", Chroma::Grey, ALPHA, 10, &[]),
    class("GRAYA12", Chroma::Grey, ALPHA, 12, &[]),
    class("A420", Chroma::Yuv420, ALPHA, 8, &[bytes("A420", PLANAR_ALPHA), bytes("AV12", SEMI_PLANAR_ALPHA)]),
    class("A420_10LE", Chroma::Yuv420, ALPHA, 10, &[words("A420_10LE", PLANAR_ALPHA)]),
    class("A420_12LE", Chroma::Yuv420, ALPHA, 12, &[words("A420_12LE", PLANAR_ALPHA)]),
    class("A422", Chroma::Yuv422, ALPHA, 8, &[bytes("A422", PLANAR_ALPHA)]),
    class("A422_10LE", Chroma::Yuv422, ALPHA, 10, &[words("A422_10LE", PLANAR_ALPHA)]),
    class("A422_12LE", Chroma::Yuv422, ALPHA, 12, &[words("A422_12LE", PLANAR_ALPHA)]),
    class(
        "A444",
        Chroma::Yuv444,
        ALPHA,
        8,
        &[bytes("A444", PLANAR_ALPHA), bytes("AYUV", AYUV), bytes("VUYA", VUYA)],
    ),
    class("A444_10LE", Chroma::Yuv444, ALPHA, 10, &[words("A444_10LE", PLANAR_ALPHA)]),
    class(
        "A444_12LE",
        Chroma::Yuv444,
        ALPHA,
        12,
        &[words("A444_12LE", PLANAR_ALPHA), high("Y412_LE", UYVA, 12)],
    ),
    class(
        "GBRA",
        Chroma::Rgb,
        ALPHA,
        8,
        &[
            bytes("GBRA", PLANAR_ALPHA),
            bytes("RGBA", RGBA),
            bytes("BGRA", BGRA),
            bytes("ARGB", ARGB),
            bytes("ABGR", ABGR),
        ],
    ),
    class("GBRA_10LE", Chroma::Rgb, ALPHA, 10, &[words("GBRA_10LE", PLANAR_ALPHA)]),
    class("GBRA_12LE", Chroma::Rgb, ALPHA, 12, &[words("GBRA_12LE", PLANAR_ALPHA)]),
];
