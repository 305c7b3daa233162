//! Properties of the socket, which the sender and the receiver have in common, and what they say.

use std::net::IpAddr;

use gst::glib;
use gst::prelude::*;

use crate::net::{self, Address, Interface};

/// What the socket can be told. The sender's TTL and loop are the receiver's, too, which sends to no group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// The local address; empty for any.
    pub bind_address: String,
    /// Bytes that the system holds for the socket; 0 for its default.
    pub buffer_size: u32,
    /// Names or addresses of the interfaces for multicast, with commas; empty for that of the local address, or the one
    /// that the system chooses.
    pub multicast_iface: String,
    /// From whom a group is heard; empty for all.
    pub multicast_source: String,
    /// Through how many routers datagrams go at most.
    pub ttl: i32,
    /// The same for those to a group.
    pub ttl_mc: i32,
    /// Whether this machine hears what it sends to a group.
    pub multicast_loop: bool,
    /// The code point that datagrams are marked with; -1 for none.
    pub dscp: i32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            bind_address: String::new(),
            buffer_size: 1 << 20,
            multicast_iface: String::new(),
            multicast_source: String::new(),
            ttl: 64,
            ttl_mc: 1,
            multicast_loop: true,
            dscp: -1,
        }
    }
}

impl Network {
    /// The properties of a sender.
    pub fn of_sender() -> Vec<glib::ParamSpec> {
        let default = Self::default();
        let mut properties = Self::of_both(
            "Local IP address to send from; for multicast it chooses the interface, too",
            "Name (eth0) or IP address of the network interface over which a multicast group is sent to; empty for \
             that of bind-address, or the one that the system's routes choose",
        );
        properties.extend([
            glib::ParamSpecInt::builder("ttl")
                .nick("TTL")
                .blurb("How many routers unicast datagrams may pass: TTL, or hop limit of IPv6, 1 to 255")
                .minimum(1)
                .maximum(255)
                .default_value(default.ttl)
                .mutable_ready()
                .build(),
            glib::ParamSpecInt::builder("ttl-mc")
                .nick("Multicast TTL")
                .blurb(
                    "How many routers multicast datagrams may pass: 1 keeps them within the network, 0 within this \
                     machine",
                )
                .minimum(0)
                .maximum(255)
                .default_value(default.ttl_mc)
                .mutable_ready()
                .build(),
            glib::ParamSpecBoolean::builder("multicast-loop")
                .nick("Multicast loop")
                .blurb("Whether receivers on this machine hear what it sends to a multicast group")
                .default_value(default.multicast_loop)
                .mutable_ready()
                .build(),
        ]);
        properties
    }

    /// The properties of a receiver.
    pub fn of_receiver() -> Vec<glib::ParamSpec> {
        let mut properties = Self::of_both(
            "Local IP address: of the interface on which a multicast group is joined, or to ask a server from",
            "Names (eth0) or IP addresses of the network interfaces on which a multicast group is joined, with commas; \
             empty for that of bind-address, or the one that the system's routes choose",
        );
        properties.push(
            text("multicast-source", "Multicast source")
                .blurb(
                    "IP addresses of those from whom a multicast group is heard (source-specific multicast: IGMPv3, \
                     MLDv2), with commas, or each after a +; empty for all. One in the address is used instead: \
                     udp://group:port?multicast-source=...",
                )
                .build(),
        );
        properties
    }

    fn of_both(bind_address: &str, multicast_iface: &str) -> Vec<glib::ParamSpec> {
        let default = Self::default();
        vec![
            text("bind-address", "Bind address").blurb(bind_address).build(),
            glib::ParamSpecUInt::builder("buffer-size")
                .nick("Buffer size")
                .blurb(
                    "Size of the socket's buffers in bytes; the system may give less (net.core.rmem_max). 0 for the \
                     system's default",
                )
                .maximum(1 << 30)
                .default_value(default.buffer_size)
                .mutable_ready()
                .build(),
            text("multicast-iface", "Multicast interface").blurb(multicast_iface).build(),
            glib::ParamSpecInt::builder("dscp")
                .nick("DSCP")
                .blurb(
                    "Code point of differentiated services that all datagrams are marked with (34 is AF41, 46 is EF), 0 \
                     to 63; -1 for the system's default, which is none",
                )
                .minimum(-1)
                .maximum(63)
                .default_value(default.dscp)
                .mutable_ready()
                .build(),
        ]
    }

    /// Sets a property; `false` if it is not one of these.
    pub fn set(&mut self, name: &str, value: &glib::Value) -> bool {
        let text = || value.get::<Option<String>>().ok().flatten().unwrap_or_default();
        let number = || value.get::<i32>().unwrap_or_default();
        match name {
            "bind-address" => self.bind_address = text(),
            "buffer-size" => self.buffer_size = value.get().unwrap_or_default(),
            "multicast-iface" => self.multicast_iface = text(),
            "multicast-source" => self.multicast_source = text(),
            "ttl" => self.ttl = number(),
            "ttl-mc" => self.ttl_mc = number(),
            "multicast-loop" => self.multicast_loop = value.get().unwrap_or_default(),
            "dscp" => self.dscp = number(),
            _ => return false,
        }
        true
    }

