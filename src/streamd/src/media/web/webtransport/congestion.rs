//! The congestion controller of WebTransport connections: none of its own.
//!
//! FQL measures queueing delay, loss and delivery of each viewer's way, sets the rate by them and paces what it sends.
//! QUIC's usual controllers know only that every lost packet means to send less: on a link that loses every tenth
//! packet they let 0.6 Mbit/s through, however much the link carries, and the loss that parity would have repaired
//! turns into datagrams that are never sent. So here a window stands that FQL does not reach.

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use quinn::congestion::{Controller, ControllerFactory};

/// Bytes that may be under way: 100 Mbit/s over a round trip of two thirds of a second, more than any viewer is sent.
/// Bounded, since QUIC keeps a record of each packet under way: here of 7,000 at most, less than a megabyte.
///
/// QUIC paces by this window and the round trip, too: at 60 ms that is more than a gigabit a second, and before the
/// round trip is known 250 Mbit/s, so that it adds no delay to what FQL has paced already.
pub const WINDOW: u64 = 8 << 20;

/// The rate is FQL's to set.
#[derive(Debug, Clone, Copy)]
pub struct SetByFql;

impl ControllerFactory for SetByFql {
    fn build(self: Arc<Self>, _now: Instant, _current_mtu: u16) -> Box<dyn Controller> {
        Box::new(*self)
    }
}

impl Controller for SetByFql {
    fn on_congestion_event(
        &mut self,
        _now: Instant,
        _sent: Instant,
        _is_persistent_congestion: bool,
        _lost_bytes: u64,
    ) {
    }

    fn on_mtu_update(&mut self, _new_mtu: u16) {}

    fn window(&self) -> u64 {
        WINDOW
    }

    fn clone_box(&self) -> Box<dyn Controller> {
        Box::new(*self)
    }

    fn initial_window(&self) -> u64 {
        WINDOW
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}
