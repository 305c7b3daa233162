//! A UDP relay that loses, delays and limits datagrams, from a seed: the bad network of every test.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// What the link does to datagrams, in each direction.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// Mean share of datagrams lost, 0 to 1.
    pub loss: f64,
    /// Mean length of a run of losses in datagrams: 1 for independent losses, more for a Gilbert channel whose
    /// bad state loses everything. Runs of length `b`, at least one datagram apart, cannot lose more than
    /// `b / (b + 1)` of all.
    pub burst: f64,
    /// How long a datagram travels.
    pub delay: Duration,
    /// The most that is added to the delay, uniformly; this reorders.
    pub jitter: Duration,
    /// The most bits a second that pass; more are queued.
    pub rate: Option<u64>,
    /// How long a datagram may wait in that queue before it is dropped.
    pub queue: Duration,
    /// Whether datagrams from the target back to the sender are spared from loss.
    pub forward_only: bool,
    /// The same seed loses the same datagrams.
    pub seed: u64,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            loss: 0.0,
            burst: 1.0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            rate: None,
            queue: Duration::from_millis(200),
            forward_only: false,
            seed: 1,
        }
    }
}

impl Link {
    /// What it does to datagrams on their way back.
    fn backward(self) -> Self {
        let loss = if self.forward_only { 0.0 } else { self.loss };
        Self { loss, seed: self.seed.wrapping_add(1), ..self }
    }

    /// Whether there is a link that loses as much as that in runs of that length.
    fn check(&self) -> Result<()> {
        let Self { loss, burst, .. } = *self;
        ensure!((0.0..=1.0).contains(&loss), "a loss of {loss} is not from 0 to 1");
        ensure!(burst.is_finite() && burst >= 1.0, "runs of {burst} lost datagrams are not of 1 or more");
        let most = burst / (burst + 1.0);
        ensure!(
            burst <= 1.0 || loss <= most || loss >= 1.0,
            "runs of {burst} lost datagrams make a loss of {most:.3} at most, not {loss}"
        );
        Ok(())
    }
}

/// What happened to the datagrams of one direction so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Datagrams that arrived at the relay.
    pub arrived: u64,
    /// Datagrams that were lost on purpose.
    pub lost: u64,
    /// Datagrams that did not fit into the queue of a limited rate.
    pub overflowed: u64,
    /// Bytes of payload that arrived at the relay.
    pub bytes: u64,
}

