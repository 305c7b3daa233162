//! The way of a track to the sink that sends it.

use std::sync::Arc;

use gst::glib;
use gst::prelude::*;

use crate::failure::{Failure, Result};
use crate::media::plugins::element;

/// Gives a pad for another track, or none where there are no more.
pub type Outlet = Arc<dyn Fn() -> Option<gst::Pad> + Send + Sync>;

/// Leads tracks to a sink, with what brings raw samples into the formats that are coded.
#[derive(Clone)]
pub struct Feed {
    pipeline: glib::WeakRef<gst::Pipeline>,
    outlet: Outlet,
}

impl Feed {
    /// Tracks of this pipeline go to the pads that the outlet gives.
    pub fn new(pipeline: &gst::Pipeline, outlet: Outlet) -> Self {
        Self { pipeline: pipeline.downgrade(), outlet }
    }

    /// To the request pads of `sink`.
    pub fn to(pipeline: &gst::Pipeline, sink: &gst::Element) -> Self {
        let sink = sink.downgrade();
        Self::new(pipeline, Arc::new(move || sink.upgrade()?.request_pad_simple("sink_%u")))
    }

    /// Leads what comes out of a pad of the pipeline to the sink. `media` is the media type, such as `video/x-raw`.
    pub fn attach(&self, pad: &gst::Pad, media: &str) -> Result<()> {
        let pipeline = self.pipeline.upgrade().ok_or_else(|| Failure::failed("the pipeline is gone"))?;
        let chain: &[&str] = match media {
            "video/x-raw" => &["queue", "videoconvert"],
            "audio/x-raw" => &["queue", "audioconvert", "audioresample"],
            _ => &["queue"],
        };
        let mut last = pad.clone();
        for factory in chain {
            let next = element(factory)?;
            pipeline.add(&next).map_err(|error| Failure::failed(error.to_string()))?;
            next.sync_state_with_parent().map_err(|error| Failure::failed(error.to_string()))?;
            let sink = next
                .static_pad("sink")
                .ok_or_else(|| Failure::failed(format!("{factory} has no sink pad")))?;
            link(&last, &sink)?;
            last = next
                .static_pad("src")
                .ok_or_else(|| Failure::failed(format!("{factory} has no source pad")))?;
        }
        let outlet = (self.outlet)().ok_or_else(|| Failure::failed("a stream has at most 64 tracks"))?;
        link(&last, &outlet)
    }

    /// Leads every pad that an element gets to the sink; what cannot be led ends the pipeline with an error.
    pub fn attach_all(&self, source: &gst::Element) {
        let feed = self.clone();
        source.connect_pad_added(move |source, pad| {
            if pad.direction() != gst::PadDirection::Src {
                return;
            }
            let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
            let media = caps.structure(0).map_or(String::new(), |structure| structure.name().to_string());
            if let Err(failure) = feed.attach(pad, &media) {
                gst::element_error!(source, gst::CoreError::Pad, ("{failure}"));
            }
        });
    }

    /// The pipeline, as long as it is there.
    pub fn pipeline(&self) -> Result<gst::Pipeline> {
        self.pipeline.upgrade().ok_or_else(|| Failure::failed("the pipeline is gone"))
    }
}

fn link(from: &gst::Pad, to: &gst::Pad) -> Result<()> {
    from.link(to).map(drop).map_err(|error| {
        let (from, to) = (from.name(), to.name());
        Failure::failed(format!("{from} cannot be linked to {to}: {error}"))
    })
}
