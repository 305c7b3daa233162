//! libsrt's functions (srt/srt.h), and safe ones on top of each that is used. A socket of libsrt's is a number, as a
//! file descriptor is; all of its functions may be called from any thread, and refuse a number that is none.
#![allow(unsafe_code)]

use std::any::Any;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::{MaybeUninit, size_of, size_of_val};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use libc::{sockaddr, sockaddr_in, sockaddr_in6, sockaddr_storage};

use crate::Reject;

/// A socket of libsrt's.
pub(crate) type Number = c_int;
type Hook = unsafe extern "C" fn(*mut c_void, Number, c_int, *const sockaddr, *const c_char) -> c_int;

const FAILED: c_int = -1;
/// Numbers of errors (`SRT_ERRNO`).
const CONNECTION_REJECTED: c_int = 1002;
const CANNOT_SEND_NOW: c_int = 6001;
const CANNOT_RECEIVE_NOW: c_int = 6002;
/// Only what makes the program end is printed (`LOG_CRIT`).
const FATAL: c_int = 2;
/// The set of sockets may be empty (`SRT_EPOLL_ENABLE_EMPTY`).
const MAY_BE_EMPTY: i32 = 1;

unsafe extern "C" {
    fn srt_startup() -> c_int;
    fn srt_setloglevel(level: c_int);
    fn srt_create_socket() -> Number;
    fn srt_bind(socket: Number, name: *const sockaddr, length: c_int) -> c_int;
    fn srt_listen(socket: Number, backlog: c_int) -> c_int;
    fn srt_listen_callback(socket: Number, hook: Hook, opaque: *mut c_void) -> c_int;
    fn srt_accept(socket: Number, name: *mut sockaddr, length: *mut c_int) -> Number;
    fn srt_connect(socket: Number, name: *const sockaddr, length: c_int) -> c_int;
    fn srt_close(socket: Number) -> c_int;
    fn srt_getsockname(socket: Number, name: *mut sockaddr, length: *mut c_int) -> c_int;
    fn srt_getsockstate(socket: Number) -> c_int;
    fn srt_getsockflag(socket: Number, option: c_int, value: *mut c_void, length: *mut c_int) -> c_int;
    fn srt_setsockflag(socket: Number, option: c_int, value: *const c_void, length: c_int) -> c_int;
    fn srt_send(socket: Number, bytes: *const c_char, length: c_int) -> c_int;
    fn srt_recv(socket: Number, bytes: *mut c_char, length: c_int) -> c_int;
    fn srt_getlasterror(errno: *mut c_int) -> c_int;
    fn srt_getlasterror_str() -> *const c_char;
    fn srt_bstats(socket: Number, statistics: *mut Measured, clear: c_int) -> c_int;
    fn srt_epoll_create() -> c_int;
    fn srt_epoll_set(epoll: c_int, flags: i32) -> i32;
    fn srt_epoll_add_usock(epoll: c_int, socket: Number, events: *const c_int) -> c_int;
    fn srt_epoll_uwait(epoll: c_int, events: *mut Event, size: c_int, milliseconds: i64) -> c_int;
    fn srt_epoll_release(epoll: c_int) -> c_int;
    fn srt_getrejectreason(socket: Number) -> c_int;
    fn srt_setrejectreason(socket: Number, reason: c_int) -> c_int;
}

/// Why a call of libsrt's failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The other end refused the connection.
    #[error("the connection was refused: {0}")]
    Refused(Reject),
    /// It has ended, or cannot be made.
    #[error("SRT: {message}")]
    Failed {
        /// What libsrt calls it (`SRT_ERRNO`).
        code: i32,
        /// What libsrt says of it.
        message: String,
    },
    /// A payload that does not fit in a datagram.
    #[error("a payload of {0} bytes is longer than 1316")]
    TooLong(usize),
    /// A stream id that is longer than 512 bytes, or a passphrase that has fewer than 10 or more than 79.
    #[error("{0}")]
    Setting(&'static str),
}

