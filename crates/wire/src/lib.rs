//! Byte formats of linkveil's link protocol, version 1, and of the packets that it carries.
//!
//! Nothing here knows a key, a clock or a socket. Each file describes one format: its lengths, a
//! parser that proves the format, and the value or view that is left when the proof succeeded.
//! The normative text is `docs/protocol.md`; the requirement ids in the tests point into it.
//!
//! | module        | format                                                                |
//! |---------------|-----------------------------------------------------------------------|
//! | [`num`]       | the numbers that have a meaning: SPI, packet number, lane, VNI, MTU   |
//! | [`link`]      | the 16 clear bytes in front of every data datagram                    |
//! | [`handshake`] | initiation, response and cookie reply, around their Noise bytes       |
//! | [`payload`]   | what the two Noise messages carry                                     |
//! | [`timestamp`] | TAI64N, the order of initiations                                      |
//! | [`geneve`]    | the Geneve header and linkveil's option inside the AEAD (RFC 8926)    |
//! | [`control`]   | link control frames: Geneve frames with the O bit                     |
//! | [`inner`]     | the tenant's IPv4 or IPv6 packet                                      |
//! | [`ethernet`]  | the tenant's Ethernet frame (IEEE 802.3, IEEE 802.1Q)                 |
//! | [`transport`] | the TCP or UDP header inside it                                       |
//! | [`tcp_mss`]   | the segment size that a TCP SYN announces                             |
//! | [`icmp`]      | "too big" answers for the tenant (RFC 792, RFC 4443)                  |
//! | [`split`]     | cutting a kernel's super-packet                                       |
//! | [`merge`]     | joining packets of a flow into one                                    |
//! | [`ecn`]       | congestion marks across a tunnel (RFC 6040)                           |
//! | [`checksum`]  | the Internet checksum (RFC 1071, RFC 1624)                            |
//! | [`sectag`]    | the SecTAG of MACsec frames (IEEE 802.1AE-2018)                       |
//! | [`cipher_suite`] | the cipher suites of MACsec (IEEE 802.1AE-2018)                    |
//! | [`port`]      | frames of EtherType 0x88B5, and what stations say of their ports      |
//!
//! No parser can panic, allocate (the handshake payloads excepted, whose KEM parts are large) or
//! read past its input.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod checksum;
pub mod cipher_suite;
pub mod control;
pub mod ecn;
pub mod ethernet;
pub mod geneve;
pub mod handshake;
pub mod icmp;
pub mod inner;
pub mod link;
pub mod merge;
pub mod num;
pub mod payload;
pub mod port;
mod reader;
pub mod sectag;
pub mod split;
pub mod tcp_mss;
pub mod timestamp;
pub mod transport;

pub use checksum::Checksum;
pub use cipher_suite::{CipherSuite, UnknownCipherSuite};
pub use control::{Challenge, ControlBytes, ControlError, ControlFrame, Token};
pub use ecn::{Ecn, EcnError};
pub use ethernet::{EtherType, EthernetError, EthernetFrame, MacAddr, NetworkOffset};
pub use geneve::{ChecksumState, Encapsulation, GeneveError, GeneveFrame, InnerProtocol};
pub use handshake::{CookieReply, HandshakeError, Initiation, Response};
pub use inner::{Fragment, InnerError, InnerPacket, IpProtocol};
pub use link::{DataHeader, Datagram, LinkError, MessageType, RunKey};
pub use merge::{Joined, Merge, MergeKey, Mergeable, SuperKind, SuperPacket};
pub use num::{InnerMtu, Lane, LaneCount, MAX_LANES, PacketNumber, SourcePorts, Spi, Vni};
pub use payload::{
    HandshakeFlags, InitiationPayload, PayloadError, ResponsePayload, ResponseStatus,
};
pub use port::{PortFrame, PortFrameError, PortOffer, PortTerms};
pub use sectag::{An, PortId, Protection, Sci, SecTag, SecTagError, Ssci, TaggedFrame};
pub use split::{Segment, SplitError, Splitter};
pub use timestamp::Timestamp;
pub use transport::{TcpSegment, Transport, UdpDatagram};
