//! Linux packet sockets (packet(7)) on a protected port.

pub(crate) mod steer;
