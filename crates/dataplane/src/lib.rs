//! Lanes: one thread per core that takes packets from TUN to UDP and back.
