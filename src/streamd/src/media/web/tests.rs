use super::*;

const ROOM: Room = Room { webtransport: 1, websocket: 2 };
const HOST: [u8; 4] = [192, 0, 2, 1];
const OTHER_HOST: [u8; 4] = [192, 0, 2, 2];

fn web() -> Arc<Web> {
    Arc::new(Web::new(ROOM).unwrap())
}

fn connect(web: &Arc<Web>, carrier: Carrier) -> Option<Connection> {
    connect_from(HOST, web, carrier)
}

fn connect_from(host: [u8; 4], web: &Arc<Web>, carrier: Carrier) -> Option<Connection> {
    web.connect(carrier, (host, 1).into())
}

#[tokio::test]
async fn a_connection_gets_what_is_sent_to_it_and_no_other() {
    let web = web();
    let (mut one, mut other) =
        (connect(&web, Carrier::WebSocket).unwrap(), connect(&web, Carrier::WebTransport).unwrap());
    assert!(web.send(one.id, b"one") && web.send(other.id, b"other"));
    assert_eq!(one.next().await, Next::Send(Bytes::from_static(b"one")));
    assert_eq!(other.next().await, Next::Send(Bytes::from_static(b"other")));
    let waits = tokio::spawn(async move { one.next().await });
    assert!(!web.send(ConnectionId { carrier: Carrier::WebSocket, number: 99 }, b"nobody"));
    web.send(ConnectionId { carrier: Carrier::WebSocket, number: 1 }, b"later");
    assert_eq!(waits.await.unwrap(), Next::Send(Bytes::from_static(b"later")));
}

#[test]
fn there_are_as_many_connections_of_each_kind_as_there_may_be() {
    let web = web();
    let first = connect(&web, Carrier::WebSocket);
    let _second = connect_from(OTHER_HOST, &web, Carrier::WebSocket).unwrap();
    assert!(connect_from([192, 0, 2, 3], &web, Carrier::WebSocket).is_none());
    assert!(connect(&web, Carrier::WebTransport).is_some());
    drop(first);
    assert!(connect(&web, Carrier::WebSocket).is_some());
}

#[test]
fn a_host_that_floods_leaves_room_for_the_others() {
    let web = web();
    let _first = connect(&web, Carrier::WebSocket).unwrap();
    assert!(connect(&web, Carrier::WebSocket).is_none());
    assert!(connect_from(OTHER_HOST, &web, Carrier::WebSocket).is_some());
}

#[test]
fn the_router_hears_that_a_connection_is_over() {
    let web = web();
    let connection = connect(&web, Carrier::WebTransport).unwrap();
    let id = connection.id;
    connection.take(Bytes::from_static(b"last"));
    drop(connection);
    let waiting = web.inbox().take();
    assert_eq!((waiting.datagrams.len(), waiting.gone), (1, vec![id]));
    assert!(!web.send(id, b"too late"));
}

#[tokio::test]
async fn when_the_daemon_ends_what_waits_is_sent_first_and_nobody_comes_any_more() {
    let web = web();
    let mut connection = connect(&web, Carrier::WebSocket).unwrap();
    web.send(connection.id, b"goodbye");
    let ending = tokio::spawn({
        let web = Arc::clone(&web);
        async move { web.end().await }
    });
    assert_eq!(connection.next().await, Next::Send(Bytes::from_static(b"goodbye")));
    assert_eq!(connection.next().await, Next::End);
    drop(connection);
    ending.await.unwrap();
    assert!(connect(&web, Carrier::WebSocket).is_none());
}

#[tokio::test]
async fn the_end_waits_for_who_is_still_to_be_told_although_the_sessions_are_over_at_once() {
    let web = web();
    let connection = connect(&web, Carrier::WebSocket).unwrap();
    let farewell = connection.farewell();
    drop(connection);
    assert_eq!(web.inbox().take().gone.len(), 1);
    let mut end = std::pin::pin!(web.end());
    assert!(tokio::time::timeout(Duration::ZERO, &mut end).await.is_err());
    let begun = Instant::now();
    drop(farewell);
    end.await;
    assert!(begun.elapsed() < LAST_WORDS);
}
