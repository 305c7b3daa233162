//! `stream info`: what a file holds.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use fql_file::{Ending, FileReader, Head, Index, IndexBuilder, Record, StoredUnit, Summary, Tags};
use fql_unit::{AudioCodec, Media, Track, VideoCodec};
use serde_json::{Value, json};

use crate::args::Info;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::text::{bytes, clock, pairs, rate, table};

/// How many units are looked at for what the index does not tell.
const LOOKED_AT: u32 = 500;

/// What is told of a file.
struct Known {
    size: u64,
    head: Option<Head>,
    tags: Tags,
    index: Index,
    has_index: bool,
    damaged: u64,
    /// Of each track, how many of the lowest layers others are predicted from.
    reference_layers: BTreeMap<u8, u8>,
}

/// `stream info`.
pub fn info(arguments: &Info, output: Output) -> Result<()> {
    let known = read(&arguments.file)?;
    if output.is_json() {
        return output.json_document(&known.to_json());
    }
    output.text(&known.describe(&arguments.file))
}

/// Reads what the file says of itself; all of it where it has no index.
fn read(path: &Path) -> Result<Known> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::failed(format!("cannot read {}: {error}", path.display()));
    let file = File::open(path).map_err(|error| failed(&error))?;
    let size = file.metadata().map_err(|error| failed(&error))?.len();
    let mut reader = FileReader::new(file);
    let loaded = reader.index().map_err(|error| failed(&error))?;
    let mut known = Known {
        size,
        head: None,
        tags: Tags::default(),
        index: loaded.index,
        has_index: !loaded.is_rebuilt,
        damaged: 0,
        reference_layers: BTreeMap::new(),
    };
    known.follow(&mut reader).map_err(|error| failed(&error))?;
    Ok(known)
}

