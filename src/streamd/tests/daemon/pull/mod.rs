//! Streams that are pulled from real servers: GStreamer's RTSP server, srt-live-transmit, ristsink, nginx, multicast,
//! another daemon, and a DTSC origin that replays what one has said.

mod cameras;
mod life;
mod others;
mod players;
mod safety;
mod servers;
mod studio;
mod web;
