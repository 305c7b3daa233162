//! Who plays by HTTP: players come and go without a word, so one that asks is there, until it has not asked for some
//! time.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Player;
use crate::media::{Attendance, Media, Watcher};

/// After this time without a question a player is gone.
const GONE: Duration = Duration::from_secs(20);
/// The most players of a stream that are told apart; more are served, and not counted.
const MOST: usize = 10_000;
/// The most of one address: programs have any name that they like, and each that is told apart is an event.
const MOST_OF_ONE_ADDRESS: usize = 256;

/// The players of one stream.
pub(super) struct Audience {
    media: Arc<Media>,
    playback_id: String,
    players: HashMap<Player, (Instant, Option<Attendance>)>,
}

impl Audience {
    pub fn new(media: Arc<Media>, playback_id: &str) -> Self {
        Self { media, playback_id: playback_id.to_owned(), players: HashMap::new() }
    }

    /// A player asks for something.
    pub fn attend(&mut self, player: Player) {
        let now = Instant::now();
        if let Some((asked, _)) = self.players.get_mut(&player) {
            *asked = now;
        } else if self.has_room_for(&player) {
            let watcher = Watcher { protocol: player.protocol, address: SocketAddr::new(player.address, 0) };
            let attendance = self.media.attend(&self.playback_id, watcher).ok();
            self.players.insert(player, (now, attendance));
        }
    }

    fn has_room_for(&self, player: &Player) -> bool {
        let neighbours = self.players.keys().filter(|other| other.address == player.address).count();
        self.players.len() < MOST && neighbours < MOST_OF_ONE_ADDRESS
    }

    /// Players that have not asked for long are gone.
    pub fn forget(&mut self) {
        self.players.retain(|_, (asked, _)| asked.elapsed() < GONE);
    }
}
