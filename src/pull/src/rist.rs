//! MPEG-TS in RIST, simple profile, that is sent to this machine: GStreamer's receiver.

use bytes::Bytes;
use gst::prelude::*;
use tokio::sync::mpsc;

use crate::address::Address;
use crate::error::{Error, Reason};
use crate::out::{Out, Sink};
use crate::reach::{self, Rules};
use crate::transport_stream::TransportStream;

/// Pieces that wait; what comes while as many do is lost, as in the socket before.
const MOST_WAITING: usize = 4096;

pub(crate) async fn pull<S: Sink>(
    address: &Address,
    rules: &Rules,
    out: &mut Out<'_, S>,
) -> Result<(), Error> {
    let listening = reach::listening(address, rules).await?;
    let (receiver, mut pieces) = Receiver::start(listening)?;
    let mut stream = TransportStream::live();
    while let Some(piece) = pieces.recv().await {
        if stream.is_fresh() {
            out.connected(listening);
        }
        stream.push(&piece?, out).await?;
    }
    drop(receiver);
    stream.finish(out).await
}

/// Runs until it is dropped.
struct Receiver(gst::Pipeline);

impl Receiver {
    fn start(address: std::net::SocketAddr) -> Result<(Self, mpsc::Receiver<Result<Bytes, Error>>), Error> {
        let missing = |error: gst::glib::BoolError| Error::new(Reason::Unreachable, error.to_string());
        gst::init().map_err(|error| Error::new(Reason::Unreachable, error.to_string()))?;
        let source = gst::ElementFactory::make("ristsrc")
            .property("address", address.ip().to_string())
            .property("port", u32::from(address.port()))
            .build()
            .map_err(missing)?;
        let unpack = gst::ElementFactory::make("rtpmp2tdepay").build().map_err(missing)?;
        let (pieces, given) = mpsc::channel(MOST_WAITING);
        let failed = pieces.clone();
        let take = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let bytes = sample.buffer().and_then(|buffer| buffer.map_readable().ok());
            if let Some(bytes) = bytes {
                let _ = pieces.try_send(Ok(Bytes::copy_from_slice(&bytes)));
            }
            Ok(gst::FlowSuccess::Ok)
        };
        let sink = gst_app::AppSink::builder().sync(false).async_(false).build();
        sink.set_callbacks(gst_app::AppSinkCallbacks::builder().new_sample(take).build());
        let pipeline = gst::Pipeline::new();
        let elements = [&source, &unpack, sink.upcast_ref()];
        pipeline.add_many(elements).map_err(missing)?;
        gst::Element::link_many(elements).map_err(missing)?;
        if let Some(bus) = pipeline.bus() {
            bus.set_sync_handler(move |_, message| {
                if let gst::MessageView::Error(error) = message.view() {
                    let _ = failed.try_send(Err(Error::new(Reason::Lost, error.error().message())));
                }
                gst::BusSyncReply::Drop
            });
        }
        let receiver = Self(pipeline);
        if receiver.0.set_state(gst::State::Playing).is_err() {
            let detail = format!("{address} cannot be listened on, or its port is odd");
            return Err(Error::new(Reason::Unreachable, detail));
        }
        Ok((receiver, given))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.0.set_state(gst::State::Null);
    }
}
