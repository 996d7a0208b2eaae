//! Gateways between network namespaces, on real TUN devices and sockets: what the scenarios in `tests/` share.
//!
//! ```text
//!      vpc-a                host-a                       host-b                vpc-b
//!   +-----------+     +----------------+           +----------------+     +-----------+
//!   | tenant    |     |  linkveil up   |           |  linkveil up   |     |    tenant |
//!   | 10.1.0.1  |     |                |           |                |     |  10.2.0.1 |
//!   | fd01::1 lv-blue ==  192.0.2.1  under0 ---- under0  192.0.2.2  == lv-blue  fd02::1 |
//!   +-----------+     |  2001:db8::1   |    veth   |  2001:db8::2   |     +-----------+
//!                     +----------------+           +----------------+
//! ```
//!
//! Each box is a network namespace of its own. The gateways run in the hosts; their devices live with the tenants. Two
//! tenants make two boxes on either side. Whatever a test makes carries a name that no other run uses and goes away with
//! the value that stands for it, also when the test panics.
//!
//! | module       | what it holds                                                              |
//! |--------------|-----------------------------------------------------------------------------|
//! | [`netns`]    | a namespace, and programs and sockets inside it                            |
//! | [`plan`]     | the picture above as a value that a test may change before the start       |
//! | [`keys`]     | key pairs for configurations and for the hand-made peer                    |
//! | [`link`]     | the picture, running                                                       |
//! | [`mesh`]     | three gateways with an Ethernet VPC between them, running                   |
//! | [`station`]  | a host in an Ethernet VPC that sends and sees whole frames                  |
//! | [`gateway`]  | one `linkveil up` process: start, ready, signals, log                      |
//! | [`status`]   | what `linkveil status --json` says, and assertions over all counters       |
//! | [`traffic`]  | ping, paced UDP flows, TCP copies                                          |
//! | [`streams`]  | datagrams, trains and a TCP stream for device offloads                     |
//! | [`peer`]     | a peer made by hand from noise, sa and wire, for what a gateway never sends |
//! | [`dial`]     | a handshake by hand, as initiator                                          |
//! | [`rogue`]    | a configured peer that abuses its keys                                     |
//! | [`crime`]    | what such a peer seals                                                     |
//! | [`trunk`]    | two hosts on a cable that MACsec protects                                    |
//! | [`third`]    | a third site, of another gateway                                           |
//! | [`outsider`] | a host on the underlay that is no gateway                                  |
//! | [`forge`]    | handshake messages of strangers                                            |
//! | [`inject`]   | frames with forged addresses                                               |
//! | [`dice`]     | garbage that is the same in every run                                      |
//! | [`capture`]  | what passes the underlay                                                   |
//! | [`kernel`]   | what the kernel dropped before a gateway saw it, what crossed a device     |
//! | [`timing`]   | waiting for something, with an end                                         |
//! | [`vm`]       | a stock kernel in a virtual machine                                        |
//! | [`macsec`]   | a MACsec link between us and that kernel                                   |
//! | [`skip`]     | tests that the machine does not allow                                      |
//!
//! The tests need root, or a user namespace that owns its network (`scripts/test` makes one). They run one after the
//! other, since they measure lost packets on a machine with few cores.
#![forbid(unsafe_code)]

pub mod capture;
pub mod crime;
pub mod dial;
pub mod dice;
pub mod forge;
pub mod gateway;
pub mod inject;
pub mod kernel;
pub mod keys;
pub mod link;
pub mod macsec;
pub mod mesh;
pub mod netns;
pub mod outsider;
pub mod peer;
pub mod plan;
pub mod rogue;
pub mod skip;
pub mod station;
pub mod status;
pub mod streams;
pub mod third;
pub mod timing;
pub mod traffic;
pub mod trunk;
pub mod vm;
