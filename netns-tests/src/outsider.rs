//! A host on the underlay that is no gateway: from here strangers send what they like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use linkveil_net::gso::GsoQueue;
use linkveil_net::traits::UdpQueue;
use linkveil_net::udp::{LinuxUdp, ReuseportGroup};

use crate::inject::Injector;
use crate::link::Site;
use crate::netns::{Namespace, connect};
use crate::plan::Underlay;
use crate::timing::wait_for;

/// Both ends of the cable between a gateway's host and the outsider.
const DEVICE: &str = "under9";
/// Lets every UDP datagram cross in one piece.
const MTU: u16 = 65_535;
/// For the host to which the outsider is tied, and for the outsider.
const V4: [Ipv4Addr; 2] = [
    Ipv4Addr::new(198, 51, 100, 1),
    Ipv4Addr::new(198, 51, 100, 9),
];
const V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 1),
    Ipv6Addr::new(0x2001, 0xdb8, 9, 0, 0, 0, 0, 9),
];

/// See the module's text.
#[derive(Debug)]
pub struct Outsider {
    /// Where the outsider is.
    pub host: Namespace,
}

impl Outsider {
    /// Ties a new host to the host of a site. Each is the other's way to everywhere else, so that answers to forged
    /// addresses come here and end here.
    ///
    /// # Panics
    ///
    /// Without the rights to make namespaces.
    #[must_use]
    pub fn attach(site: &Site) -> Self {
        let host = Namespace::new("outsider");
        connect(&site.host, &host, DEVICE);
        for (end, namespace) in [&site.host, &host].into_iter().enumerate() {
            let (v4, v6) = (V4[end], V6[end]);
            namespace.ip(&format!("address add {v4}/24 dev {DEVICE}"));
            namespace.ip(&format!("address add {v6}/64 dev {DEVICE} nodad"));
            namespace.ip(&format!("link set {DEVICE} mtu {MTU} up"));
        }
        for (end, namespace) in [&site.host, &host].into_iter().enumerate() {
            let (v4, v6) = (V4[1 - end], V6[1 - end]);
            namespace.ip(&format!("route add default via {v4}"));
            namespace.ip(&format!("-6 route add default via {v6}"));
        }
        Self { host }
    }

    /// The outsider's own address.
    #[must_use]
    pub const fn address(&self, underlay: Underlay) -> IpAddr {
        match underlay {
            Underlay::V4 => IpAddr::V4(V4[1]),
            Underlay::V6 => IpAddr::V6(V6[1]),
        }
    }

    /// A socket at the outsider's own address and any port.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn socket(&self, underlay: Underlay) -> UdpSocket {
        let address = self.address(underlay);
        self.host.run(|| UdpSocket::bind((address, 0))).unwrap()
    }

    /// A socket that sends trains.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn trains(&self, underlay: Underlay) -> TrainSocket {
        let address = SocketAddr::new(self.address(underlay), 0);
        let mut group = self.host.run(|| ReuseportGroup::bind(address, 1)).unwrap();
        TrainSocket(group.data.remove(0))
    }

    /// Sends frames with any source to the host of the site.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    #[must_use]
    pub fn injector(&self, site: &Site) -> Injector {
        Injector::open(&self.host, &site.host, DEVICE)
    }
}

/// Sends many datagrams with one call to the kernel.
#[derive(Debug)]
pub struct TrainSocket(LinuxUdp);

impl TrainSocket {
    /// Sends the datagrams in order, neighbors of one length as one train; a shorter one ends its train.
    ///
    /// # Panics
    ///
    /// If the kernel does not take them in time, or a datagram is empty.
    pub fn send(&mut self, to: SocketAddr, datagrams: &[Vec<u8>]) {
        let mut queue = GsoQueue::new(datagrams.len());
        for datagram in datagrams {
            let mut slot = queue.reserve(to, 0, datagram.len()).unwrap();
            slot.copy_from_slice(datagram);
            slot.commit();
        }
        wait_for("room in the socket", || {
            let report = self.0.send_batch(&mut queue).unwrap();
            assert_eq!((report.dropped, report.dropped_too_big), (0, 0));
            (!report.blocked).then_some(())
        });
    }
}
