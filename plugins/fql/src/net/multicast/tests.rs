//! Groups, marks and sources over real interfaces: cables between two networks of the test's own where the system lets
//! it have these, and the loopback interface where it does not.

use std::fs::File;
use std::io::IoSliceMut;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::Command;

use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::socket::sockopt::{IpRecvTos, Ipv4RecvTtl, Ipv6RecvHopLimit, Ipv6RecvTClass};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};

use super::*;
use crate::net::socket::{listen, open};

const PORT: u16 = 4242;

/// Where datagrams go from one side to the other.
enum Place {
    /// Two networks with two cables between them, `left` to `right` and `left2` to `right2`.
    Cables {
        sends: File,
        hears: File,
    },
    Loopback,
}

impl Place {
    /// Cables where the system allows them (as root, or in a container with its own networks).
    fn find() -> Self {
        // Of this thread alone: the test harness gives each test one of its own.
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            return Self::Loopback;
        }
        let hears = this_network();
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        let place = Self::Cables { sends: this_network(), hears };
        let Self::Cables { hears, .. } = &place else { unreachable!("it was just made") };
        let there = format!("/proc/{}/fd/{}", std::process::id(), hears.as_raw_fd());
        for (number, cable) in ["", "2"].into_iter().enumerate() {
            ip(&format!("link add left{cable} type veth peer name right{cable} netns {there}"));
            for host in [1, 3] {
                ip(&format!("address add 10.77.{number}.{host}/24 dev left{cable}"));
                ip(&format!("address add fd77:{number}::{host}/64 dev left{cable} nodad"));
            }
            ip(&format!("link set left{cable} up"));
        }
        place.at_receiver(|| {
            for (number, cable) in ["", "2"].into_iter().enumerate() {
                ip(&format!("address add 10.77.{number}.2/24 dev right{cable}"));
                ip(&format!("address add fd77:{number}::2/64 dev right{cable} nodad"));
                ip(&format!("link set right{cable} up"));
            }
            wait_until_running("right");
        });
        place.at_sender(|| wait_until_running("left"));
        place
    }

    /// The interfaces of the sender, then those of the receiver.
    fn interfaces(&self) -> ([&str; 2], [&str; 2]) {
        match self {
            Self::Cables { .. } => (["left", "left2"], ["right", "right2"]),
            Self::Loopback => (["lo", "lo"], ["lo", "lo"]),
        }
    }

    /// Two addresses of the sender and a group, for each kind of addresses that there is. Tests that run beside each
    /// other on the loopback interface have groups with numbers of their own.
    fn kinds(&self, number: u8) -> Vec<([IpAddr; 2], IpAddr)> {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        match self {
            Self::Cables { .. } => vec![
                ([parse("10.77.0.1"), parse("10.77.0.3")], parse(&format!("232.77.0.{number}"))),
                ([parse("fd77:0::1"), parse("fd77:0::3")], parse("ff35::77:1")),
                ([parse("fd77:0::1"), parse("fd77:0::3")], parse("ff32::77:1")),
            ],
            Self::Loopback => {
                vec![([parse("127.0.0.1"), parse("127.0.0.2")], parse(&format!("232.77.0.{number}")))]
            }
        }
    }

    fn at_sender<T>(&self, act: impl FnOnce() -> T) -> T {
        if let Self::Cables { sends, .. } = self {
            setns(sends, CloneFlags::CLONE_NEWNET).unwrap();
        }
        act()
    }

    fn at_receiver<T>(&self, act: impl FnOnce() -> T) -> T {
        if let Self::Cables { hears, .. } = self {
            setns(hears, CloneFlags::CLONE_NEWNET).unwrap();
        }
        act()
    }

    fn sends(&self, group: IpAddr, local: Option<IpAddr>, interface: &str, marks: Options) -> UdpSocket {
        self.at_sender(|| {
            let interfaces = Interface::find_all(interface).unwrap();
            open(SocketAddr::new(group, PORT), &Options { local, interfaces, ..marks }).unwrap()
        })
    }

    fn hears(&self, group: IpAddr, interface: &str, sources: &[IpAddr]) -> UdpSocket {
        self.at_receiver(|| {
            let interfaces = Interface::find_all(interface).unwrap();
            let options = Options { interfaces, sources: sources.to_vec(), ..Options::default() };
            listen(SocketAddr::new(group, PORT), &options).unwrap()
        })
    }
}

fn this_network() -> File {
    File::open("/proc/thread-self/ns/net").unwrap()
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip of iproute2 is installed");
    assert!(status.success(), "ip {arguments}");
}