impl Error {
    /// What the last call of this thread failed of.
    fn last() -> Self {
        // SAFETY: the pointer may be null; the text is a string of libsrt's that lives until this thread's next call,
        // and is copied before that.
        let (code, message) = unsafe {
            let code = srt_getlasterror(std::ptr::null_mut());
            (code, CStr::from_ptr(srt_getlasterror_str()).to_string_lossy().into_owned())
        };
        Self::Failed { code, message }
    }

    /// Whether it only cannot be done now.
    fn is_not_now(&self) -> bool {
        matches!(self, Self::Failed { code: CANNOT_SEND_NOW | CANNOT_RECEIVE_NOW, .. })
    }
}

fn checked(returned: c_int) -> Result<c_int, Error> {
    if returned == FAILED { Err(Error::last()) } else { Ok(returned) }
}

/// `None` where it cannot be done now.
fn unless_not_now(returned: c_int) -> Result<Option<usize>, Error> {
    match checked(returned) {
        Ok(count) => Ok(Some(count.max(0) as usize)),
        Err(error) if error.is_not_now() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Options of sockets (`SRT_SOCKOPT`).
#[derive(Debug, Clone, Copy)]
#[repr(i32)]
pub(crate) enum Setting {
    SendsSynchronously = 1,
    ReceivesSynchronously = 2,
    UnsentPackets = 19,
    Passphrase = 26,
    ConnectTimeout = 36,
    ReceiveLatency = 43,
    PeerLatency = 44,
    StreamId = 46,
    OnlyIpv6 = 55,
}

/// What a socket is ready for (`SRT_EPOLL_OPT`).
pub(crate) mod ready {
    pub(crate) const IN: i32 = 1;
    pub(crate) const OUT: i32 = 4;
    pub(crate) const ERR: i32 = 8;
    /// Each change is told once.
    pub(crate) const EDGE: i32 = i32::MIN;
}

/// A socket that is ready (`SRT_EPOLL_EVENT`).
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
pub(crate) struct Event {
    pub(crate) socket: Number,
    pub(crate) events: c_int,
}

/// What decides on callers: their address and stream id, and the socket that is made for them.
pub(crate) type Decide = dyn Fn(Handshake<'_>, SocketAddr, &str) -> Result<(), Reject> + Send + Sync;

/// A socket whose handshake is under way.
pub(crate) struct Handshake<'a>(&'a Socket);

impl Handshake<'_> {
    /// The socket that the caller will have.
    pub(crate) fn number(&self) -> Number {
        self.0.number()
    }

    /// Sets the passphrase that the caller has to have.
    pub(crate) fn set_passphrase(&self, passphrase: &str) -> Result<(), Error> {
        self.0.set_text(Setting::Passphrase, passphrase)
    }
}

/// A socket, which is closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Socket(Number);

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: takes a number alone; one that is closed already is refused.
        unsafe { srt_close(self.0) };
    }
}

impl Socket {
    /// A socket for live media that is neither bound nor connected.
    pub(crate) fn new() -> Result<Self, Error> {
        static STARTED: OnceLock<c_int> = OnceLock::new();
        // SAFETY: no preconditions. What libsrt prints is held back, because stream ids are in it, which are secrets.
        checked(*STARTED.get_or_init(|| unsafe {
            srt_setloglevel(FATAL);
            srt_startup()
        }))?;
        // SAFETY: no preconditions after the start.
        let socket = Self(checked(unsafe { srt_create_socket() })?);
        socket.set(Setting::SendsSynchronously, 0)?;
        socket.set(Setting::ReceivesSynchronously, 0)?;
        Ok(socket)
    }

    pub(crate) fn number(&self) -> Number {
        self.0
    }

    pub(crate) fn set(&self, setting: Setting, value: i32) -> Result<(), Error> {
        // SAFETY: the pointer is to an integer of the length that is given; libsrt copies it. Options that are booleans
        // take an integer as well.
        checked(unsafe {
            srt_setsockflag(self.0, setting as c_int, (&raw const value).cast(), size_of_val(&value) as c_int)
        })?;
        Ok(())
    }

