//! The index over a source that pushes: it is told to go to the end of the file, and back.

use fql_file::Index;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::imp::{CAT, FqlDemux};
use super::remote::{Fetch, Fetched, has_whole_files_only};

impl FqlDemux {
    /// Begins to get the index from a source that pushes, where it can be told from where on.
    pub(super) fn begin_fetch(&self, pad: &gst::Pad) -> bool {
        let mut query = gst::query::Seeking::new(gst::Format::Bytes);
        if !pad.peer_query(&mut query) || !query.result().0 || has_whole_files_only(pad) {
            return false;
        }
        let Some(size) = pad.peer_query_duration::<gst::format::Bytes>() else { return false };
        let Some(fetch) = Fetch::new(*size) else { return false };
        let offset = fetch.offset();
        self.state.lock().unwrap().fetch = Some(fetch);
        let is_going = self.seek_bytes(pad, offset);
        if !is_going {
            self.state.lock().unwrap().fetch = None;
        }
        is_going
    }

    pub(super) fn fetch(&self, pad: &gst::Pad, buffer: &gst::BufferRef) {
        let fetched = {
            let mut state = self.state.lock().unwrap();
            let bytes = buffer.map_readable();
            state.fetch.as_mut().zip(bytes.ok()).map(|(fetch, bytes)| fetch.take(&bytes))
        };
        match fetched {
            Some(Fetched::More) => (),
            Some(Fetched::From(offset)) => {
                self.seek_bytes(pad, offset);
            }
            Some(Fetched::Done(index)) => self.end_fetch(pad, index),
            None => self.end_fetch(pad, None),
        }
    }

    /// Goes back to the beginning, with the index or without.
    pub(super) fn end_fetch(&self, pad: &gst::Pad, index: Option<Index>) {
        self.state.lock().unwrap().fetch = None;
        gst::debug!(CAT, imp = self, "Index: {}", index.is_some());
        if let Some(index) = index {
            self.set_index(index);
        }
        if !self.seek_bytes(pad, 0) {
            gst::element_imp_error!(
                self,
                gst::ResourceError::Seek,
                ["The source does not go back to its beginning"]
            );
        }
    }

    /// Has upstream go on elsewhere, on the streaming thread itself.
    fn seek_bytes(&self, pad: &gst::Pad, offset: u64) -> bool {
        self.state.lock().unwrap().is_own_flush = true;
        let is_going = pad.push_event(byte_seek(offset, gst::Seqnum::next()));
        self.state.lock().unwrap().is_own_flush = false;
        is_going
    }

    /// The bytes that follow are those from here on.
    pub(super) fn come_to(&self, offset: u64) {
        let mut state = self.state.lock().unwrap();
        if state.fetch.is_none() && state.playback.parser.position() != offset {
            state.playback.parser.jump(offset);
        }
    }
}

/// Has upstream go on from a byte of the file.
pub(super) fn byte_seek(offset: u64, seqnum: gst::Seqnum) -> gst::Event {
    let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
    let offset = gst::format::Bytes::from_u64(offset);
    let (from, to) = (gst::SeekType::Set, gst::SeekType::None);
    gst::event::Seek::builder(1.0, flags, from, offset, to, gst::format::Bytes::NONE).seqnum(seqnum).build()
}
