//! What stands around every answer, whichever room gives it: who asks ([`client`]), the request's id, its log line
//! and figures ([`observe`]), health ([`health`]), the page of figures ([`figures`]) and the server itself
//! ([`server`]).

pub mod client;
pub mod figures;
pub mod health;
pub mod observe;
mod room;
pub mod server;

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::config::Config;

/// The rooms' routes with everything that stands around them.
pub fn around(routes: Router, config: &Config) -> Router {
    let trusted = client::Trusted::new(config);
    routes.layer(from_fn(observe::observe)).layer(from_fn_with_state(Arc::new(trusted), client::tell))
}