/// A running relay; dropping it stops it.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    ways: [Arc<Way>; 2],
    clients: Arc<Clients>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Relay {
    /// Relays between everybody who sends to `listen` (port 0 for any free one) and `target`, which sees each of them
    /// as an address of its own. Fails where the addresses cannot be used, or no link is as `link` says.
    pub fn start(listen: SocketAddr, target: SocketAddr, link: Link) -> Result<Self> {
        link.check()?;
        let front = Arc::new(bind(listen)?);
        let address = front.local_addr()?;
        let stop = Arc::new(AtomicBool::new(false));
        let [up, down] = [Arc::new(Way::new(link)), Arc::new(Way::new(link.backward()))];
        let clients = Arc::new(Clients {
            target,
            down: Arc::clone(&down),
            stop: Arc::clone(&stop),
            known: Mutex::default(),
            threads: Mutex::default(),
        });

        let threads = vec![
            std::thread::spawn({
                let (front, up, stop) = (Arc::clone(&front), Arc::clone(&up), Arc::clone(&stop));
                let clients = Arc::clone(&clients);
                move || {
                    receive(&front, &stop, |data, from| up.accept(Instant::now(), data, &clients.get(from)));
                }
            }),
            std::thread::spawn({
                let (up, stop) = (Arc::clone(&up), Arc::clone(&stop));
                move || {
                    up.deliver(&stop, |data, client| {
                        client.back.as_ref().map(|back| back.send_to(data, target))
                    });
                }
            }),
            std::thread::spawn({
                let (down, stop) = (Arc::clone(&down), Arc::clone(&stop));
                move || down.deliver(&stop, |data, client| Some(front.send_to(data, client.address)))
            }),
        ];
        Ok(Self { address, ways: [up, down], clients, stop, threads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the most bits a second that pass, in both directions; what is queued already keeps its time.
    pub fn set_rate(&self, rate: Option<u64>) {
        for way in &self.ways {
            lock(&way.state).link.rate = rate;
        }
    }

    /// Changes all that the link does from now on, but for the seed; what is queued already keeps its time. Fails
    /// where no link is so.
    pub fn set_link(&self, link: Link) -> Result<()> {
        link.check()?;
        let [up, down] = &self.ways;
        lock(&up.state).link = link;
        lock(&down.state).link = link.backward();
        Ok(())
    }

    /// What happened so far to datagrams towards the target.
    pub fn forward(&self) -> Counts {
        self.ways[0].counts()
    }

    /// What happened so far to datagrams back from the target.
    pub fn backward(&self) -> Counts {
        self.ways[1].counts()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for way in &self.ways {
            way.wake.notify_all();
        }
        let of_clients = std::mem::take(&mut *lock(&self.clients.threads));
        for thread in self.threads.drain(..).chain(of_clients) {
            // A panic of a relay thread has been printed; there is nothing to add to it here.
            let _ = thread.join();
        }
    }
}

/// Somebody who sends to the relay.
#[derive(Debug)]
struct Client {
    address: SocketAddr,
    /// The target sees the client at this socket's address. `None` where the system gave no socket: what such a
    /// client sends is lost.
    back: Option<UdpSocket>,
}

/// Everybody who has sent to the relay.
#[derive(Debug)]
struct Clients {
    target: SocketAddr,
    down: Arc<Way>,
    stop: Arc<AtomicBool>,
    known: Mutex<HashMap<SocketAddr, Arc<Client>>>,
    /// One for each, which takes what the target answers.
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Clients {
    /// The client at this address; at its first datagram it gets a socket towards the target.
    fn get(&self, address: SocketAddr) -> Arc<Client> {
        let mut known = lock(&self.known);
        let client = known.entry(address).or_insert_with(|| self.meet(address));
        Arc::clone(client)
    }

    fn meet(&self, address: SocketAddr) -> Arc<Client> {
        let any =
            if self.target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let back =
            bind(SocketAddr::new(any, 0)).inspect_err(|error| eprintln!("no socket for {address}: {error}"));
        let client = Arc::new(Client { address, back: back.ok() });
        let (down, stop, own) = (Arc::clone(&self.down), Arc::clone(&self.stop), Arc::clone(&client));
        lock(&self.threads).push(std::thread::spawn(move || {
            if let Some(back) = &own.back {
                receive(back, &stop, |data, _| down.accept(Instant::now(), data, &own));
            }
        }));
        client
    }
}

/// One direction of the link.
#[derive(Debug)]
struct Way {
    state: Mutex<WayState>,
    wake: Condvar,
    arrived: AtomicU64,
    lost: AtomicU64,
    overflowed: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug)]
struct WayState {
    link: Link,
    random: fastrand::Rng,
    bad: bool,
    /// When the rate-limited link has sent all that it holds.
    free_at: Instant,
    queue: BinaryHeap<Queued>,
    sequence: u64,
}

/// A datagram on its way.
#[derive(Debug)]
struct Queued {
    /// When it comes out, and as the how manieth.
    key: (Instant, u64),
    data: Vec<u8>,
    /// Who sent it, or who it is for.
    client: Arc<Client>,
}

/// By their keys alone, which are all different; reversed, so that the heap gives the earliest first.
impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        Reverse(self.key).cmp(&Reverse(other.key))
    }
}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Queued {}

impl Way {
    fn new(link: Link) -> Self {
        let random = fastrand::Rng::with_seed(link.seed);
        let state = WayState {
            link,
            random,
            bad: false,
            free_at: Instant::now(),
            queue: BinaryHeap::new(),
            sequence: 0,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            arrived: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::SeqCst);
        Counts {
            arrived: read(&self.arrived),
            lost: read(&self.lost),
            overflowed: read(&self.overflowed),
            bytes: read(&self.bytes),
        }
    }

    fn accept(&self, now: Instant, data: &[u8], client: &Arc<Client>) {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.bytes.fetch_add(data.len() as u64, Ordering::SeqCst);
        let mut state = lock(&self.state);
        if state.loses() {
            self.lost.fetch_add(1, Ordering::SeqCst);
            return;
        }
        let Some(due) = state.due(now, data.len()) else {
            self.overflowed.fetch_add(1, Ordering::SeqCst);
            return;
        };
        state.sequence += 1;
        let key = (due, state.sequence);
        state.queue.push(Queued { key, data: data.to_vec(), client: Arc::clone(client) });
        self.wake.notify_one();
    }

    /// Sends what is due until `stop` is set.
    fn deliver(&self, stop: &AtomicBool, send: impl Fn(&[u8], &Client) -> Option<io::Result<usize>>) {
        let mut state = lock(&self.state);
        while !stop.load(Ordering::SeqCst) {
            let now = Instant::now();
            let wait = match state.queue.peek() {
                Some(next) if next.key.0 <= now => {
                    let Some(next) = state.queue.pop() else { continue };
                    drop(state);
                    // A target that is not there yet answers with ICMP; to the sender that is one more loss.
                    let _ = send(&next.data, &next.client);
                    state = lock(&self.state);
                    continue;
                }
                Some(next) => next.key.0 - now,
                None => Duration::from_millis(50),
            };
            state = self.wake.wait_timeout(state, wait).map_or_else(|e| e.into_inner().0, |(state, _)| state);
        }
    }
}

impl WayState {
    fn loses(&mut self) -> bool {
        let Link { loss, burst, .. } = self.link;
        let roll = self.random.f64();
        if burst <= 1.0 || loss >= 1.0 {
            return roll < loss;
        }
        let leave = 1.0 / burst;
        let enter = loss * leave / (1.0 - loss);
        self.bad = if self.bad { roll >= leave } else { roll < enter };
        self.bad
    }

    /// When a datagram of `len` bytes comes out at the other end; `None` where the queue has no room for it.
    fn due(&mut self, now: Instant, len: usize) -> Option<Instant> {
        let mut leaves = now;
        if let Some(rate) = self.link.rate {
            let on_wire = Duration::from_secs_f64(((len + 28) * 8) as f64 / rate as f64);
            leaves = self.free_at.max(now) + on_wire;
            if leaves - now > self.link.queue {
                return None;
            }
            self.free_at = leaves;
        }
        Some(leaves + self.link.delay + self.link.jitter.mul_f64(self.random.f64()))
    }
}

fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(address)?;
    // So that the threads see the stop flag; nothing waits for this in a running test.
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    Ok(socket)
}

