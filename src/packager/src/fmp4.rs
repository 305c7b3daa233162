//! Boxes of fragmented MP4 (ISO/IEC 14496-12) as CMAF (ISO/IEC 23000-19) wants them.

use bytes::{BufMut, Bytes, BytesMut};
use mp4_atom::{
    Codec, Dinf, Dref, DrefEntry, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Mfhd, Minf, Moof, Moov, Mvex, Mvhd,
    Smhd, Stbl, Stco, Stsd, Tfdt, Tfhd, Tkhd, Traf, Trak, Trex, Trun, TrunEntry, Url, Vmhd,
};

use crate::Error;
use crate::codec::{Configuration, timescale};

/// A sample that others need not be there for, and one that others are needed for (ISO/IEC 14496-12, 8.6.4.3).
const KEY: u32 = 0x0200_0000;
const PREDICTED: u32 = 0x0101_0000;
/// The head of a box whose size has 32 bits.
const BOX_HEAD: usize = 8;

/// A sample with its times, in ticks of its track.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// When it is decoded.
    pub time: u64,
    /// How long after its decoding time it is presented.
    pub composition: i64,
    /// How long it is in its part.
    pub duration: u32,
    /// How long it lasts: the rest of a sample that is longer than a part is in the parts after it.
    pub length: u32,
    pub key: bool,
    /// Its bytes; none where it only stands for time that goes on.
    pub data: Bytes,
}

impl Sample {
    /// Time in which the sample before goes on, or in which there is none.
    pub fn rest(time: u64, composition: i64, duration: u32) -> Self {
        Self { time, composition, duration, length: duration, key: false, data: Bytes::new() }
    }

    /// Whether it stands for time that goes on.
    pub fn is_rest(&self) -> bool {
        self.data.is_empty()
    }
}

/// The initialization segment of these tracks, each with its id.
pub(crate) fn initialization(tracks: &[(u32, &Configuration)]) -> Result<Bytes, Error> {
    let brands = [b"iso6", b"cmfc", b"mp41"].map(FourCC::new);
    let ftyp = Ftyp { major_brand: brands[0], minor_version: 0, compatible_brands: brands.to_vec() };
    let trex =
        |&(id, _): &(u32, _)| Trex { track_id: id, default_sample_description_index: 1, ..Trex::default() };
    let next_track_id = tracks.iter().map(|(id, _)| id + 1).max().unwrap_or(1);
    let moov = Moov {
        mvhd: Mvhd { timescale: 1000, next_track_id, ..Mvhd::default() },
        mvex: Some(Mvex { trex: tracks.iter().map(trex).collect(), ..Mvex::default() }),
        trak: tracks.iter().map(|(id, configuration)| track(*id, configuration)).collect(),
        ..Moov::default()
    };
    let mut out = Vec::new();
    ftyp.encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.into())
}

fn track(id: u32, configuration: &Configuration) -> Trak {
    let size = configuration.entry.visual().map(|visual| (visual.width, visual.height));
    let (width, height) = size.unwrap_or_default();
    let (handler, name) = if size.is_some() { (b"vide", "video") } else { (b"soun", "sound") };
    let volume = u8::from(size.is_none());
    let tkhd = Tkhd {
        track_id: id,
        enabled: true,
        in_movie: true,
        volume: volume.into(),
        width: width.into(),
        height: height.into(),
        ..Tkhd::default()
    };
    let mdia = Mdia {
        mdhd: Mdhd { timescale: timescale(configuration), language: "und".into(), ..Mdhd::default() },
        hdlr: Hdlr { handler: FourCC::new(handler), name: name.into() },
        minf: media_information(size.is_some(), configuration.entry.clone()),
    };
    Trak { tkhd, mdia, ..Trak::default() }
}

fn media_information(is_video: bool, entry: Codec) -> Minf {
    let dref = Dref { entries: vec![DrefEntry::Url(Url::default())] };
    let stbl = Stbl { stsd: Stsd { codecs: vec![entry] }, stco: Some(Stco::default()), ..Stbl::default() };
    Minf {
        vmhd: is_video.then(Vmhd::default),
        smhd: (!is_video).then(Smhd::default),
        dinf: Dinf { dref },
        stbl,
        ..Minf::default()
    }
}

/// A fragment, `moof` and `mdat`, of the samples of one track, which follow each other without a hole. One in which only
/// time goes on has no run of samples.
pub(crate) fn fragment(number: u32, track: u32, samples: &[Sample]) -> Result<Bytes, Error> {
    let entry = |sample: &Sample| TrunEntry {
        duration: Some(sample.length),
        size: Some(sample.data.len() as u32),
        flags: Some(if sample.key { KEY } else { PREDICTED }),
        cts: Some(sample.composition),
    };
    let real: Vec<_> = samples.iter().filter(|sample| !sample.is_rest()).collect();
    let first = real.first().copied().or(samples.first());
    let run = Trun {
        data_offset: Some(0),
        samples: real.iter().map(|sample| entry(sample)).collect::<Vec<_>>().into(),
    };
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number: number },
        traf: vec![Traf {
            tfhd: Tfhd { track_id: track, default_base_is_moof: true, ..Tfhd::default() },
            tfdt: Some(Tfdt { base_media_decode_time: first.map_or(0, |sample| sample.time) }),
            trun: if real.is_empty() { Vec::new() } else { vec![run] },
            ..Traf::default()
        }],
    };
    // The offset counts from the beginning of `moof`, whose length does not depend on it.
    let mut head = Vec::new();
    moof.encode(&mut head)?;
    if let Some(run) = moof.traf[0].trun.first_mut() {
        run.data_offset = Some((head.len() + BOX_HEAD) as i32);
        head.clear();
        moof.encode(&mut head)?;
    }

    let media: usize = samples.iter().map(|sample| sample.data.len()).sum();
    let size =
        u32::try_from(media + BOX_HEAD).map_err(|_| mp4_atom::Error::TooLarge(FourCC::new(b"mdat")))?;
    let mut out = BytesMut::with_capacity(head.len() + size as usize);
    out.put_slice(&head);
    out.put_u32(size);
    out.put_slice(b"mdat");
    for sample in samples {
        out.put_slice(&sample.data);
    }
    Ok(out.freeze())
}

/// Makes the bytes of samples those that they have at the end of their fragment, so that nothing else is kept.
pub(crate) fn share(fragment: &Bytes, samples: &mut [Sample]) {
    let mut end = fragment.len();
    for sample in samples.iter_mut().rev() {
        let begin = end - sample.data.len();
        sample.data = fragment.slice(begin..end);
        end = begin;
    }
}