impl Known {
    /// Reads the first units, or to the end where they are to be counted.
    fn follow(&mut self, reader: &mut FileReader<File>) -> std::result::Result<(), fql_file::ReadError> {
        let mut counted = IndexBuilder::new(1_000_000_000);
        let mut looked_at = 0;
        while let Some(parsed) = reader.next_record()? {
            match parsed.record {
                Record::Head(head) => self.head = Some(head),
                Record::Tags(tags) => self.tags = tags,
                Record::Tracks(table) => counted.tracks(&table),
                Record::Unit(_) if self.has_index && looked_at == LOOKED_AT => return Ok(()),
                Record::Unit(unit) => {
                    looked_at += 1;
                    self.look_at(&unit);
                    counted.unit(&unit, parsed.offset, 0);
                }
                Record::Damage(bytes) => self.damaged += bytes,
                Record::Index(_) | Record::End(_) => (),
            }
        }
        if !self.has_index {
            self.index = counted.index();
            if let Ending::Cut(rest) = reader.ending() {
                self.damaged += rest;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, stored: &StoredUnit) {
        let Ok(unit) = stored.unit() else { return };
        let most = self.reference_layers.entry(stored.track).or_default();
        *most = unit.reference_layers().max(*most);
    }

    /// Up to which layer units of a track are predicted from one another; `None` where all are key units.
    fn reference_layer(&self, track: u8) -> Option<u8> {
        self.reference_layers.get(&track).copied().unwrap_or_default().checked_sub(1)
    }

    fn duration(&self) -> u64 {
        u64::try_from(self.index.end().saturating_sub(self.index.begin())).unwrap_or(0)
    }

    fn created(&self) -> Option<String> {
        let created = self.head?.created;
        let created = jiff::Timestamp::from_microsecond(created).ok().filter(|_| created != 0)?;
        Some(created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    fn describe(&self, path: &Path) -> String {
        let index = match (self.has_index, self.damaged) {
            (true, _) => format!("{} refresh points", self.index.entries.len()),
            (false, 0) => "missing: the file was not finished".into(),
            (false, damaged) => {
                format!("missing: the file was not finished; {} cannot be read", bytes(damaged))
            }
        };
        let mut lines =
            vec![("Size", bytes(self.size)), ("Duration", clock(self.duration() / 1_000_000_000))];
        lines.extend(self.created().map(|created| ("Created", created)));
        lines.push(("Index", index));
        let tags = self.tags.iter().map(|(key, value)| vec![key.to_owned(), value.to_owned()]);
        let mut text = format!("{}\n{}", path.display(), pairs(2, &lines));
        let tags: Vec<_> = tags.collect();
        if !tags.is_empty() {
            text += &format!("\n{}", table(&["TAG", "VALUE"], &tags));
        }
        let rows: Vec<_> = self.index.table.tracks().iter().map(|track| self.row(track)).collect();
        text += &format!(
            "\n{}",
            table(
                &["TRACK", "WHAT", "UNITS", "REFRESH", "PREDICTED", "DURATION", "RATE", "RATE BY LAYER"],
                &rows
            )
        );
        text
    }

    fn row(&self, track: &Track) -> Vec<String> {
        let mut row = vec![track.id.to_string(), what(&track.media)];
        let Some(summary) = self.index.summary(track.id) else { return row };
        let layers = rates(summary).into_iter().map(rate).collect::<Vec<_>>();
        row.extend([
            summary.units.to_string(),
            refresh(summary),
            self.reference_layer(track.id).map_or("no".into(), |layer| format!("from layers 0 to {layer}")),
            clock(summary.duration() / 1_000_000_000),
            rate(rates(summary).into_iter().fold(0, u64::saturating_add)),
            layers.join(" + "),
        ]);
        row
    }

    fn to_json(&self) -> Value {
        let track = |track: &Track| {
            let mut document = json!({
                "id": track.id, "name": track.name, "layers": track.layers, "what": what(&track.media),
            });
            if let Some(summary) = self.index.summary(track.id) {
                document["units"] = summary.units.into();
                document["refreshPoints"] = summary.keys.into();
                document["refreshIntervalMs"] =
                    refresh_interval(summary).map(|nanos| nanos / 1_000_000).into();
                document["referenceLayer"] = self.reference_layer(track.id).into();
                document["durationMs"] = (summary.duration() / 1_000_000).into();
                document["layerBytes"] = summary.layer_bytes.clone().into();
                document["layerRates"] = rates(summary).into();
            }
            document
        };
        let tags: serde_json::Map<_, _> =
            self.tags.iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
        json!({
            "bytes": self.size, "durationMs": self.duration() / 1_000_000, "createdAt": self.created(),
            "hasIndex": self.has_index, "bytesDamaged": self.damaged, "tags": tags,
            "tracks": self.index.table.tracks().iter().map(track).collect::<Value>(),
        })
    }
}

/// From one refresh point to the next, in nanoseconds, on average.
fn refresh_interval(summary: &Summary) -> Option<u64> {
    summary.duration().checked_div(summary.keys)
}

/// How many refresh points there are, and how far they are apart; where every unit is one, nobody asks.
fn refresh(summary: &Summary) -> String {
    match refresh_interval(summary) {
        Some(interval) if summary.keys < summary.units => {
            format!("{}, every {:.1} s", summary.keys, interval as f64 / 1e9)
        }
        _ => summary.keys.to_string(),
    }
}

/// The rate of each layer, in bit/s, over the time that the track lasts.
fn rates(summary: &Summary) -> Vec<u64> {
    let seconds = summary.duration() as f64 / 1e9;
    let rate = |bytes: &u64| if seconds > 0.0 { (*bytes as f64 * 8.0 / seconds) as u64 } else { 0 };
    summary.layer_bytes.iter().map(rate).collect()
}

/// What a track carries, in words.
fn what(media: &Media) -> String {
    match media {
        Media::Video(video) => {
            format!("video in layers, {}x{}, {} bits", video.width, video.height, video.bits)
        }
        Media::Audio(audio) => format!("sound in layers, {} Hz, {} channels", audio.rate, audio.channels),
        Media::Data(data) => format!("data, {}", data.caps),
        Media::EncodedVideo(video) => {
            let codec = match video.codec {
                VideoCodec::H264 => "H.264",
                VideoCodec::H265 => "H.265",
                VideoCodec::Av1 => "AV1",
                VideoCodec::Vp8 => "VP8",
                VideoCodec::Vp9 => "VP9",
            };
            format!("{codec}, {}x{}", video.width, video.height)
        }
        Media::EncodedAudio(audio) => {
            let codec = match audio.codec {
                AudioCodec::Aac => "AAC",
                AudioCodec::Opus => "Opus",
            };
            format!("{codec}, {} Hz, {} channels", audio.rate, audio.channels)
        }
    }
}

#[cfg(test)]
mod tests {
    use fql_unit::{DataInfo, TrackTable};

    use super::*;

    #[test]
    fn an_index_may_claim_any_number_of_bytes() {
        let media = Media::Data(DataInfo { caps: "text/x-raw".into() });
        let table = TrackTable::new(vec![Track { id: 1, name: String::new(), layers: 1, media }]).unwrap();
        let layer_bytes = vec![u64::MAX; 15];
        let summary = Summary { track: 1, units: 1, keys: 1, begin: 0, end: 1, layer_bytes };
        let index = Index { table, summaries: vec![summary], entries: Vec::new() };
        let tags = Tags::default();
        let known = Known {
            size: 0,
            head: None,
            tags,
            index,
            has_index: true,
            damaged: 0,
            reference_layers: BTreeMap::new(),
        };
        assert!(known.describe(Path::new("a.fql")).contains("bit/s"));
    }
}