/// What is sent before the system has seen that a cable has two ends is lost.
fn wait_until_running(cable: &str) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let runs = |name: &str| {
        let mut entries = nix::ifaddrs::getifaddrs().unwrap().filter(|entry| entry.interface_name == name);
        entries.any(|entry| entry.flags.contains(nix::net::if_::InterfaceFlags::IFF_RUNNING))
    };
    while !(runs(cable) && runs(&format!("{cable}2"))) {
        assert!(std::time::Instant::now() < deadline, "{cable} should run by now");
        std::thread::yield_now();
    }
}

fn say(socket: &UdpSocket, group: IpAddr, text: &str) {
    socket.send_to(text.as_bytes(), SocketAddr::new(group, PORT)).unwrap();
}

fn heard(socket: &UdpSocket) -> String {
    let mut buffer = [0; 64];
    // The socket waits for a twentieth of a second, which a busy machine may be busy for.
    let received = (0..200).find_map(|_| socket.recv(&mut buffer).ok());
    let len = received.expect("a datagram should have come");
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

#[test]
fn a_group_is_heard_from_the_wanted_source_alone() {
    let place = Place::find();
    let ([there, _], [here, _]) = place.interfaces();
    for ([right, wrong], group) in place.kinds(1) {
        let hears = place.hears(group, here, &[right]);
        let hears_all = place.hears(group, here, &[]);
        let hears_both = place.hears(group, here, &[wrong, right]);
        let from = |source| place.sends(group, Some(source), there, Options::default());
        // One way keeps the order: what comes first is the right one only where the wrong one did not come.
        say(&from(wrong), group, "wrong");
        say(&from(right), group, "right");
        assert_eq!(heard(&hears), "right", "{group}");
        assert_eq!([heard(&hears_all), heard(&hears_all)], ["wrong", "right"], "{group}");
        assert_eq!([heard(&hears_both), heard(&hears_both)], ["wrong", "right"], "{group}");
    }
}

#[test]
fn a_group_is_sent_to_and_heard_on_the_chosen_interfaces_alone() {
    let place = Place::find();
    if let Place::Loopback = place {
        // With one interface there is nothing to choose from, but to name it works.
        let group = "239.77.0.1".parse().unwrap();
        let hears = place.hears(group, "127.0.0.1", &[]);
        say(&place.sends(group, None, "lo", Options::default()), group, "lo");
        return assert_eq!(heard(&hears), "lo");
    }
    for group in ["239.77.0.1", "ff05::77:1", "ff02::77:1"].map(|group| group.parse().unwrap()) {
        let [first, second] = ["right", "right2"].map(|interface| place.hears(group, interface, &[]));
        let both = (!is_link(group)).then(|| place.hears(group, "right,right2", &[]));
        for interface in ["left2", "left"] {
            say(&place.sends(group, None, interface, Options::default()), group, interface);
        }
        assert_eq!([heard(&first), heard(&second)], ["left", "left2"], "{group}");
        if let Some(both) = both {
            let mut all = [heard(&both), heard(&both)];
            all.sort();
            assert_eq!(all, ["left", "left2"], "{group}");
        }
        // By an address of the interface, too.
        let address = if group.is_ipv4() { "10.77.1.1" } else { "fd77:1::1" };
        say(&place.sends(group, None, address, Options::default()), group, "by address");
        let local = Some(address.parse().unwrap());
        say(&place.sends(group, local, "", Options::default()), group, "from there");
        assert_eq!([heard(&second), heard(&second)], ["by address", "from there"], "{group}");
    }
}

fn is_link(group: IpAddr) -> bool {
    matches!(group, IpAddr::V6(group) if is_of_a_link(&group))
}

/// The TTL and the class of the next datagram.
fn marks(socket: &UdpSocket) -> (i32, i32) {
    let mut buffer = [0; 64];
    let mut space = nix::cmsg_space!(i32, i32);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let received = (0..200).find_map(|_| {
        let flags = MsgFlags::empty();
        let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags).ok()?;
        Some(message.cmsgs().unwrap().collect::<Vec<_>>())
    });
    let (mut ttl, mut class) = (-1, -1);
    for message in received.expect("a datagram should have come") {
        match message {
            ControlMessageOwned::Ipv4Ttl(value) | ControlMessageOwned::Ipv6HopLimit(value) => ttl = value,
            ControlMessageOwned::Ipv4Tos(value) => class = value.into(),
            ControlMessageOwned::Ipv6TClass(value) => class = value,
            _ => (),
        }
    }
    (ttl, class)
}

fn tells_marks(socket: &UdpSocket) {
    if socket.local_addr().unwrap().is_ipv4() {
        setsockopt(socket, Ipv4RecvTtl, &true).unwrap();
        setsockopt(socket, IpRecvTos, &true).unwrap();
    } else {
        setsockopt(socket, Ipv6RecvHopLimit, &true).unwrap();
        setsockopt(socket, Ipv6RecvTClass, &true).unwrap();
    }
}