    pub(crate) fn set_text(&self, setting: Setting, text: &str) -> Result<(), Error> {
        // SAFETY: the pointer is to bytes of the length that is given; libsrt copies them.
        checked(unsafe {
            srt_setsockflag(self.0, setting as c_int, text.as_ptr().cast(), text.len() as c_int)
        })?;
        Ok(())
    }

    pub(crate) fn get(&self, setting: Setting) -> Result<i32, Error> {
        let (mut value, mut length) = (0i32, size_of::<i32>() as c_int);
        // SAFETY: the options that are asked for are integers, and there is room for one.
        checked(unsafe {
            srt_getsockflag(self.0, setting as c_int, (&raw mut value).cast(), &raw mut length)
        })?;
        Ok(value)
    }

    pub(crate) fn bind(&self, address: SocketAddr) -> Result<(), Error> {
        let (name, length) = to_c(address);
        // SAFETY: the pointer is to an address of the length that is given.
        checked(unsafe { srt_bind(self.0, (&raw const name).cast(), length) })?;
        Ok(())
    }

    /// Begins to connect.
    pub(crate) fn connect(&self, address: SocketAddr) -> Result<(), Error> {
        let (name, length) = to_c(address);
        // SAFETY: the pointer is to an address of the length that is given.
        let returned = unsafe { srt_connect(self.0, (&raw const name).cast(), length) };
        checked(returned).map_err(|error| self.refusal().unwrap_or(error))?;
        Ok(())
    }

    /// Begins to listen. The decider lives as long as this process: it may be called until libsrt has closed the socket
    /// at a time of its own, and there are few listeners.
    pub(crate) fn listen(&self, backlog: i32, decide: Box<Decide>) -> Result<(), Error> {
        let decide: *mut Box<Decide> = Box::into_raw(Box::new(decide));
        // SAFETY: the pointer is to a value that is never freed, may be used from any thread (`Sync`) and is only read;
        // the hook takes it for what it is.
        checked(unsafe { srt_listen_callback(self.0, hook, decide.cast()) })?;
        // SAFETY: takes numbers alone.
        checked(unsafe { srt_listen(self.0, backlog) })?;
        Ok(())
    }

    /// The next caller that was accepted; `None` where there is none now.
    pub(crate) fn accept(&self) -> Result<Option<(Self, SocketAddr)>, Error> {
        let mut name = MaybeUninit::<sockaddr_storage>::zeroed();
        let mut length = size_of::<sockaddr_storage>() as c_int;
        // SAFETY: there is room for an address of the length that is given.
        let returned = unsafe { srt_accept(self.0, name.as_mut_ptr().cast(), &raw mut length) };
        let Some(number) = unless_not_now(returned)? else { return Ok(None) };
        let socket = Self(number as Number);
        // SAFETY: all zero is an address as well.
        let name = unsafe { name.assume_init() };
        // SAFETY: the pointer is to a whole storage.
        let address = unsafe { from_c((&raw const name).cast()) };
        Ok(address.map(|address| (socket, address)))
    }

    pub(crate) fn local_address(&self) -> Result<SocketAddr, Error> {
        let mut name = MaybeUninit::<sockaddr_storage>::zeroed();
        let mut length = size_of::<sockaddr_storage>() as c_int;
        // SAFETY: there is room for an address of the length that is given.
        checked(unsafe { srt_getsockname(self.0, name.as_mut_ptr().cast(), &raw mut length) })?;
        // SAFETY: all zero is an address as well, and the pointer is to a whole storage.
        let address = unsafe { from_c((&raw const *name.assume_init_ref()).cast()) };
        address.ok_or(Error::Failed { code: 0, message: "it is not bound to an address".into() })
    }

    /// Sends a payload; `None` where there is no room for it now.
    pub(crate) fn send(&self, payload: &[u8]) -> Result<Option<usize>, Error> {
        // SAFETY: the pointer is to bytes of the length that is given.
        unless_not_now(unsafe { srt_send(self.0, payload.as_ptr().cast(), payload.len() as c_int) })
    }

    /// Receives a payload; `None` where there is none now.
    pub(crate) fn receive(&self, room: &mut [u8]) -> Result<Option<usize>, Error> {
        // SAFETY: there is room for as many bytes as are said.
        unless_not_now(unsafe { srt_recv(self.0, room.as_mut_ptr().cast(), room.len() as c_int) })
    }

