//! The properties of `streamapisink`.

use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use crate::keeper::Patience;
use crate::protocols::AUTO;

/// What the element can be told. Rates are in kbit/s, times in milliseconds.
#[derive(Debug, Clone)]
pub struct Settings {
    pub api_url: String,
    pub stream_key: String,
    pub protocol: String,
    pub srt_passphrase: String,
    pub bitrate: u32,
    /// In frames; 0 for those of a second.
    pub keyframe_interval: u32,
    pub audio_bitrate: u32,
    pub max_bitrate: u32,
    pub max_retries: i32,
    pub retry_delay: u32,
    pub max_retry_delay: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            api_url: "http://127.0.0.1:8080".into(),
            stream_key: String::new(),
            protocol: AUTO.into(),
            srt_passphrase: String::new(),
            bitrate: 2000,
            keyframe_interval: 0,
            audio_bitrate: 192,
            max_bitrate: 0,
            max_retries: -1,
            retry_delay: 500,
            max_retry_delay: 10_000,
        }
    }
}

impl Settings {
    pub fn patience(&self) -> Patience {
        Patience {
            max_retries: u32::try_from(self.max_retries).ok(),
            first: Duration::from_millis(self.retry_delay.into()),
            longest: Duration::from_millis(self.max_retry_delay.into()),
        }
    }

    pub fn set(&mut self, name: &str, value: &glib::Value) {
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        let number = || value.get::<u32>().unwrap_or_default();
        match name {
            "api-url" => self.api_url = text(),
            "stream-key" => self.stream_key = text(),
            "protocol" => self.protocol = text(),
            "srt-passphrase" => self.srt_passphrase = text(),
            "bitrate" => self.bitrate = number(),
            "keyframe-interval" => self.keyframe_interval = number(),
            "audio-bitrate" => self.audio_bitrate = number(),
            "max-bitrate" => self.max_bitrate = number(),
            "max-retries" => self.max_retries = value.get().unwrap_or(-1),
            "retry-delay" => self.retry_delay = number(),
            "max-retry-delay" => self.max_retry_delay = number(),
            _ => unreachable!("one of the properties below that can be set"),
        }
    }

    /// `None` for a property that is none of these.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "api-url" => self.api_url.to_value(),
            "protocol" => self.protocol.to_value(),
            "bitrate" => self.bitrate.to_value(),
            "keyframe-interval" => self.keyframe_interval.to_value(),
            "audio-bitrate" => self.audio_bitrate.to_value(),
            "max-bitrate" => self.max_bitrate.to_value(),
            "max-retries" => self.max_retries.to_value(),
            "retry-delay" => self.retry_delay.to_value(),
            "max-retry-delay" => self.max_retry_delay.to_value(),
            _ => return None,
        })
    }
}

pub fn all() -> Vec<glib::ParamSpec> {
    let default = Settings::default();
    vec![
        text("api-url", "API address", "Where the daemon's HTTP is: http://host:port or https://host", &default.api_url),
        secret("stream-key", "Stream key", "The secret by which the stream is published (sk_...)"),
        text(
            "protocol",
            "Protocol",
            "How the stream is sent: fql, srt, rtmp, whip, or auto: the first of these that the daemon offers, that \
             carries what comes, and that gets through",
            AUTO,
        ),
        secret("srt-passphrase", "SRT passphrase", "By which SRT encrypts, where the stream has one"),
        number("bitrate", "Bitrate", "Media rate of each raw video track in kbit/s; 0 for the whole ladder", default.bitrate),
        number(
            "keyframe-interval",
            "Key frame interval",
            "Most frames of raw video from one key frame, at which viewers join, to the next; 0 for those of a second",
            default.keyframe_interval,
        ),
        number(
            "audio-bitrate",
            "Audio bitrate",
            "Media rate of each raw sound track in kbit/s; 0 for the whole ladder",
            default.audio_bitrate,
        ),
        number(
            "max-bitrate",
            "Maximum bitrate",
            "Most kbit/s on the wire, headers and error correction included (at least 16); 0 for what the daemon says",
            default.max_bitrate,
        ),
        glib::ParamSpecInt::builder("max-retries")
            .nick("Maximum retries")
            .blurb("How many attempts in a row may fail, after the first, before that is an error; -1 for no end")
            .minimum(-1)
            .default_value(default.max_retries)
            .mutable_ready()
            .build(),
        delay("retry-delay", "Retry delay", "Pause after the first attempt that fails, in ms; it doubles", default.retry_delay),
        delay("max-retry-delay", "Maximum retry delay", "The longest pause between attempts, in ms", default.max_retry_delay),
        glib::ParamSpecBoxed::builder::<gst::Structure>("stats")
            .nick("Statistics")
            .blurb("The state, the stream, attempts that failed, and the statistics of the element that sends")
            .read_only()
            .build(),
    ]
}

fn text(name: &str, nick: &str, blurb: &str, default: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(Some(default))
        .mutable_ready()
        .build()
}

fn secret(name: &str, nick: &str, blurb: &str) -> glib::ParamSpec {
    glib::ParamSpecString::builder(name).nick(nick).blurb(blurb).write_only().mutable_ready().build()
}

fn number(name: &str, nick: &str, blurb: &str, default: u32) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(blurb)
        .default_value(default)
        .mutable_playing()
        .build()
}

fn delay(name: &str, nick: &str, blurb: &str, default: u32) -> glib::ParamSpec {
    glib::ParamSpecUInt::builder(name)
        .nick(nick)
        .blurb(blurb)
        .minimum(10)
        .maximum(3_600_000)
        .default_value(default)
        .mutable_ready()
        .build()
}
