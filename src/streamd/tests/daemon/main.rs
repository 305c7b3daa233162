//! The program itself: started with real options, asked over real connections, ended by real signals.

mod check;
mod ends;
mod https;
mod kills;
mod program;
mod secrets;
mod surroundings;
mod webhooks;