#[test]
fn datagrams_to_a_group_carry_their_ttl_and_dscp() {
    let place = Place::find();
    let ([there, _], [here, _]) = place.interfaces();
    for (_, group) in place.kinds(2) {
        let hears = place.hears(group, here, &[]);
        tells_marks(&hears);
        say(&place.sends(group, None, there, Options::default()), group, "as usual");
        assert_eq!(marks(&hears), (1, 0), "{group}");
        let marked = Options { multicast_ttl: 7, ttl: Some(9), dscp: Some(34), ..Options::default() };
        say(&place.sends(group, None, there, marked), group, "marked");
        assert_eq!(marks(&hears), (7, 34 << 2), "{group}");
    }
}

#[test]
fn datagrams_to_one_receiver_carry_their_ttl_and_dscp() {
    for local in ["127.0.0.1:0", "[::1]:0"] {
        let receiver = listen(local.parse().unwrap(), &Options::default()).unwrap();
        tells_marks(&receiver);
        let options = Options { ttl: Some(9), dscp: Some(46), ..Options::default() };
        let sender = open(receiver.local_addr().unwrap(), &options).unwrap();
        sender.send(b"marked").unwrap();
        assert_eq!(marks(&receiver), (9, 46 << 2), "{local}");
    }
}

#[test]
fn answers_of_a_receiver_of_both_kinds_of_addresses_are_marked() {
    let options = Options { dscp: Some(46), ..Options::default() };
    let receiver = listen("[::]:0".parse().unwrap(), &options).unwrap();
    let port = receiver.local_addr().unwrap().port();
    for (local, remote) in [("127.0.0.1", "127.0.0.1"), ("::1", "::1")] {
        let asks = UdpSocket::bind((local, 0)).unwrap();
        asks.set_read_timeout(Some(std::time::Duration::from_millis(50))).unwrap();
        tells_marks(&asks);
        asks.send_to(b"asked", (remote, port)).unwrap();
        let (_, from) = (0..200).find_map(|_| receiver.recv_from(&mut [0; 8]).ok()).unwrap();
        receiver.send_to(b"answer", from).unwrap();
        assert_eq!(marks(&asks).1, 46 << 2, "{local}");
    }
}

#[test]
fn this_machine_hears_what_it_sends_unless_told_otherwise() {
    let group: IpAddr = "239.77.0.2".parse().unwrap();
    let interfaces = Interface::find_all("lo").unwrap();
    let options = Options { interfaces, ..Options::default() };
    // The port is free: it is one of the system's own choice.
    let port =
        listen("127.0.0.1:0".parse().unwrap(), &Options::default()).unwrap().local_addr().unwrap().port();
    let group = SocketAddr::new(group, port);
    let receiver = listen(group, &options).unwrap();
    let silent = open(group, &Options { multicast_loop: false, ..options.clone() }).unwrap();
    assert!(!loops(&silent), "the system was told");
    let sender = open(group, &options).unwrap();
    assert!(loops(&sender));
    sender.send_to(b"heard", group).unwrap();
    assert_eq!(heard(&receiver), "heard");
}

fn loops(socket: &UdpSocket) -> bool {
    socket2::SockRef::from(socket).multicast_loop_v4().unwrap()
}

#[test]
fn what_cannot_be_is_named() {
    let options = |sources: &[&str]| Options {
        sources: sources.iter().map(|source| source.parse().unwrap()).collect(),
        ..Options::default()
    };
    let error = |local: &str, sources: &[&str]| {
        listen(local.parse().unwrap(), &options(sources)).unwrap_err().to_string()
    };
    let no_group = error("127.0.0.1:0", &["127.0.0.1"]);
    assert!(no_group.contains("127.0.0.1 is no multicast address"), "{no_group}");
    let kinds = error("232.77.0.1:0", &["::1"]);
    assert!(kinds.contains("the source ::1 and the group 232.77.0.1"), "{kinds}");
    let local = Some("192.0.2.77".parse().unwrap());
    let elsewhere = listen("239.77.0.1:0".parse().unwrap(), &Options { local, ..Options::default() });
    assert!(elsewhere.unwrap_err().to_string().contains("192.0.2.77"));
    let interfaces = vec![Interface { index: 54321, name: "gone".into(), v4: None }];
    let gone = listen("239.77.0.1:0".parse().unwrap(), &Options { interfaces, ..Options::default() });
    let gone = gone.unwrap_err().to_string();
    assert!(gone.contains("the group 239.77.0.1 be joined on gone"), "{gone}");
}
