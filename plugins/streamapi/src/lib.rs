//! The GStreamer element `streamapisink`.
