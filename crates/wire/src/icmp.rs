//! "Too big" answers: ICMPv4 Destination Unreachable with code "fragmentation needed" (RFC 792, RFC 1191 s4) and ICMPv6
//! Packet Too Big (RFC 4443 s3.2). They are how a tenant's host learns what a path carries (RFC 1191, RFC 8201).
//!
//! The message comes from the *destination* of the packet that it is about. RFC 1812 s4.3.2.4 would have an address of
//! the router; but a gateway's own addresses live on the very device that the message is written into, and a host
//! discards what comes in from an address of its own (a martian, RFC 1812 s5.3.7). The destination is routed to that
//! device, so it also passes a strict reverse path filter (RFC 3704).

use crate::checksum::Checksum;
use crate::inner::{Fragment, IPV4_HEADER_LEN, IPV6_HEADER_LEN, InnerPacket, IpProtocol};
use crate::num::InnerMtu;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Longest ICMPv4 error, IP header included, in bytes: every host takes it (RFC 1812 s4.3.2.3).
pub const ICMPV4_ERROR_LEN_MAX: usize = 576;
/// Longest ICMPv6 error, IP header included, in bytes: every link carries it (RFC 4443 s2.4 c).
pub const ICMPV6_ERROR_LEN_MAX: usize = 1280;
/// Longest message of this module, in bytes.
pub const TOO_BIG_LEN_MAX: usize = ICMPV6_ERROR_LEN_MAX;

/// Type, code, checksum and 4 bytes that depend on the type; for both families the MTU fills the lower two.
const ICMP_HEADER_LEN: usize = 8;
/// Destination Unreachable, fragmentation needed and DF set (RFC 792).
const ICMPV4_FRAGMENTATION_NEEDED: [u8; 2] = [3, 4];
/// Packet Too Big, code 0 (RFC 4443 s3.2).
const ICMPV6_PACKET_TOO_BIG: [u8; 2] = [2, 0];
/// Precedence 6, "internetwork control" (RFC 1812 s4.3.2.5).
const ICMPV4_TOS: u8 = 0xc0;
/// Initial TTL and hop limit (RFC 1700; IANA's recommended default).
const TTL: u8 = 64;
/// Every IPv6 link carries this much; a host ignores a smaller value (RFC 8201 s4).
const IPV6_MTU_MIN: u16 = 1280;

/// Why a packet must not be answered (RFC 1812 s4.3.2.7, RFC 4443 s2.4 e).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum Unanswerable {
    /// A fragment other than the first. RFC 4443 would allow it, but what it is a fragment of cannot be seen.
    #[error("a later fragment is not answered")]
    LaterFragment,
    /// The packet is an ICMP error itself, or an ICMPv6 redirect.
    #[error("an ICMP error is not answered")]
    IcmpError,
    /// The headers do not show whether the packet is an ICMP error.
    #[error("a packet that may be an ICMP error is not answered")]
    Unreadable,
    /// The source is no single host's: multicast, broadcast, unspecified, loopback, reserved.
    #[error("nobody to answer")]
    Source,
    /// The destination is no single host's, as for the source.
    #[error("a packet to more than one host is not answered")]
    Destination,
    /// IPv6 over a path of less than 1280 bytes inside: the host would ignore the message.
    #[error("no IPv6 host goes below 1280 bytes")]
    BelowIpv6Minimum,
}

/// A "too big" message that may be sent.
#[derive(Clone, Copy, Debug)]
pub struct TooBig<'a> {
    about: InnerPacket<'a>,
    mtu: InnerMtu,
}

impl<'a> TooBig<'a> {
    /// The answer to `packet`, which does not fit into `mtu`. Whether it carries "don't fragment" makes no difference.
    ///
    /// # Errors
    /// Every [`Unanswerable`].
    pub fn about(packet: InnerPacket<'a>, mtu: InnerMtu) -> Result<Self, Unanswerable> {
        if packet.fragment() == Fragment::Later {
            return Err(Unanswerable::LaterFragment);
        }
        refuse_icmp_errors(&packet)?;
        if !is_one_host(packet.source()) {
            return Err(Unanswerable::Source);
        }
        if !is_one_host(packet.destination()) {
            return Err(Unanswerable::Destination);
        }
        if packet.source().is_ipv6() && mtu.get() < IPV6_MTU_MIN {
            return Err(Unanswerable::BelowIpv6Minimum);
        }
        Ok(Self { about: packet, mtu })
    }

    /// Writes the message to the front of `out` and returns its length.
    pub fn emit(&self, out: &mut [u8; TOO_BIG_LEN_MAX]) -> usize {
        match (self.about.destination(), self.about.source()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.emit_ipv4(from, to, out),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.emit_ipv6(from, to, out),
            // The addresses of one packet are of one family.
            _ => 0,
        }
    }

    fn emit_ipv4(&self, from: Ipv4Addr, to: Ipv4Addr, out: &mut [u8]) -> usize {
        let quote = self.quote(ICMPV4_ERROR_LEN_MAX - IPV4_HEADER_LEN);
        let ip = ipv4_header(from, to, ICMP_HEADER_LEN + quote.len());
        let icmp = self.icmp_header(ICMPV4_FRAGMENTATION_NEEDED, Checksum::new(), quote);
        join(out, [&ip, &icmp, quote])
    }

