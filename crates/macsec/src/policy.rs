//! The management controls of reception (10.7.8).

use linkveil_sa::WINDOW_PACKETS;
use std::fmt;
use std::str::FromStr;

/// The standard's `validateFrames`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Validate {
    /// Frames whose user data is not changed are delivered without validation. For a link that is
    /// being taken out of, or into, protection.
    Disabled,
    /// Validation counts and does not discard, where user data is not changed. For trying out.
    Check,
    /// What is not authentic is discarded.
    Strict,
}

impl Validate {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Disabled, Self::Check, Self::Strict];

    /// Its name in configuration and status; the same as in `ip macsec`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Check => "check",
            Self::Strict => "strict",
        }
    }
}

impl fmt::Display for Validate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of [`Validate`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("unknown validation; there are \"strict\", \"check\" and \"disabled\"")]
pub struct UnknownValidate;

impl FromStr for Validate {
    type Err = UnknownValidate;

    fn from_str(name: &str) -> Result<Self, UnknownValidate> {
        Self::ALL
            .into_iter()
            .find(|validate| validate.name() == name)
            .ok_or(UnknownValidate)
    }
}

/// The standard's `replayProtect`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReplayProtect {
    /// Late and duplicated frames are discarded.
    On,
    /// They are delivered, the late ones counted as delayed.
    Off,
}

/// The standard's `replayWindow`: how far below the next expected packet number one may be. 0 asks
/// for strict order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct WindowSize(u64);

impl WindowSize {
    /// Strict order.
    pub const ZERO: Self = Self(0);
    /// 16,320: as much as the bitmap remembers. A floor further down would let duplicates through.
    pub const MAX: Self = Self(WINDOW_PACKETS);

    /// `None` above [`Self::MAX`].
    #[must_use]
    pub const fn new(packets: u32) -> Option<Self> {
        if packets as u64 <= Self::MAX.0 {
            Some(Self(packets as u64))
        } else {
            None
        }
    }

    /// The size in packets.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// How a `SecY` treats what it receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RxPolicy {
    /// What happens to what is not authentic.
    pub validate: Validate,
    /// Whether late and duplicated frames are discarded.
    pub replay_protect: ReplayProtect,
    /// What is late.
    pub window: WindowSize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for validate in Validate::ALL {
            assert_eq!(validate.to_string().parse(), Ok(validate));
            assert!(UnknownValidate.to_string().contains(validate.name()));
        }
        assert_eq!("Strict".parse::<Validate>(), Err(UnknownValidate));
    }

    // REQ-SECY-15
    #[test]
    fn a_window_is_at_most_what_the_bitmap_remembers() {
        assert_eq!(WindowSize::new(0), Some(WindowSize::ZERO));
        assert_eq!(WindowSize::new(16_320), Some(WindowSize::MAX));
        assert_eq!(WindowSize::new(16_321), None);
        assert_eq!(WindowSize::new(u32::MAX), None);
    }
}
