use fql_unit::{AudioCodec, Media, Track, TrackTable, VideoCodec};

use crate::media::{Configuration, KLVA, OPUS, control_header, descriptor, stream_type, with_header};
use crate::nal::ByteStream;
use crate::packet::{Adaptation, Writer};
use crate::psi::{self, Entry};
use crate::time::ticks;
use crate::{Unit, pes};

const PROGRAM: u16 = 1;
const MAP_PID: u16 = 0x1000;
/// The packet identifier of the track with id 0; the others follow.
const FIRST_PID: u16 = 0x100;
/// Times in the stream are so much later than those of the units, in ticks of 90 kHz, so that the clock, which is
/// behind them, does not begin below zero: 1.4 s.
const ORIGIN: u64 = 126_000;
/// How long before its decoding time a unit is there, in ticks of 90 kHz: 200 ms, in which tracks that were sent at the
/// same time may differ.
const AHEAD: u64 = 18_000;
/// The clock is written this often, in ticks of 90 kHz: 35 ms, where 40 ms is asked of a good stream (ETSI TR 101 290).
const CLOCK_PERIOD: u64 = 3_150;
/// The tables are written with the first clock or unit that is so much later, in ticks of 90 kHz: 55 ms, for there are
/// players that reckon with 100 ms at most, and the next clock may be 40 ms away.
const TABLE_PERIOD: u64 = 4_950;
/// Gaps up to here are filled with the clock; after longer ones it jumps: 10 s.
const LONGEST_GAP: u64 = 900_000;
/// PES packets of sound and video say of which kind they are (Rec. ITU-T H.222.0, table 2-22).
const VIDEO_ID: u8 = 0xe0;
const AUDIO_ID: u8 = 0xc0;
const PRIVATE_ID: u8 = 0xbd;

/// Why no transport stream can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None of the tracks is of a kind that a transport stream carries.
    #[error(
        "none of the tracks can go into an MPEG transport stream: it carries H.264, H.265, AAC, Opus, MPEG audio and KLV"
    )]
    NoTracks,
}

/// Writes a transport stream of one program.
///
/// It begins with the tables and, where there is video, with a key unit: units before that are left out. The tables
/// come at least every 100 ms and the clock at least every 40 ms of media, also where units are further apart. Units go
/// in as they come, in the order of their decoding times on each track.
#[derive(Debug)]
pub struct Muxer {
    tables: Writer,
    map: Writer,
    /// Counts the maps, modulo 32.
    version: u8,
    outputs: Vec<Output>,
    /// The place of the stream in `outputs` whose packets have the clock.
    leader: usize,
    is_begun: bool,
    /// The clock as it was written last, in ticks of 90 kHz, and the tables; `None` before that.
    clock: Option<u64>,
    told: Option<u64>,
}

#[derive(Debug)]
struct Output {
    track: u8,
    entry: Entry,
    writer: Writer,
    stream_id: u8,
    form: Form,
}

/// How units become the data of PES packets.
#[derive(Debug)]
enum Form {
    Video(ByteStream),
    Aac(Configuration),
    Opus,
    AsIs,
}

impl Muxer {
    /// A writer of a stream with those of these tracks that a transport stream carries.
    pub fn new(tracks: &TrackTable) -> Result<Self, Error> {
        Self::of(tracks.tracks())
    }

    /// The same of tracks that are in no table.
    pub fn of(tracks: &[Track]) -> Result<Self, Error> {
        let outputs: Vec<Output> = tracks.iter().filter_map(Output::of).collect();
        let leader = leader(&outputs).ok_or(Error::NoTracks)?;
        let (tables, map) = (Writer::new(0), Writer::new(MAP_PID));
        Ok(Self { tables, map, version: 0, outputs, leader, is_begun: false, clock: None, told: None })
    }

    /// Goes on with other tracks. Where nothing changes for the stream, this does nothing.
    pub fn change(&mut self, tracks: &TrackTable) -> Result<(), Error> {
        self.change_to(tracks.tracks())
    }

