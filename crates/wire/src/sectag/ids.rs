//! The names and numbers of MACsec channels and associations.

use crate::ethernet::MacAddr;
use std::fmt;

/// Association Number (IEEE 802.1AE-2018 9.6): which of a channel's four associations, 0 to 3.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct An(u8);

impl An {
    /// How many associations a channel has room for.
    pub const COUNT: usize = 4;
    /// All of them.
    pub const ALL: [Self; Self::COUNT] = [Self(0), Self(1), Self(2), Self(3)];

    /// `None` from 4 on.
    #[must_use]
    pub const fn new(value: u8) -> Option<Self> {
        if (value as usize) < Self::COUNT {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The association that the two low bits of a TCI octet name.
    pub(super) const fn from_tci(octet: u8) -> Self {
        Self(octet & 3)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }

    /// The number as an index into per-association tables.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The one after it; 0 comes after 3.
    #[must_use]
    pub const fn successor(self) -> Self {
        Self((self.0 + 1) & 3)
    }
}

impl fmt::Display for An {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Port identifier: the last two octets of an [`Sci`] (IEEE 802.1AE-2018 9.9).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortId(u16);

impl PortId {
    /// What the ES bit implies (IEEE 802.1AE-2018 9.5).
    pub const END_STATION: Self = Self(1);
    /// What the SCB bit implies: the single copy broadcast of an EPON (IEEE 802.1AE-2018 9.5).
    pub const SINGLE_COPY_BROADCAST: Self = Self(0);

    /// Any 16-bit number.
    #[must_use]
    pub const fn new(value: u16) -> Self {
        Self(value)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Secure Channel Identifier (IEEE 802.1AE-2018 9.9): the sender's MAC address and a port. One number, as it is compared
/// for each frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sci(u64);

impl Sci {
    /// Length in octets.
    pub const LEN: usize = 8;
    /// The value that is never a channel's name.
    pub const RESERVED: Self = Self(u64::MAX);

    /// The name of the channel that starts at a port of the station with this MAC address.
    #[must_use]
    pub const fn new(address: MacAddr, port: PortId) -> Self {
        let [a, b, c, d, e, f] = address.octets();
        let [high, low] = port.0.to_be_bytes();
        Self::from_bytes([a, b, c, d, e, f, high, low])
    }

    /// The name with these octets.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(u64::from_be_bytes(bytes))
    }

    /// Its octets, as they stand in a SecTAG.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; Self::LEN] {
        self.0.to_be_bytes()
    }

    /// The MAC address in it.
    #[must_use]
    pub const fn address(self) -> MacAddr {
        let [a, b, c, d, e, f, _, _] = self.to_bytes();
        MacAddr::new([a, b, c, d, e, f])
    }

    /// The port in it.
    #[must_use]
    pub const fn port(self) -> PortId {
        let [.., high, low] = self.to_bytes();
        PortId(u16::from_be_bytes([high, low]))
    }
}

impl fmt::Display for Sci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Sci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sci({self})")
    }
}

/// Short Secure Channel Identifier: stands for the SCI in the nonces of the XPN suites
/// (IEEE 802.1AE-2018 14.7). Unique among the senders that share a key and salt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ssci(u32);

impl Ssci {
    /// Any 32-bit number.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Ssci {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// The PN field of a SecTAG (IEEE 802.1AE-2018 9.8): the whole packet number, or, with an XPN
/// suite, its lower 32 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PnField(u32);

impl PnField {
    /// Any 32-bit number.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// What of a packet number goes into a SecTAG.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the field holds the lower half"
    )]
    pub const fn of(number: crate::PacketNumber) -> Self {
        Self(number.get() as u32)
    }

    /// The number in the field.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}