/// Hands on all that comes to a socket until `stop` is set.
fn receive(socket: &UdpSocket, stop: &AtomicBool, accept: impl Fn(&[u8], SocketAddr)) {
    let mut buffer = vec![0; 65_536];
    while !stop.load(Ordering::SeqCst) {
        if let Ok((len, from)) = socket.recv_from(&mut buffer) {
            accept(&buffer[..len], from);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(link: Link, count: u32) -> Vec<bool> {
        let way = Way::new(link);
        let mut state = lock(&way.state);
        (0..count).map(|_| state.loses()).collect()
    }

    #[test]
    fn losses_have_the_given_rate_and_burst_length() {
        for (loss, burst) in [(0.05, 1.0), (0.2, 1.0), (0.1, 5.0), (0.8, 4.0)] {
            let run = lost(Link { loss, burst, ..Link::default() }, 200_000);
            let count = run.iter().filter(|&&lost| lost).count() as f64;
            let starts = run.windows(2).filter(|pair| !pair[0] && pair[1]).count() as f64;
            let mean_burst = if burst > 1.0 { burst } else { 1.0 / (1.0 - loss) };
            assert!((count / 200_000.0 - loss).abs() < loss * 0.05, "{loss}: lost {count}");
            assert!(
                (count / starts - mean_burst).abs() < mean_burst * 0.05,
                "{burst}: {count} in {starts} bursts"
            );
        }
    }

    #[test]
    fn a_link_that_cannot_be_is_an_error() {
        let check = |loss, burst| Link { loss, burst, ..Link::default() }.check().map_err(|e| e.to_string());
        for (loss, burst) in [(0.0, 1.0), (0.9, 1.0), (1.0, 2.0), (0.6, 1.5)] {
            assert_eq!(check(loss, burst), Ok(()));
        }
        let complaint = "runs of 1.5 lost datagrams make a loss of 0.600 at most, not 0.9";
        assert_eq!(check(0.9, 1.5), Err(complaint.to_owned()));
        for (loss, burst) in [(-0.1, 1.0), (f64::NAN, 1.0), (0.1, 0.5), (0.1, f64::INFINITY)] {
            assert!(check(loss, burst).is_err(), "{loss} in runs of {burst}");
        }
    }

    #[test]
    fn the_same_seed_loses_the_same_datagrams() {
        let link = |seed| Link { loss: 0.3, seed, ..Link::default() };
        assert_eq!(lost(link(7), 1000), lost(link(7), 1000));
        assert_ne!(lost(link(7), 1000), lost(link(8), 1000));
    }

    #[test]
    fn a_limited_rate_queues_and_then_drops() {
        let link = Link { rate: Some(1_000_000), queue: Duration::from_millis(20), ..Link::default() };
        let way = Way::new(link);
        let mut state = lock(&way.state);
        let now = Instant::now();
        // 972 bytes and 28 of headers take 8 ms each: two fit into 20 ms, the third does not.
        let waits: Vec<_> = (0..3).map(|_| state.due(now, 972).map(|due| (due - now).as_millis())).collect();
        assert_eq!(waits, [Some(8), Some(16), None]);
    }

    /// A server that answers every datagram with itself.
    fn echo() -> (SocketAddr, Arc<AtomicBool>, JoinHandle<()>) {
        let socket = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let (address, stop) = (socket.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        let ends = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            receive(&socket, &ends, |data, from| {
                socket.send_to(data, from).unwrap();
            });
        });
        (address, stop, thread)
    }

    #[test]
    fn everybody_gets_their_own_answers_and_a_link_that_is_cut_gives_none() {
        let (target, stop, thread) = echo();
        let relay = Relay::start(([127, 0, 0, 1], 0).into(), target, Link::default()).unwrap();
        let clients = [(); 2].map(|()| UdpSocket::bind(("127.0.0.1", 0)).unwrap());
        let mut buffer = [0; 16];
        for client in &clients {
            client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            client.connect(relay.address()).unwrap();
        }
        for (client, said) in clients.iter().zip([b"one", b"two"]) {
            client.send(said).unwrap();
        }
        for (client, said) in clients.iter().zip([b"one", b"two"]) {
            let len = client.recv(&mut buffer).unwrap();
            assert_eq!(&buffer[..len], said);
        }
        relay.set_link(Link { loss: 1.0, ..Link::default() }).unwrap();
        clients[0].send(b"lost").unwrap();
        while relay.forward().arrived < 3 {
            std::thread::yield_now();
        }
        assert_eq!((relay.forward().lost, relay.backward().arrived), (1, 2));
        assert!(relay.set_link(Link { loss: 2.0, ..Link::default() }).is_err());
        stop.store(true, Ordering::SeqCst);
        thread.join().unwrap();
    }
}
