//! Network interfaces by name and index.

use std::fmt;
use std::io;

use rustix::net::netdevice;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

/// Longest interface name in bytes (IFNAMSIZ less the terminating zero).
pub const MAX_NAME_LEN: usize = 15;

/// The kernel's number of an interface, unique within one network namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceIndex(u32);

impl InterfaceIndex {
    /// The bare number, never 0.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for InterfaceIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The address of an Ethernet interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HardwareAddress([u8; 6]);

impl HardwareAddress {
    /// The address with these octets.
    #[must_use]
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// Its octets, as they stand in a frame.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl fmt::Display for HardwareAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

/// Why a text cannot name an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No bytes.
    #[error("an interface name cannot be empty")]
    Empty,
    /// More than [`MAX_NAME_LEN`] bytes.
    #[error("an interface name has at most 15 bytes")]
    TooLong,
    /// The kernel refuses `.`, `..`, white space, `/` and `:`, and expands `%`.
    #[error("an interface name cannot be `.` or `..` or contain white space, `/`, `:` or `%`")]
    Character,
}

/// Checks that the kernel would take `name` as it is.
///
/// # Errors
///
/// See [`NameError`].
pub fn check_name(name: &str) -> Result<(), NameError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ':' | '%');
    match name {
        "" => Err(NameError::Empty),
        _ if name.len() > MAX_NAME_LEN => Err(NameError::TooLong),
        "." | ".." => Err(NameError::Character),
        _ if name.contains(forbidden) => Err(NameError::Character),
        _ => Ok(()),
    }
}

/// The index of the interface `name` in the namespace of the calling thread, or `None` when there is none.
///
/// # Errors
///
/// What the system says, apart from "no such device".
pub fn index_of(name: &str) -> io::Result<Option<InterfaceIndex>> {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    match netdevice::name_to_index(&socket, name) {
        Ok(index) => Ok(Some(InterfaceIndex(index))),
        Err(rustix::io::Errno::NODEV) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests;