    /// Whether it listens now.
    pub(crate) fn is_listening(&self) -> bool {
        const LISTENING: c_int = 3;
        // SAFETY: takes a number alone.
        unsafe { srt_getsockstate(self.0) == LISTENING }
    }

    /// Whether it is connected now.
    pub(crate) fn is_connected(&self) -> bool {
        const CONNECTED: c_int = 5;
        // SAFETY: takes a number alone.
        unsafe { srt_getsockstate(self.0) == CONNECTED }
    }

    /// Why the other end refused it.
    pub(crate) fn refusal(&self) -> Option<Error> {
        // SAFETY: takes a number alone.
        match unsafe { srt_getrejectreason(self.0) } {
            0 => None,
            code => Some(Error::Refused(Reject::of_code(code))),
        }
    }

    /// Why it does not go on.
    pub(crate) fn end(&self) -> Error {
        let message = "the connection has ended".to_owned();
        self.refusal().unwrap_or(Error::Failed { code: CONNECTION_REJECTED, message })
    }

    /// What it has measured since its beginning.
    pub(crate) fn measured(&self) -> Result<Measured, Error> {
        /// Later versions of libsrt may write more fields behind those that are known.
        #[repr(C)]
        struct Room {
            known: Measured,
            later: [u64; 128],
        }
        let mut room = MaybeUninit::<Room>::zeroed();
        // SAFETY: there is room for the structure, and all of its fields may be zero.
        unsafe {
            checked(srt_bstats(self.0, room.as_mut_ptr().cast(), 0))?;
            Ok(room.assume_init().known)
        }
    }
}

/// A set of sockets that are waited for.
#[derive(Debug)]
pub(crate) struct Epoll(c_int);

impl Epoll {
    /// An empty set. A socket must have been made before, which starts libsrt.
    pub(crate) fn new() -> Result<Self, Error> {
        // SAFETY: no preconditions; both take numbers alone.
        unsafe {
            let epoll = Self(checked(srt_epoll_create())?);
            checked(srt_epoll_set(epoll.0, MAY_BE_EMPTY))?;
            Ok(epoll)
        }
    }

    /// Adds a socket; it leaves the set when it is closed.
    pub(crate) fn add(&self, socket: &Socket, events: i32) -> Result<(), Error> {
        // SAFETY: the pointer is to an integer, which libsrt reads.
        checked(unsafe { srt_epoll_add_usock(self.0, socket.0, &raw const events) })?;
        Ok(())
    }

    /// Waits at most so long for sockets that are ready.
    pub(crate) fn wait<'a>(&self, events: &'a mut [Event], milliseconds: i64) -> &'a [Event] {
        // SAFETY: there is room for as many events as are said.
        let count =
            unsafe { srt_epoll_uwait(self.0, events.as_mut_ptr(), events.len() as c_int, milliseconds) };
        // More may be ready than there is room for.
        let count = (count.max(0) as usize).min(events.len());
        &events[..count]
    }
}

impl Drop for Epoll {
    fn drop(&mut self) {
        // SAFETY: takes a number alone.
        unsafe { srt_epoll_release(self.0) };
    }
}

/// What libsrt calls before it accepts a caller: 0 accepts it.
unsafe extern "C" fn hook(
    opaque: *mut c_void,
    number: Number,
    _version: c_int,
    peer: *const sockaddr,
    stream_id: *const c_char,
) -> c_int {
    let decided = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: this is what `listen` gave, which is never freed.
        let decide = unsafe { &*opaque.cast::<Box<Decide>>().cast_const() };
        // SAFETY: libsrt gives the address of the caller, or null.
        let peer = unsafe { from_c(peer) }.ok_or(Reject::BAD_REQUEST)?;
        let stream_id = if stream_id.is_null() {
            String::new()
        } else {
            // SAFETY: libsrt gives a string that ends with a zero and lives as long as this call.
            unsafe { CStr::from_ptr(stream_id) }.to_string_lossy().into_owned()
        };
        // It is libsrt's to close: it must not be dropped here.
        let socket = std::mem::ManuallyDrop::new(Socket(number));
        decide(Handshake(&socket), peer, &stream_id)
    }));
    let refused = match decided {
        Ok(Ok(())) => return 0,
        Ok(Err(reject)) => reject,
        Err(panic) => panicked(panic),
    };
    // SAFETY: takes numbers alone.
    unsafe { srt_setrejectreason(number, refused.code()) };
    FAILED
}

