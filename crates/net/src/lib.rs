//! Devices, sockets, namespaces and clocks: the only crate with unsafe code.
