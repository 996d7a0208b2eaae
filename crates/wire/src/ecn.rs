//! Explicit Congestion Notification across the tunnel: RFC 6040, normal mode.

/// The two ECN bits of an IP header (RFC 3168 s5).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Ecn {
    /// 00: the transport does not understand ECN.
    NotEct = 0b00,
    /// 01: ECN-capable, codepoint 1.
    Ect1 = 0b01,
    /// 10: ECN-capable, codepoint 0.
    Ect0 = 0b10,
    /// 11: congestion experienced.
    Ce = 0b11,
}

/// The low two bits of a TOS byte or traffic class.
pub(crate) const ECN_MASK: u8 = 0b11;

/// Outer "congestion experienced" around a packet whose transport cannot be told so: a router
/// dropped nothing because it believed the mark would arrive, so the tunnel drops (RFC 6040 s4.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[error("outer packet is marked CE, inner packet is not ECN-capable")]
pub struct EcnError;

impl Ecn {
    /// The mark within an IPv4 TOS byte or an IPv6 traffic class.
    #[must_use]
    pub const fn from_tos(tos: u8) -> Self {
        match tos & ECN_MASK {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The two bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self as u8
    }

    /// A TOS byte or traffic class with its mark replaced by this one.
    #[must_use]
    pub const fn in_tos(self, tos: u8) -> u8 {
        tos & !ECN_MASK | self.bits()
    }
}

/// The outer mark for a packet with this inner mark: a copy (RFC 6040 s4.1, normal mode).
#[must_use]
pub const fn encapsulate(inner: Ecn) -> Ecn {
    inner
}

/// The mark that leaves the tunnel (RFC 6040 s4.2, figure 4).
///
/// | inner \ outer | Not-ECT | ECT(0) | ECT(1) | CE     |
/// |---------------|---------|--------|--------|--------|
/// | Not-ECT       | Not-ECT | Not-ECT| Not-ECT| *drop* |
/// | ECT(0)        | ECT(0)  | ECT(0) | ECT(1) | CE     |
/// | ECT(1)        | ECT(1)  | ECT(1) | ECT(1) | CE     |
/// | CE            | CE      | CE     | CE     | CE     |
///
/// # Errors
/// [`EcnError`] in the one case where the packet must be dropped.
#[inline]
pub const fn decapsulate(inner: Ecn, outer: Ecn) -> Result<Ecn, EcnError> {
    match (inner, outer) {
        (Ecn::NotEct, Ecn::Ce) => Err(EcnError),
        (Ecn::NotEct, _) => Ok(Ecn::NotEct),
        (Ecn::Ce, _) | (_, Ecn::Ce) => Ok(Ecn::Ce),
        (Ecn::Ect1, _) | (Ecn::Ect0, Ecn::Ect1) => Ok(Ecn::Ect1),
        (Ecn::Ect0, Ecn::NotEct | Ecn::Ect0) => Ok(Ecn::Ect0),
    }
}

#[cfg(test)]
mod tests;
