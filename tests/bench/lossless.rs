//! Pictures without loss: size and speed beside FFV1, x264 and JPEG 2000.

use anyhow::{Result, ensure};

use crate::clips::{Clip, Clips};
use crate::effort::Effort;
use crate::ffmpeg::{Peer, packet_bytes};
use crate::ours::{self, Coding};
use crate::race::{Clock, Contender, Speed, race};
use crate::report::{Report, count};
use crate::targets;

/// Measures all clips.
pub fn measure(clips: &Clips, effort: &Effort) -> Result<Report> {
    let mut report = Report::default();
    report.say(
        "Bytes a frame, and frames a second of user time on one thread; *times* are those of FFV1 of level 3 in four \
         slices, its fewest. Its contexts live through twelve pictures; all others begin anew with each. FQL codes all \
         ten layers, and gives the source back bit for bit. x264 is `-preset medium -g 1 -qp 0`, JPEG 2000 OpenJPEG \
         with the 5/3 wavelet.",
    );
    for clip in &clips.all {
        eprintln!("{}: lossless", clip.name);
        one(clip, clips, effort, &mut report)?;
    }
    Ok(report)
}

fn one(clip: &Clip, clips: &Clips, effort: &Effort, report: &mut Report) -> Result<()> {
    let peers = [
        Peer::ffv1("FFV1", "-slices 4"),
        Peer::ffv1("FFV1, 16 slices", "-slices 16"),
        Peer::ffv1("FFV1, range coder, large context", "-slices 4 -coder 1 -context 1"),
        Peer::x264_lossless(),
        Peer::jpeg_2000_lossless(),
    ];
    let mut contenders = vec![Contender::ours(clip, &Coding::WHOLE, &clips.folder)?];
    contenders.extend(peers.iter().map(|peer| Contender::peer(peer, clip, &clips.folder, 1)));
    let speeds = race(&mut contenders, effort.rounds, clip.frames.len() as f64, Clock::UserTime)?;

    let exact = ours::point(&clip.frames, &Coding::WHOLE)?;
    ensure!(exact.all >= 99.0, "the whole ladder does not give {} back", clip.name);
    let mut bytes = vec![exact.bytes];
    for contender in &contenders[1..] {
        bytes.push(packet_bytes(&contender.coded)? as f64 / clip.frames.len() as f64);
    }
    let (width, height) = clip.size();
    report.say(&format!("**{}**, {width}x{height}, {} frames:", clip.name, clip.frames.len()));
    let rows = contenders.iter().zip(bytes.iter().zip(&speeds)).map(|(contender, (size, speed))| {
        [
            contender.name.clone(),
            count(*size),
            format!("{:.2}", size / bytes[1]),
            format!("{:.1}", speed.encode),
            format!("{:.2}", speed.encode / speeds[1].encode),
            format!("{:.1}", speed.decode),
            format!("{:.2}", speed.decode / speeds[1].decode),
        ]
    });
    report.table(["codec", "bytes a frame", "times", "encoding", "times", "decoding", "times"], rows);
    if clip.is_main() {
        let Speed { encode, decode } = speeds[0];
        report.targets.push(targets::LOSSLESS.measured(bytes[0] / 1000.0));
        report.targets.push(targets::LOSSLESS_ENCODE.measured(encode));
        report.targets.push(targets::LOSSLESS_DECODE.measured(decode));
    }
    Ok(())
}