    /// The same with tracks that are in no table.
    pub fn change_to(&mut self, tracks: &[Track]) -> Result<(), Error> {
        let mut outputs: Vec<Output> = tracks.iter().filter_map(Output::of).collect();
        let leader = leader(&outputs).ok_or(Error::NoTracks)?;
        let is_same =
            outputs.iter().map(|output| &output.entry).eq(self.outputs.iter().map(|output| &output.entry));
        for output in &mut outputs {
            let before = self.outputs.iter().find(|before| before.entry.pid == output.entry.pid);
            output.writer = before.map_or(output.writer, |before| before.writer);
        }
        (self.outputs, self.leader) = (outputs, leader);
        if !is_same {
            self.version = (self.version + 1) & 31;
            (self.told, self.is_begun) = (None, false);
        }
        Ok(())
    }

    /// Whether units of this track go into the stream.
    pub fn carries(&self, track: u8) -> bool {
        self.outputs.iter().any(|output| output.track == track)
    }

    /// Writes the tables before whatever comes next, so that the stream can be cut here, as segments are.
    pub fn cut(&mut self) {
        self.told = None;
    }

    /// Appends the packets of a unit. Those of tracks that the stream does not carry, and of video without a key unit
    /// before it, are left out.
    pub fn write(&mut self, unit: &Unit, out: &mut Vec<u8>) {
        let Some(at) = self.outputs.iter().position(|output| output.track == unit.track) else { return };
        let is_video = matches!(self.outputs[at].form, Form::Video(_));
        let is_beginning = at == self.leader && unit.key;
        if !self.is_begun && !is_beginning {
            return;
        }
        self.is_begun = true;
        let decoding = ticks(unit.decoding) + ORIGIN;
        // Nothing is presented before it is decoded.
        let presentation = (ticks(unit.presentation) + ORIGIN).max(decoding);
        let Some(data) = self.outputs[at].form.data(unit) else { return };
        let jumps = self.advance(decoding - AHEAD, at == self.leader, out);
        if is_video && unit.key {
            self.told = None;
        }
        self.tell(out);
        let mut adaptation = Adaptation { is_random_access: is_video && unit.key, ..Adaptation::default() };
        if at == self.leader {
            adaptation.clock = self.clock.map(|clock| clock * 300);
            adaptation.is_discontinuity = jumps;
        } else if jumps {
            self.write_clock(true, out);
        }
        let output = &mut self.outputs[at];
        let mut packet = Vec::with_capacity(data.len() + 19);
        pes::write_header(output.stream_id, presentation, decoding, data.len(), &mut packet);
        packet.extend_from_slice(&data);
        output.writer.write(&packet, adaptation, out);
    }

    /// Lets the clock go on to this time, with tables and clock in between as often as they are due, up to where it is
    /// written next: exactly here, or in a period. Returns whether it jumps.
    fn advance(&mut self, to: u64, is_written_here: bool, out: &mut Vec<u8>) -> bool {
        let Some(mut clock) = self.clock else {
            self.clock = Some(to);
            return false;
        };
        if to.saturating_sub(clock) > LONGEST_GAP || clock.saturating_sub(to) > LONGEST_GAP {
            (self.clock, self.told) = (Some(to), None);
            return true;
        }
        while clock + CLOCK_PERIOD < to {
            clock += CLOCK_PERIOD;
            self.clock = Some(clock);
            self.tell(out);
            self.write_clock(false, out);
        }
        if is_written_here {
            self.clock = Some(clock.max(to));
        }
        false
    }

    /// Writes a packet with nothing but the clock.
    fn write_clock(&self, jumps: bool, out: &mut Vec<u8>) {
        let clock = self.clock.map(|clock| clock * 300);
        let adaptation = Adaptation { clock, is_discontinuity: jumps, ..Adaptation::default() };
        self.outputs[self.leader].writer.write_adaptation(adaptation, out);
    }

