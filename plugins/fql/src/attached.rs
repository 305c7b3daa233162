//! What travels with a frame: from the metas and flags of a GStreamer buffer to a unit's attachments, and back.

use fql_unit::{Attachment, Attachments, CaptionKind, DailyJam, Fields, Timecode};
use gst::glib;
use gst_video::prelude::*;
use gst_video::{
    ValidVideoTimeCode, VideoBufferFlags, VideoCaptionMeta, VideoCaptionType, VideoTimeCode,
    VideoTimeCodeFlags, VideoTimeCodeMeta,
};

const CAPTIONS: [(CaptionKind, VideoCaptionType); 4] = [
    (CaptionKind::Cea608Raw, VideoCaptionType::Cea608Raw),
    (CaptionKind::Cea608S334, VideoCaptionType::Cea608S3341a),
    (CaptionKind::Cea708Raw, VideoCaptionType::Cea708Raw),
    (CaptionKind::Cea708Cdp, VideoCaptionType::Cea708Cdp),
];

/// What travels with this buffer, and why something of it does not.
pub fn of_buffer(buffer: &gst::BufferRef) -> (Attachments, Vec<fql_unit::Error>) {
    let captions = buffer.iter_meta::<VideoCaptionMeta>().filter_map(|meta| caption(&meta));
    let timecodes = buffer.iter_meta::<VideoTimeCodeMeta>().map(|meta| timecode(&meta.tc()));
    let mut all = Attachments::new();
    let refused = captions
        .chain(timecodes.flatten().map(Attachment::Timecode))
        .chain(fields(buffer.video_flags()).map(Attachment::Fields))
        .filter_map(|attachment| all.push(attachment).err())
        .collect();
    (all, refused)
}

/// Puts what travelled with a frame on its buffer. What `brought`, the buffer that the frame was decoded from, has
/// as metas itself is left to whoever copies these.
pub fn put_on(attachments: &Attachments, brought: Option<&gst::BufferRef>, buffer: &mut gst::BufferRef) {
    let has_captions = brought.is_some_and(|brought| brought.meta::<VideoCaptionMeta>().is_some());
    let has_timecodes = brought.is_some_and(|brought| brought.meta::<VideoTimeCodeMeta>().is_some());
    for attachment in attachments.iter() {
        match attachment {
            Attachment::Caption(kind, data) if !has_captions && !data.is_empty() => {
                VideoCaptionMeta::add(buffer, caption_type(*kind), data);
            }
            Attachment::Timecode(timecode) if !has_timecodes => {
                if let Some(valid) = to_timecode(timecode) {
                    VideoTimeCodeMeta::add(buffer, &valid);
                }
            }
            Attachment::Fields(fields) => set_fields(*fields, buffer),
            _ => (),
        }
    }
}

fn caption(meta: &VideoCaptionMeta) -> Option<Attachment> {
    let (kind, _) = CAPTIONS.iter().find(|(_, type_)| *type_ == meta.caption_type())?;
    Some(Attachment::Caption(*kind, meta.data().to_vec()))
}

fn caption_type(kind: CaptionKind) -> VideoCaptionType {
    CAPTIONS.iter().find(|(known, _)| *known == kind).map_or(VideoCaptionType::Unknown, |(_, type_)| *type_)
}

/// `None` for one that cannot be, such as 25 hours.
fn timecode(timecode: &ValidVideoTimeCode) -> Option<Timecode> {
    let flags = timecode.flags();
    let jam = timecode.latest_daily_jam().map(|jam| DailyJam {
        unix_micros: jam.to_unix() * 1_000_000 + i64::from(jam.microsecond()),
        utc_offset: jam.utc_offset().as_seconds() as i32,
    });
    let fps = timecode.fps();
    Some(Timecode {
        hours: timecode.hours().try_into().ok()?,
        minutes: timecode.minutes().try_into().ok()?,
        seconds: timecode.seconds().try_into().ok()?,
        frames: timecode.frames(),
        field_count: timecode.field_count().try_into().ok()?,
        frame_rate: (fps.numer().try_into().ok()?, fps.denom().try_into().ok()?),
        drop_frame: flags.contains(VideoTimeCodeFlags::DROP_FRAME),
        interlaced: flags.contains(VideoTimeCodeFlags::INTERLACED),
        daily_jam: jam,
    })
}

