//! A client on a socket and a thread of its own, which sends numbered pictures and sounds or takes them.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc};

/// Every so many pictures there is a key picture, and one whenever it is asked for.
pub const KEY_EVERY: u32 = 20;
const FRAME: Duration = Duration::from_millis(20);
/// The parameter sets of 320x240 and the first bytes of an IDR picture.
const KEY: &[u8] = &[
    0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x07, 0xe4, 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0,
    1, 0x65, 0x88, 0x84,
];
const PREDICTED: &[u8] = &[0, 0, 0, 1, 0x41, 0x9a, 0x24];

#[derive(Default)]
struct Seen {
    pictures: Mutex<Vec<u32>>,
    sounds: AtomicUsize,
    keys_asked: AtomicUsize,
    lost: AtomicU32,
    asks: AtomicBool,
    is_over: AtomicBool,
    stop: AtomicBool,
}

/// A client. Dropping it ends it without a word.
pub struct Client {
    seen: Arc<Seen>,
    offered: Option<Offered>,
    thread: Option<JoinHandle<()>>,
}

struct Offered {
    rtc: Rtc,
    socket: UdpSocket,
    pending: SdpPendingOffer,
    mids: [Mid; 2],
    publishes: bool,
    /// One of so many datagrams of media is lost on its way to the client and from it; 0 for none.
    loss: u32,
}

impl Client {
    pub fn publisher(loss: u32) -> (Self, String) {
        Self::offer(Direction::SendOnly, loss)
    }

    pub fn viewer(loss: u32) -> (Self, String) {
        Self::offer(Direction::RecvOnly, loss)
    }

    fn offer(direction: Direction, loss: u32) -> (Self, String) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let config = Rtc::builder().set_crypto_provider(crypto).clear_codecs();
        let mut rtc = config.enable_h264(true).enable_opus(true, false).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr().unwrap(), "udp").unwrap());
        let mut change = rtc.sdp_api();
        let kinds = [MediaKind::Audio, MediaKind::Video];
        let mids = kinds.map(|kind| change.add_media(kind, direction, None, None, None));
        let (offer, pending) = change.apply().unwrap();
        let publishes = direction == Direction::SendOnly;
        let offered = Some(Offered { rtc, socket, pending, mids, publishes, loss });
        (Self { seen: Arc::default(), offered, thread: None }, offer.to_sdp_string())
    }

    /// Goes on with the answer.
    pub fn begin(mut self, answer: &str) -> Self {
        let offered = self.offered.take().unwrap();
        let answer = SdpAnswer::from_sdp_string(answer).unwrap();
        let seen = Arc::clone(&self.seen);
        self.thread = Some(std::thread::spawn(move || offered.run(answer, &seen)));
        self
    }

    pub fn pictures(&self) -> Vec<u32> {
        self.seen.pictures.lock().unwrap().clone()
    }

    pub fn sounds(&self) -> usize {
        self.seen.sounds.load(Ordering::Relaxed)
    }

    pub fn keys_asked(&self) -> usize {
        self.seen.keys_asked.load(Ordering::Relaxed)
    }

    pub fn lost(&self) -> u32 {
        self.seen.lost.load(Ordering::Relaxed)
    }

    pub fn is_over(&self) -> bool {
        self.seen.is_over.load(Ordering::Relaxed)
    }

    pub fn ask_for_key(&self) {
        self.seen.asks.store(true, Ordering::Relaxed);
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.seen.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "a client failed");
        }
    }
}

