//! File descriptors: each connection takes one, and so do the store, the certificates and the sockets.

use rustix::io::Result;
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::config::Config;
use crate::http::room;
use crate::media::{rtmp, rtsp};

/// What is neither a client's connection nor counted by anything: the store, sockets, deliveries of webhooks.
const OWN: u64 = 256;

/// Sees to it that as many connections as are configured find a file descriptor each. Without that a flood of them,
/// within their bounds, would take those that the store needs. The usual limit of 1024 is only what a process gets that
/// asks for no more.
pub fn provide(config: &Config) {
    let wanted = wanted(config);
    match raise(wanted) {
        Ok(provided) if provided < wanted => {
            let text = "there are fewer file descriptors than connections may take: raise the hard limit \
                        (ulimit -Hn), or lower limits.connections and websocket.max_connections";
            tracing::warn!(provided, wanted, "{text}");
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, wanted, "the limit of file descriptors stays as it is"),
    }
}

fn wanted(config: &Config) -> u64 {
    let publishers = config.rtmp.listen.map_or(0, |_| rtmp::MOST_CONNECTIONS as u64);
    let readers = config.rtsp.listen.map_or(0, |_| rtsp::MOST_CONNECTIONS as u64);
    let connections = config.limits.connections + room::reserve(config.limits.connections);
    OWN + connections as u64 + config.websocket.max_connections as u64 + publishers + readers
}

/// Raises this process's limit as far as it goes, never lowers it; gives what it is then.
fn raise(wanted: u64) -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    // Without a number there is no limit.
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let raised = wanted.min(hard);
    if raised <= soft {
        return Ok(soft);
    }
    limit.current = Some(raised);
    setrlimit(Resource::Nofile, limit)?;
    Ok(raised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_as_far_as_needed_and_possible_and_never_lowered() {
        let mut limit = getrlimit(Resource::Nofile);
        // Enough for other tests in this process.
        limit.current = Some(700);
        setrlimit(Resource::Nofile, limit).unwrap();
        assert_eq!(raise(500), Ok(700));
        assert_eq!(raise(800), Ok(800));
        assert_eq!(getrlimit(Resource::Nofile).current, Some(800));
        if let Some(hard) = limit.maximum {
            assert_eq!(raise(u64::MAX), Ok(hard));
        }
    }

    #[test]
    fn all_connections_that_there_may_be_find_one() {
        let config = Config::default();
        assert!(wanted(&config) > (config.limits.connections + config.websocket.max_connections) as u64);
    }
}
