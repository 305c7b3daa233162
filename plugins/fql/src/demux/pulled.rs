//! The file behind a pad that pulls.

use fql_file::ReadAt;
use gst::prelude::*;

/// Upstream, where it can be read anywhere.
pub struct Pulled<'a> {
    /// The pad that is linked to it.
    pub pad: &'a gst::Pad,
    /// Why it cannot, where that is not the end.
    pub failure: Option<gst::FlowError>,
}

impl ReadAt for Pulled<'_> {
    fn size(&mut self) -> std::io::Result<u64> {
        let size = self.pad.peer_query_duration::<gst::format::Bytes>();
        size.map(|size| *size).ok_or_else(|| std::io::Error::other("upstream does not know its size"))
    }

    fn read_at(&mut self, offset: u64, length: usize) -> std::io::Result<bytes::Bytes> {
        let length = u32::try_from(length).map_err(std::io::Error::other)?;
        match self.pad.pull_range(offset, length) {
            Ok(buffer) => {
                let bytes = buffer.map_readable().map_err(std::io::Error::other)?;
                Ok(bytes::Bytes::copy_from_slice(&bytes))
            }
            Err(gst::FlowError::Eos) => Ok(bytes::Bytes::new()),
            Err(flow) => {
                self.failure = Some(flow);
                Err(std::io::Error::other(flow))
            }
        }
    }
}
