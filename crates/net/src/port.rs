//! Frames of a protected Ethernet port: where received ones lie and where those to be sent wait.
//!
//! A frame here is what the wire carries, from the destination address on, without preamble and frame check sequence.
//! What is in it behind the EtherType is nobody's business in this crate.

mod batch;
mod outbox;

pub use batch::PortBatch;
pub use outbox::{PortOutbox, PortSlot};

/// Largest MTU of a protected port in bytes: the jumbo frames that switches agree on. A port with more is used up to here.
pub const PORT_MTU_MAX: usize = 9_216;

/// Header and VLAN tag in front of the MTU's bytes, which a port carries besides them.
const PORT_HEADER_LEN: usize = 14 + 4;

/// Longest frame of a port in bytes: a full one, rounded up to whole cache lines.
pub const PORT_FRAME_LEN: usize = (PORT_MTU_MAX + PORT_HEADER_LEN).next_multiple_of(64);