    fn emit_ipv6(&self, from: Ipv6Addr, to: Ipv6Addr, out: &mut [u8]) -> usize {
        let quote = self.quote(ICMPV6_ERROR_LEN_MAX - IPV6_HEADER_LEN);
        let len = narrow(ICMP_HEADER_LEN + quote.len());
        let ip = ipv6_header(from, to, len);
        let ends = (IpAddr::V6(from), IpAddr::V6(to));
        let pseudo = Checksum::new().add_pseudo_header(ends, IpProtocol::ICMPV6.0, len);
        let icmp = self.icmp_header(ICMPV6_PACKET_TOO_BIG, pseudo, quote);
        join(out, [&ip, &icmp, quote])
    }

    /// As much of the packet as fits behind the ICMP header into `payload_max` bytes.
    fn quote(&self, payload_max: usize) -> &'a [u8] {
        let bytes = self.about.bytes();
        bytes
            .get(..payload_max.saturating_sub(ICMP_HEADER_LEN))
            .unwrap_or(bytes)
    }

    fn icmp_header(&self, kind: [u8; 2], sum: Checksum, quote: &[u8]) -> [u8; ICMP_HEADER_LEN] {
        let ([kind, code], [m0, m1]) = (kind, self.mtu.get().to_be_bytes());
        let sum = sum.add_bytes(&[kind, code, 0, 0, 0, 0, m0, m1]);
        let [c0, c1] = sum.add_bytes(quote).finish().to_be_bytes();
        [kind, code, c0, c1, 0, 0, m0, m1]
    }
}

/// RFC 1122 s3.2.2 lists the errors of ICMPv4. RFC 4443 s2.1 has a bit for those of ICMPv6, and s2.4 e.2 adds redirects.
fn refuse_icmp_errors(packet: &InnerPacket<'_>) -> Result<(), Unanswerable> {
    let kind = packet.bytes().get(packet.transport_offset());
    match (packet.protocol(), kind) {
        (IpProtocol::ICMP | IpProtocol::ICMPV6, None) => Err(Unanswerable::Unreadable),
        (IpProtocol::ICMP, Some(3 | 4 | 5 | 11 | 12))
        | (IpProtocol::ICMPV6, Some(0..=127 | 137)) => Err(Unanswerable::IcmpError),
        // The walk over the extension headers gave up at one.
        (protocol, _) if packet.source().is_ipv6() && protocol.is_ipv6_extension() => {
            Err(Unanswerable::Unreadable)
        }
        _ => Ok(()),
    }
}

/// Whether the address can be that of exactly one host: neither RFC 1122 s3.2.1.3 (IPv4) nor RFC 4291 s2.5.2, s2.5.3 and
/// s2.7 (IPv6) say otherwise. Which addresses are broadcasts of a subnet, only that subnet's routers know.
fn is_one_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [net, ..] = address.octets();
            net != 0 && !address.is_loopback() && net < 224
        }
        IpAddr::V6(address) => {
            !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
        }
    }
}

/// Not fragmented and not to be: then the identification may be 0 (RFC 6864 s4.1).
fn ipv4_header(from: Ipv4Addr, to: Ipv4Addr, payload_len: usize) -> [u8; IPV4_HEADER_LEN] {
    let [l0, l1] = narrow(IPV4_HEADER_LEN + payload_len).to_be_bytes();
    let ([s0, s1, s2, s3], [d0, d1, d2, d3]) = (from.octets(), to.octets());
    let protocol = IpProtocol::ICMP.0;
    let with_checksum = |[c0, c1]: [u8; 2]| {
        [
            0x45, ICMPV4_TOS, l0, l1, 0, 0, 0x40, 0, TTL, protocol, c0, c1, s0, s1, s2, s3, d0, d1,
            d2, d3,
        ]
    };
    let sum = Checksum::new().add_bytes(&with_checksum([0, 0]));
    with_checksum(sum.finish().to_be_bytes())
}

/// RFC 8200 s3; the kernel that gets the packet is the first to forward it.
fn ipv6_header(from: Ipv6Addr, to: Ipv6Addr, payload_len: u16) -> [u8; IPV6_HEADER_LEN] {
    let mut header = [0; IPV6_HEADER_LEN];
    let [l0, l1] = payload_len.to_be_bytes();
    let fixed = [0x60, 0, 0, 0, l0, l1, IpProtocol::ICMPV6.0, TTL];
    join(&mut header, [&fixed, &from.octets(), &to.octets()]);
    header
}

/// Writes the parts one behind the other. Returns how many bytes that are; what does not fit is left out.
fn join(out: &mut [u8], parts: [&[u8]; 3]) -> usize {
    let bytes = parts.into_iter().flatten();
    out.iter_mut()
        .zip(bytes)
        .map(|(slot, byte)| *slot = *byte)
        .count()
}

/// Lengths here are bounded by [`TOO_BIG_LEN_MAX`].
fn narrow(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