impl Offered {
    fn run(mut self, answer: SdpAnswer, seen: &Seen) {
        let pending = self.pending;
        self.rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let mut link = Link { socket: self.socket, loss: self.loss, count: 0 };
        let (mut frame, mut began) = (0, None);
        let mut buffer = vec![0; 2000];
        while !seen.stop.load(Ordering::Relaxed) {
            let Some(timeout) = drain(&mut self.rtc, &mut link, seen) else { break };
            let now = Instant::now();
            let is_connected = self.rtc.is_connected();
            if is_connected && seen.asks.swap(false, Ordering::Relaxed) {
                let mut writer = self.rtc.writer(self.mids[1]).unwrap();
                writer.request_keyframe(None, KeyframeRequestKind::Pli).unwrap();
                continue;
            }
            if is_connected && self.publishes && *began.get_or_insert(now) + FRAME * frame <= now {
                write(&mut self.rtc, self.mids[0], now, frame, sound(frame));
                if drain(&mut self.rtc, &mut link, seen).is_none() {
                    break;
                }
                write(&mut self.rtc, self.mids[1], now, frame, picture(frame));
                frame += 1;
                continue;
            }
            let wait = timeout
                .saturating_duration_since(now)
                .clamp(Duration::from_millis(1), Duration::from_millis(5));
            link.socket.set_read_timeout(Some(wait)).unwrap();
            let Ok((length, source)) = link.socket.recv_from(&mut buffer) else {
                self.rtc.handle_input(Input::Timeout(Instant::now())).unwrap();
                continue;
            };
            if link.loses(&buffer[..length], seen) {
                continue;
            }
            let destination = link.socket.local_addr().unwrap();
            let received = Receive::new(Protocol::Udp, source, destination, &buffer[..length]).unwrap();
            self.rtc.handle_input(Input::Receive(Instant::now(), received)).unwrap();
        }
        seen.is_over.store(!self.rtc.is_alive(), Ordering::Relaxed);
    }
}

struct Link {
    socket: UdpSocket,
    loss: u32,
    count: u32,
}

impl Link {
    /// Media and reports alone: how a session begins has its own repetitions, which take seconds.
    fn loses(&mut self, datagram: &[u8], seen: &Seen) -> bool {
        let is_media = (128..192).contains(&datagram[0]);
        self.count += u32::from(is_media);
        let is_lost = is_media && self.loss > 0 && self.count.is_multiple_of(self.loss);
        seen.lost.fetch_add(is_lost.into(), Ordering::Relaxed);
        is_lost
    }
}

/// Takes out everything; gives when to call again, or none at the end.
fn drain(rtc: &mut Rtc, link: &mut Link, seen: &Seen) -> Option<Instant> {
    loop {
        match rtc.poll_output().unwrap() {
            Output::Timeout(at) => return rtc.is_alive().then_some(at),
            Output::Transmit(transmit) => {
                if !link.loses(&transmit.contents, seen) {
                    link.socket.send_to(&transmit.contents, transmit.destination).unwrap();
                }
            }
            Output::Event(Event::MediaData(data)) if data.params.spec().codec == Codec::H264 => {
                let last = &data.data[data.data.len() - 4..];
                let number = last.iter().fold(0, |number, byte| number << 7 | u32::from(byte & 0x7f));
                seen.pictures.lock().unwrap().push(number);
            }
            Output::Event(Event::MediaData(_)) => {
                seen.sounds.fetch_add(1, Ordering::Relaxed);
            }
            Output::Event(Event::KeyframeRequest(_)) => {
                seen.keys_asked.fetch_add(1, Ordering::Relaxed);
            }
            Output::Event(_) => {}
        }
        if !rtc.is_alive() {
            return None;
        }
    }
}

fn write(rtc: &mut Rtc, mid: Mid, now: Instant, frame: u32, data: Vec<u8>) {
    let writer = rtc.writer(mid).unwrap();
    let params = writer.payload_params().next().unwrap();
    let (pt, rate) = (params.pt(), params.spec().clock_rate);
    writer.write(pt, now, MediaTime::from(FRAME * frame).rebase(rate), data).unwrap();
}

fn picture(frame: u32) -> Vec<u8> {
    let head = if frame.is_multiple_of(KEY_EVERY) { KEY } else { PREDICTED };
    // Seven bits of the number a byte, none of which is 0: it makes no start code.
    let number = [21, 14, 7, 0].map(|shift| (frame >> shift) as u8 | 0x80);
    [head, &[0x55; 3000], &number].concat()
}

fn sound(frame: u32) -> Vec<u8> {
    [&[0xfc], &frame.to_be_bytes()[..]].concat()
}