/// `None` for one that cannot be.
fn to_timecode(timecode: &Timecode) -> Option<ValidVideoTimeCode> {
    let (numerator, denominator) = timecode.frame_rate;
    let (numerator, denominator) = (i32::try_from(numerator).ok()?, i32::try_from(denominator).ok()?);
    if numerator <= 0 || denominator <= 0 {
        return None;
    }
    let mut flags = VideoTimeCodeFlags::empty();
    flags.set(VideoTimeCodeFlags::DROP_FRAME, timecode.drop_frame);
    flags.set(VideoTimeCodeFlags::INTERLACED, timecode.interlaced);
    VideoTimeCode::new(
        gst::Fraction::new(numerator, denominator),
        timecode.daily_jam.and_then(date_of).as_ref(),
        flags,
        timecode.hours.into(),
        timecode.minutes.into(),
        timecode.seconds.into(),
        timecode.frames,
        timecode.field_count.into(),
    )
    .try_into()
    .ok()
}

fn date_of(jam: DailyJam) -> Option<glib::DateTime> {
    let (seconds, micros) = (jam.unix_micros.div_euclid(1_000_000), jam.unix_micros.rem_euclid(1_000_000));
    let zone = zone_of(jam.utc_offset)?;
    let date = glib::DateTime::from_unix_utc(seconds).and_then(|utc| utc.to_timezone(&zone)).ok()?;
    date.add(glib::TimeSpan::from_microseconds(micros)).ok()
}

