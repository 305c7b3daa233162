//! The program itself: started with real options, asked over real connections, ended by real signals.

mod browser;
mod browsers;
mod check;
mod discover;
mod ends;
mod https;
mod kills;
#[path = "../common/ports.rs"]
mod ports;
mod program;
mod pull;
mod secrets;
mod srt;
mod surroundings;
mod webhooks;
