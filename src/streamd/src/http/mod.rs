//! What stands around every answer, whichever room gives it: who asks ([`client`]), the request's id, its log line
//! and figures ([`observe`]), what it still sends when it was answered ([`unread`]), health ([`health`]), the page of figures ([`figures`]) and the server itself
//! ([`server`]).

pub mod client;
pub mod figures;
pub mod health;
mod line;
pub mod observe;
pub mod room;
pub mod server;
mod unread;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state, map_request};

use crate::config::Config;

/// The rooms' routes with everything that stands around them.
pub fn around(routes: Router, config: &Config) -> Router {
    let trusted = client::Trusted::new(config);
    routes
        .layer(map_request(unread::read_rest))
        .layer(from_fn(observe::observe))
        .layer(from_fn_with_state(Arc::new(trusted), client::tell))
}
