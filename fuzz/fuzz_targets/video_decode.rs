//! Whatever units a video decoder gets, it gives an error or a picture.
#![no_main]

use arbitrary::Arbitrary;
use fql_codec::video::{Decoder, DecoderConfig, PlaneMut};
use fql_fuzz::AnyUnit;
use fql_unit::Chroma;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Arbitrary)]
struct Input {
    width: u8,
    height: u8,
    grey: bool,
    units: Vec<(Vec<u8>, AnyUnit, u8)>,
}

fuzz_target!(|input: Input| {
    let (width, height) = (1 + usize::from(input.width), 1 + usize::from(input.height));
    let chroma = if input.grey { Chroma::Grey } else { Chroma::Yuv420 };
    let config = DecoderConfig { width: width as u32, height: height as u32, chroma, threads: 1 };
    let mut decoder = Decoder::new(config).expect("the size is in range");
    let chroma_size = (width.div_ceil(2), height.div_ceil(2));
    let sizes = [(width, height), chroma_size, chroma_size];
    let count = if input.grey { 1 } else { 3 };
    let mut memory: Vec<Vec<u8>> = sizes[..count].iter().map(|(w, h)| vec![0; w * h]).collect();
    for (params, unit, max_layer) in input.units.iter().take(4) {
        let planes = memory.iter_mut().zip(sizes);
        let mut planes: Vec<PlaneMut> =
            planes.map(|(data, (stride, _))| PlaneMut { data: data.as_mut_slice(), stride }).collect();
        if let Ok(picture) = decoder.decode(&unit.with_params(params), *max_layer, &mut planes) {
            assert!(!(picture.exact && picture.concealed));
        }
    }
});
