//! The daemon of The Stream: it owns streams, their secret stream keys and public playback IDs under a control API,
//! takes FQL in, keeps it in a live hub and gives it out again.
//!
//! [`store`] is what outlives the process, [`service`] holds every rule, [`api`] is its face over HTTP, [`config`] what
//! an operator chooses, and [`daemon`] starts it all.

pub mod api;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod descriptors;
pub mod discover;
pub mod http;
pub mod json;
pub mod listen;
pub mod logs;
pub mod media;
pub mod notify;
pub mod pages;
pub mod random;
pub mod service;
pub mod store;
pub mod tls;
pub mod webhooks;
