//! WebSockets: where there is no WebTransport, or UDP is blocked.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};

use super::{Carrier, Connection, LARGEST, Next, SILENCE, Web};
use crate::api::problem::{Kind, Problem};

/// How long one message may take to be sent. A peer that takes nothing for so long is not watching.
const SEND: Duration = Duration::from_secs(10);
/// How long the peer may take to hear that the connection is closed.
const CLOSE: Duration = Duration::from_secs(1);
/// What may wait in memory to be written. A message more than fits is never given to it.
const WRITE_BUFFER: usize = 16 << 10;

/// Why a connection is closed, as it is told: a code and a reason.
type Ending = (u16, &'static str);

/// Answers a request for a WebSocket whose stream is there. Any page may ask: what is watched this way is public, and
/// no cookie counts here, so the page's origin does not matter.
pub fn upgrade(web: &Arc<Web>, client: IpAddr, upgrade: WebSocketUpgrade) -> Response {
    // Ports of clients behind a proxy are not known, and count for nothing.
    let Some(connection) = web.connect(Carrier::WebSocket, SocketAddr::new(client, 0)) else {
        let detail = "there are as many WebSockets as websocket.max_connections allows, or half of them are of your address";
        return Problem::new(Kind::TooManyRequests, detail).into_response();
    };
    upgrade
        .max_message_size(LARGEST)
        .max_frame_size(LARGEST)
        .read_buffer_size(2 * LARGEST)
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER)
        .on_upgrade(|socket| serve(socket, connection))
}

/// Carries datagrams until one side ends it.
async fn serve(mut socket: WebSocket, connection: Connection) {
    let farewell = connection.farewell();
    let (code, reason) = carry(&mut socket, connection).await;
    tracing::debug!(code, reason, "a WebSocket is closed");
    let close = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    let last = async {
        // A peer that is gone hears nothing.
        if socket.send(close).await.is_ok() {
            while let Some(Ok(_)) = socket.recv().await {}
        }
    };
    let _ = tokio::time::timeout(CLOSE, last).await;
    drop(farewell);
}

async fn carry(socket: &mut WebSocket, mut connection: Connection) -> Ending {
    let silence = tokio::time::sleep(SILENCE);
    tokio::pin!(silence);
    loop {
        tokio::select! {
            biased;
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(datagram))) => {
                    silence.as_mut().reset(tokio::time::Instant::now() + SILENCE);
                    connection.take(datagram);
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    return (close_code::UNSUPPORTED, "messages are binary: one FQL datagram each");
                }
                Some(Ok(Message::Close(_))) | None => return (close_code::NORMAL, "goodbye"),
                Some(Err(error)) => return broken(&error),
            },
            next = connection.next() => match next {
                Next::Send(datagram) => {
                    let sent = socket.send(Message::Binary(datagram));
                    match tokio::time::timeout(SEND, sent).await {
                        Ok(Ok(())) => {}
                        Ok(Err(error)) => return broken(&error),
                        Err(_) => return (close_code::POLICY, "nothing was taken for too long"),
                    }
                }
                Next::End => return (close_code::AWAY, "the server ends"),
            },
            () = &mut silence => return (close_code::POLICY, "nothing came for too long"),
        }
    }
}

/// What a connection on which something went wrong is told.
fn broken(error: &axum::Error) -> Ending {
    use tokio_tungstenite::tungstenite::Error;
    let cause = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Error>());
    match cause {
        Some(Error::Capacity(_)) => (close_code::SIZE, "a message has 2048 bytes at most"),
        Some(Error::Protocol(_) | Error::Utf8(_)) => (close_code::PROTOCOL, "this is not WebSocket"),
        _ => (close_code::AWAY, "the connection is broken"),
    }
}
