//! Devices, sockets, namespaces and clocks: the only crate with unsafe code.
//!
//! The three traits [`TunQueue`], [`UdpQueue`] and [`PortQueue`] are all that a lane knows of the outside. Two families implement them:
//! the Linux ones ([`LinuxTun`], [`LinuxUdp`], [`LinuxPort`]) and the in-memory ones ([`memory`]); [`impair`] makes a bad network of any of them. The batch types ([`TunBatch`],
//! [`UdpBatch`], [`GsoQueue`], [`PortBatch`], [`PortOutbox`]) own all packet memory, are allocated once per lane, and are reused for ever.
#![deny(unsafe_op_in_unsafe_fn)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

pub mod affinity;
pub mod batch;
pub mod clock;
pub mod frames;
pub mod gso;
pub mod impair;
pub mod interface;
pub mod memory;
pub mod netns;
pub mod packet;
pub mod path_mtu;
pub mod poll;
pub mod port;
mod sys;
#[cfg(test)]
mod testing;
pub mod traits;
pub mod tun;
pub mod udp;
pub mod virtio;

pub use affinity::{Core, allowed_cores, pin_to};
pub use batch::{Arena, InnerSlice, RecvMeta, TunBatch, TunPacket, UdpBatch};
pub use frames::{Frame, FrameFull, FrameList};
pub use gso::{GsoQueue, Slot, Train};
pub use impair::{ImpairConfig, ImpairCounts, Impaired, ImpairedPort, Impairment};
pub use netns::{Netns, NetnsError};
pub use packet::{ControlFrame, ControlPort, LinuxPort, PacketPort, PortError, Reception};
pub use path_mtu::path_mtu;
pub use poll::{Interest, Poller, Readiness, Token, WakeUp, Waker};
pub use port::{PORT_FRAME_LEN, PORT_MTU_MAX, PortBatch, PortOutbox, PortSlot};
pub use traits::{
    GsoNotice, PortQueue, PortSendReport, TunQueue, TunSendReport, UdpQueue, UdpSendReport,
};
pub use tun::{DeviceKind, LinuxTun, TunDevice, TunError};
pub use udp::{LinuxUdp, ReuseportGroup};
pub use virtio::{ChecksumPlace, Offload, Offloads, SegmentProtocol, Segmentation};