/// The time zone that is ahead of UTC by this many seconds.
fn zone_of(offset: i32) -> Option<glib::TimeZone> {
    let (sign, seconds) = (if offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
    let text = format!("{sign}{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    (seconds < 24 * 3600).then(|| glib::TimeZone::new(Some(&text)))
}

const FLAGS: [VideoBufferFlags; 4] =
    [VideoBufferFlags::INTERLACED, VideoBufferFlags::TFF, VideoBufferFlags::RFF, VideoBufferFlags::ONEFIELD];

/// What a buffer's flags say of its fields, where they say something.
fn fields(flags: VideoBufferFlags) -> Option<Fields> {
    let [interlaced, top_first, repeat_first, one_field] = FLAGS.map(|flag| flags.contains(flag));
    let fields = Fields { interlaced, top_first, repeat_first, one_field };
    (fields != Fields::default()).then_some(fields)
}

fn set_fields(fields: Fields, buffer: &mut gst::BufferRef) {
    let Fields { interlaced, top_first, repeat_first, one_field } = fields;
    let set = FLAGS.into_iter().zip([interlaced, top_first, repeat_first, one_field]);
    let flags =
        set.filter(|(_, is_set)| *is_set).fold(VideoBufferFlags::empty(), |all, (flag, _)| all | flag);
    buffer.set_video_flags(flags);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(before: &gst::BufferRef) -> gst::Buffer {
        let (attachments, refused) = of_buffer(before);
        assert!(refused.is_empty());
        let mut after = gst::Buffer::new();
        put_on(&attachments, None, after.get_mut().unwrap());
        after
    }

    #[test]
    fn captions_of_all_kinds_come_back() {
        gst::init().unwrap();
        let mut before = gst::Buffer::new();
        for (n, (_, type_)) in CAPTIONS.into_iter().enumerate() {
            VideoCaptionMeta::add(before.get_mut().unwrap(), type_, &[n as u8, 0x80, 0xfc]);
        }
        let all = |buffer: &gst::BufferRef| -> Vec<_> {
            buffer.iter_meta::<VideoCaptionMeta>().map(|m| (m.caption_type(), m.data().to_vec())).collect()
        };
        let after = round_trip(&before);
        assert_eq!(all(&after), all(&before));
        assert_eq!(all(&after).len(), 4);
    }

    #[test]
    fn timecodes_come_back_with_flags_rate_and_jam() {
        gst::init().unwrap();
        let zone = zone_of(-5 * 3600).unwrap();
        let jam = glib::DateTime::new(&zone, 2024, 2, 29, 23, 59, 58.25).unwrap();
        let dropping = VideoTimeCodeFlags::DROP_FRAME | VideoTimeCodeFlags::INTERLACED;
        let mut before = gst::Buffer::new();
        for (fps, flags, jam, frames, field) in [
            (gst::Fraction::new(30_000, 1001), dropping, Some(jam), 29, 2),
            (gst::Fraction::new(25, 1), VideoTimeCodeFlags::empty(), None, 24, 0),
        ] {
            let timecode = VideoTimeCode::new(fps, jam.as_ref(), flags, 23, 58, 59, frames, field);
            VideoTimeCodeMeta::add(before.get_mut().unwrap(), &timecode.try_into().unwrap());
        }
        let all = |buffer: &gst::BufferRef| -> Vec<_> {
            let text = |tc: ValidVideoTimeCode| {
                let jam = tc.latest_daily_jam().map(|jam| jam.format("%F %T.%f %z").unwrap());
                (tc.to_string(), tc.fps(), tc.flags(), tc.field_count(), jam)
            };
            buffer.iter_meta::<VideoTimeCodeMeta>().map(|meta| text(meta.tc())).collect()
        };
        let after = round_trip(&before);
        assert_eq!(all(&after), all(&before));
        assert_eq!(all(&after).len(), 2);
        assert!(all(&after)[0].4.as_ref().unwrap().ends_with("-0500"));
    }

    #[test]
    fn flags_of_fields_come_back_and_no_flag_is_no_attachment() {
        gst::init().unwrap();
        for bits in 0..16 {
            let flags = FLAGS.iter().enumerate().filter(|(n, _)| bits >> n & 1 != 0);
            let flags = flags.fold(VideoBufferFlags::empty(), |all, (_, flag)| all | *flag);
            let mut before = gst::Buffer::new();
            before.get_mut().unwrap().set_video_flags(flags);
            assert_eq!(of_buffer(&before).0.is_empty(), bits == 0);
            assert_eq!(round_trip(&before).video_flags(), flags);
        }
    }

    #[test]
    fn timecodes_that_cannot_be_are_left_out() {
        gst::init().unwrap();
        let good = Timecode {
            hours: 1,
            minutes: 2,
            seconds: 3,
            frames: 4,
            field_count: 0,
            frame_rate: (25, 1),
            drop_frame: false,
            interlaced: false,
            daily_jam: Some(DailyJam { unix_micros: i64::MIN, utc_offset: i32::MAX }),
        };
        assert!(to_timecode(&good).is_some(), "a date that cannot be is left out alone");
        for bad in [
            Timecode { hours: 25, ..good },
            Timecode { frames: 25, ..good },
            Timecode { frame_rate: (0, 1), ..good },
            Timecode { frame_rate: (25, 0), ..good },
            Timecode { frame_rate: (u32::MAX, 1), ..good },
            Timecode { drop_frame: true, ..good },
        ] {
            assert!(to_timecode(&bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn metas_that_a_coded_buffer_brings_are_not_put_on_twice() {
        gst::init().unwrap();
        let mut brought = gst::Buffer::new();
        VideoCaptionMeta::add(brought.get_mut().unwrap(), VideoCaptionType::Cea708Raw, &[1, 2, 3]);
        let (attachments, _) = of_buffer(&brought);
        let mut after = gst::Buffer::new();
        put_on(&attachments, Some(&brought), after.get_mut().unwrap());
        assert!(after.meta::<VideoCaptionMeta>().is_none());
    }
}