    /// The value of a property; `None` if it is not one of these.
    pub fn get(&self, name: &str) -> Option<glib::Value> {
        Some(match name {
            "bind-address" => self.bind_address.to_value(),
            "buffer-size" => self.buffer_size.to_value(),
            "multicast-iface" => self.multicast_iface.to_value(),
            "multicast-source" => self.multicast_source.to_value(),
            "ttl" => self.ttl.to_value(),
            "ttl-mc" => self.ttl_mc.to_value(),
            "multicast-loop" => self.multicast_loop.to_value(),
            "dscp" => self.dscp.to_value(),
            _ => return None,
        })
    }

    /// The local address; `None` for any.
    pub fn local(&self) -> Result<Option<IpAddr>, String> {
        let text = &self.bind_address;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| format!("the bind address \"{text}\" is no IP address"))
    }

    /// What the socket for a stream to or from this address is to be like, which is `resolved`.
    pub fn options(&self, address: &Address, resolved: IpAddr) -> Result<net::Options, String> {
        let sources = match address.sources.as_slice() {
            [] => net::sources(&self.multicast_source).map_err(|err| err.to_string())?,
            named => named.to_vec(),
        };
        let interfaces = match address.interfaces.as_str() {
            "" => &self.multicast_iface,
            named => named,
        };
        // Those who set an interface for all their addresses need not mind which of them are groups.
        let interfaces = if resolved.is_multicast() { interfaces } else { "" };
        Ok(net::Options {
            local: self.local()?,
            buffer_size: self.buffer_size as usize,
            interfaces: Interface::find_all(interfaces).map_err(|err| err.to_string())?,
            sources,
            ttl: u8::try_from(self.ttl).ok(),
            multicast_ttl: u8::try_from(self.ttl_mc).unwrap_or(1),
            multicast_loop: self.multicast_loop,
            dscp: u8::try_from(self.dscp).ok(),
        })
    }
}

fn text<'a>(name: &'a str, nick: &'a str) -> glib::ParamSpecStringBuilder<'a> {
    glib::ParamSpecString::builder(name).nick(nick).default_value(Some("")).mutable_ready()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<glib::ParamSpec> {
        let mut all = Network::of_sender();
        all.extend(Network::of_receiver());
        all
    }

    #[test]
    fn defaults_are_those_of_the_properties_and_each_is_set_and_got() {
        let default = Network::default();
        for pspec in all() {
            let value = default.get(pspec.name()).unwrap();
            let (is, said) = (format!("{value:?}"), format!("{:?}", pspec.default_value()));
            assert_eq!(is, said, "{}", pspec.name());
            let mut network = Network { ttl: 7, ..Network::default() };
            assert!(network.set(pspec.name(), &value), "{}", pspec.name());
        }
        assert!(!Network::default().set("latency", &1u32.to_value()));
        assert!(Network::default().get("latency").is_none());
    }

    fn options(network: &Network, address: &str) -> Result<net::Options, String> {
        let address: Address = address.parse().unwrap();
        let resolved = address.resolve(None).unwrap();
        network.options(&address, resolved.ip())
    }

    #[test]
    fn what_the_address_says_goes_before_the_properties() {
        let network = Network { multicast_source: "192.0.2.1".into(), ..Network::default() };
        let sources = |address: &str| options(&network, address).unwrap().sources;
        assert_eq!(sources("udp://232.0.0.1:1"), ["192.0.2.1".parse::<IpAddr>().unwrap()]);
        let named = ["192.0.2.2".parse::<IpAddr>().unwrap()];
        assert_eq!(sources("udp://232.0.0.1:1?multicast-source=192.0.2.2"), named);
    }

    #[test]
    fn numbers_outside_of_the_socket_s_are_left_to_the_system() {
        let marked = Network { dscp: 46, ttl: 3, ttl_mc: 0, ..Network::default() };
        let options = |network| options(&network, "udp://127.0.0.1:1").unwrap();
        let set = options(marked);
        assert_eq!((set.dscp, set.ttl, set.multicast_ttl), (Some(46), Some(3), 0));
        let usual = options(Network::default());
        assert_eq!((usual.dscp, usual.ttl, usual.multicast_ttl), (None, Some(64), 1));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = |network: Network| options(&network, "udp://232.0.0.1:1").unwrap_err();
        let error = wrong(Network { multicast_iface: "no-such-one".into(), ..Network::default() });
        assert!(error.contains("no network interface \"no-such-one\""), "{error}");
        let error = wrong(Network { multicast_source: "-192.0.2.1".into(), ..Network::default() });
        assert!(error.contains("leaving sources out"), "{error}");
        let error = wrong(Network { multicast_source: "here".into(), ..Network::default() });
        assert!(error.contains("\"here\""), "{error}");
        let error = wrong(Network { bind_address: "here".into(), ..Network::default() });
        assert!(error.contains("\"here\""), "{error}");
    }
}