    /// Writes the tables if they are due.
    fn tell(&mut self, out: &mut Vec<u8>) {
        let now = self.clock.unwrap_or_default();
        if self.told.is_some_and(|told| now < told + TABLE_PERIOD) {
            return;
        }
        self.told = Some(now);
        let entries: Vec<Entry> = self.outputs.iter().map(|output| output.entry.clone()).collect();
        let clock_pid = self.outputs[self.leader].writer.pid();
        self.tables.write_section(&psi::write_programs(PROGRAM, MAP_PID), out);
        self.map.write_section(&psi::write_map(PROGRAM, self.version, clock_pid, &entries), out);
    }
}

/// The stream that has the clock: the first of video, else of sound, else any.
fn leader(outputs: &[Output]) -> Option<usize> {
    let of = |id: u8| outputs.iter().position(|output| output.stream_id == id);
    of(VIDEO_ID).or(of(AUDIO_ID)).or((!outputs.is_empty()).then_some(0))
}

impl Output {
    fn of(track: &Track) -> Option<Self> {
        use stream_type::{ADTS, H264, H265, MPEG1_AUDIO, PRIVATE};
        let (stream_type, stream_id, form, mut descriptors) = match &track.media {
            Media::EncodedVideo(video) => {
                let kind = match video.codec {
                    VideoCodec::H264 => H264,
                    VideoCodec::H265 => H265,
                    _ => return None,
                };
                (kind, VIDEO_ID, Form::Video(ByteStream::new(video.codec, &video.config)), Vec::new())
            }
            Media::EncodedAudio(audio) => match audio.codec {
                // Without a configuration the frames have headers already.
                AudioCodec::Aac if audio.config.is_empty() => (ADTS, AUDIO_ID, Form::AsIs, Vec::new()),
                AudioCodec::Aac => (ADTS, AUDIO_ID, Form::Aac(Configuration::of(&audio.config)?), Vec::new()),
                AudioCodec::Opus => {
                    let mut descriptors = registration(OPUS);
                    descriptors.extend([descriptor::EXTENSION, 2, descriptor::OPUS_CHANNELS, audio.channels]);
                    (PRIVATE, PRIVATE_ID, Form::Opus, descriptors)
                }
            },
            Media::Data(data) if data.caps.starts_with("meta/x-klv") => {
                (PRIVATE, PRIVATE_ID, Form::AsIs, registration(KLVA))
            }
            Media::Data(data) if data.caps.starts_with("audio/mpeg, mpegversion=(int)1,") => {
                (MPEG1_AUDIO, AUDIO_ID, Form::AsIs, Vec::new())
            }
            _ => return None,
        };
        if let Ok(code @ [b'a'..=b'z', b'a'..=b'z', b'a'..=b'z']) = <[u8; 3]>::try_from(track.name.as_bytes())
        {
            descriptors.extend([descriptor::LANGUAGE, 4]);
            descriptors.extend(code);
            descriptors.push(0);
        }
        let pid = FIRST_PID + u16::from(track.id);
        let entry = Entry { stream_type, pid, descriptors };
        Some(Self { track: track.id, entry, writer: Writer::new(pid), stream_id, form })
    }
}

fn registration(format: &[u8]) -> Vec<u8> {
    let mut out = vec![descriptor::REGISTRATION, format.len() as u8];
    out.extend_from_slice(format);
    out
}

impl Form {
    /// The data of the PES packet; `None` where there can be none.
    fn data(&self, unit: &Unit) -> Option<Vec<u8>> {
        Some(match self {
            Self::Video(video) => video.write(&unit.data, unit.key),
            Self::Aac(configuration) => {
                let mut out = with_header(*configuration, unit.data.len())?.to_vec();
                out.extend_from_slice(&unit.data);
                out
            }
            Self::Opus => {
                let mut out = control_header(unit.data.len());
                out.extend_from_slice(&unit.data);
                out
            }
            Self::AsIs => unit.data.to_vec(),
        })
    }
}
