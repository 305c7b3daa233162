//! Encoders and decoders that are warm use the memory that they have.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use fql_codec::video::{
    Decoder, DecoderConfig, Encoder, EncoderConfig, Format, Motion, PictureMut, PlaneLayout, Rate,
};
use fql_unit::{Chroma, Unit};

/// Counts the bytes that are asked for.
struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is done by the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: as the caller has promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller has promised.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        BYTES.fetch_add(size, Ordering::Relaxed);
        // SAFETY: as the caller has promised.
        unsafe { System.realloc(memory, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = BYTES.load(Ordering::Relaxed);
    let result = work();
    (result, BYTES.load(Ordering::Relaxed) - before)
}

const WIDTH: usize = 320;
const HEIGHT: usize = 256;
const SIZE: usize = WIDTH * HEIGHT * 3 / 2;
const PLANES: [PlaneLayout; 3] = [
    PlaneLayout::bytes(0, WIDTH),
    PlaneLayout { offset: WIDTH * HEIGHT, ..PlaneLayout::bytes(0, WIDTH / 2) },
    PlaneLayout { offset: WIDTH * HEIGHT * 5 / 4, ..PlaneLayout::bytes(0, WIDTH / 2) },
];

fn frame(number: usize) -> Vec<u8> {
    (0..SIZE).map(|at| ((at % WIDTH + 2 * number) * (at / WIDTH + number) / 64 % 200) as u8).collect()
}

fn segment_bytes(unit: &Unit) -> usize {
    unit.segments().map(|(.., segment)| segment.data().len()).sum()
}

/// What frames after the first few take beside the bytes of their units, in the encoder and in the decoder.
fn steady(motion: Option<Motion>, rate: Rate) -> (usize, usize) {
    let (width, height) = (WIDTH as u32, HEIGHT as u32);
    let format = Format::new(Chroma::Yuv420);
    let config = EncoderConfig { width, height, format, layers: 10, slices: 4, threads: 1, motion };
    let mut encoder = Encoder::new(config).unwrap();
    let mut decoder = Decoder::new(DecoderConfig { width, height, format, threads: 1 }).unwrap();
    let mut out = vec![0; SIZE];
    let mut most = (0, 0);
    for number in 0..12 {
        let source = frame(number);
        let (unit, encoding) =
            counted(|| encoder.encode(&PLANES.map(|plane| plane.of(&[&source])), rate).unwrap());
        let mut target = PictureMut { buffers: &mut [&mut out], planes: &PLANES };
        let (_, decoding) = counted(|| decoder.decode(&unit, u8::MAX, &mut target).unwrap());
        if number >= 6 {
            most = (most.0.max(encoding.saturating_sub(segment_bytes(&unit))), most.1.max(decoding));
        }
    }
    most
}

/// One test, as other threads would be counted too.
#[test]
fn frames_after_the_first_take_hardly_any_memory_but_their_units() {
    let motion = Some(Motion { reference_layer: None, references: 1 });
    let cases = [
        ("whole ladder", None, Rate::WholeLadder),
        ("key frames", None, Rate::Interval(4000)),
        ("predicted frames", motion, Rate::Interval(4000)),
    ];
    for (name, motion, rate) in cases {
        let (encoding, decoding) = steady(motion, rate);
        println!("{name}: {encoding} bytes to encode a frame, {decoding} to decode one");
        // Lists of slices and stripes, but nothing of the size of a row for each row, let alone of a picture.
        assert!(encoding < MOST && decoding < MOST, "{name}: {encoding} and {decoding} bytes");
    }
}

/// Bytes that are nothing beside a picture of this size.
const MOST: usize = SIZE / 4;