/// A panic must not go through libsrt's frames. It was printed already; what it carries is dropped where that may panic
/// again without harm: not at all.
fn panicked(panic: Box<dyn Any + Send>) -> Reject {
    std::mem::forget(panic);
    Reject::INTERNAL
}

fn to_c(address: SocketAddr) -> (sockaddr_storage, c_int) {
    let mut storage = MaybeUninit::<sockaddr_storage>::zeroed();
    let length = match address {
        SocketAddr::V4(v4) => {
            let name = sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: v4.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from(*v4.ip()).to_be() },
                sin_zero: [0; 8],
            };
            // SAFETY: a storage has room for every kind of address, and is aligned for it.
            unsafe { storage.as_mut_ptr().cast::<sockaddr_in>().write(name) };
            size_of::<sockaddr_in>()
        }
        SocketAddr::V6(v6) => {
            let name = sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: v6.port().to_be(),
                sin6_flowinfo: v6.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                sin6_scope_id: v6.scope_id(),
            };
            // SAFETY: as above.
            unsafe { storage.as_mut_ptr().cast::<sockaddr_in6>().write(name) };
            size_of::<sockaddr_in6>()
        }
    };
    // SAFETY: all zero is an address as well.
    (unsafe { storage.assume_init() }, length as c_int)
}

/// Reads an address; `None` where it is null or of another family.
///
/// # Safety
/// It must be null, or to an address of the length that its family has.
unsafe fn from_c(name: *const sockaddr) -> Option<SocketAddr> {
    if name.is_null() {
        return None;
    }
    // SAFETY: every address begins with its family; reading does not ask for an alignment.
    match c_int::from(unsafe { (&raw const (*name).sa_family).read_unaligned() }) {
        libc::AF_INET => {
            // SAFETY: the family says which structure it is.
            let v4 = unsafe { name.cast::<sockaddr_in>().read_unaligned() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::new(IpAddr::V4(ip), u16::from_be(v4.sin_port)))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { name.cast::<sockaddr_in6>().read_unaligned() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            let port = u16::from_be(v6.sin6_port);
            Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
        }
        _ => None,
    }
}

/// `CBytePerfMon`, whose fields are in this order in all versions; those that later versions add are behind them.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
#[rustfmt::skip]
pub(crate) struct Measured {
    since_start_ms: i64,
    pub(crate) packets_sent: i64, pub(crate) packets_received: i64,
    send_loss: c_int, pub(crate) receive_loss: c_int, pub(crate) packets_sent_again: c_int,
    acks: [c_int; 4],
    sending_us: i64,
    pub(crate) send_drop: c_int, pub(crate) receive_drop: c_int, undecrypted: c_int,
    pub(crate) bytes_sent: u64, pub(crate) bytes_received: u64,
    bytes_lost_and_dropped: [u64; 5],
    local_packets: [i64; 2], local_counts: [c_int; 8], local_rates: [f64; 2], local_sending_us: i64,
    reorder_distance: c_int, belated_ms: f64, belated: i64, local_drops: [c_int; 3], local_bytes: [u64; 7],
    send_period_us: f64, windows: [c_int; 3],
    pub(crate) round_trip_ms: f64, pub(crate) bandwidth_mbps: f64,
    free: [c_int; 2], max_bandwidth_mbps: f64, mss: c_int,
    send_buffer: [c_int; 3], pub(crate) send_delay_ms: c_int,
    receive_buffer: [c_int; 3], pub(crate) receive_delay_ms: c_int,
    filter: [c_int; 9],
    unique: [u64; 8],
}

/// As C lays it out, on every system of 64 bits.
const _: () = assert!(size_of::<Measured>() == 496);
