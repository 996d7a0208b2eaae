//! The reference model of a link between two MACsec ports: what was sealed, and what came out.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use linkveil_macsec::InstallError;
use linkveil_sa::EpochId;
use linkveil_wire::{An, PacketNumber};

use super::lane::KeyName;

/// Something that must not happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Violation {
    /// A key sealed two frames with one packet number.
    NonceTwice(KeyName, PacketNumber),
    /// A frame came out more often than it went in.
    DeliveredTwice(u64),
    /// Something came out that never went in, or is not what went in.
    Altered,
    /// Lanes were to receive under an association that an epoch receives under.
    AssociationInUse {
        /// The association.
        an: An,
        /// Whose it is.
        holder: EpochId,
        /// Whose it was to be.
        epoch: EpochId,
    },
    /// A lane could not take a key.
    Install(InstallError),
    /// Frames were lost although the link lost none of them.
    Lost(Vec<u64>),
    /// The stations did not come to common keys in time.
    NoCommonKeys,
    /// A core stopped neither working nor talking.
    Restless,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What became of a frame.
#[derive(Debug)]
struct Sent {
    plain: Vec<u8>,
    at: Duration,
    delivered: bool,
    /// Whether the link, or a restart, may have lost it.
    excused: bool,
}

/// All frames and nonces of a world.
#[derive(Debug, Default)]
pub struct Model {
    frames: HashMap<u64, Sent>,
    nonces: HashSet<(KeyName, PacketNumber)>,
}

/// Where a frame's number stands in it.
const ID_AT: usize = 14;

/// A plain frame with this number and length of its payload.
#[must_use]
pub fn data_frame(id: u64, addresses: [u8; 12], len: usize) -> Vec<u8> {
    let mut frame = addresses.to_vec();
    frame.extend_from_slice(&[0x08, 0x00]);
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend(id.to_le_bytes().into_iter().cycle().take(len));
    frame
}

impl Model {
    /// A frame is sealed under this key.
    ///
    /// # Errors
    /// [`Violation::NonceTwice`].
    pub fn note_nonce(&mut self, name: KeyName, number: PacketNumber) -> Result<(), Violation> {
        if self.nonces.insert((name, number)) {
            Ok(())
        } else {
            Err(Violation::NonceTwice(name, number))
        }
    }

    /// A data frame goes in.
    pub fn note_sent(&mut self, id: u64, plain: Vec<u8>, at: Duration) {
        let sent = Sent {
            plain,
            at,
            delivered: false,
            excused: false,
        };
        self.frames.insert(id, sent);
    }

    /// The link loses this frame.
    pub fn excuse(&mut self, id: u64) {
        if let Some(frame) = self.frames.get_mut(&id) {
            frame.excused = true;
        }
    }

    /// Whatever is under way may be lost.
    pub fn excuse_all(&mut self) {
        for frame in self.frames.values_mut() {
            frame.excused = true;
        }
    }

    /// A frame comes out.
    ///
    /// # Errors
    /// [`Violation::Altered`], [`Violation::DeliveredTwice`].
    pub fn note_delivered(&mut self, plain: &[u8]) -> Result<(), Violation> {
        let id = plain.get(ID_AT..).and_then(<[u8]>::first_chunk);
        let id = u64::from_be_bytes(*id.ok_or(Violation::Altered)?);
        let frame = self.frames.get_mut(&id).ok_or(Violation::Altered)?;
        if frame.plain != plain {
            return Err(Violation::Altered);
        }
        if std::mem::replace(&mut frame.delivered, true) {
            return Err(Violation::DeliveredTwice(id));
        }
        Ok(())
    }

    /// Whether everything that was sent before this time has come out, or has an excuse.
    ///
    /// # Errors
    /// [`Violation::Lost`].
    pub fn check_delivered(&self, before: Duration) -> Result<(), Violation> {
        let lost = self
            .frames
            .iter()
            .filter(|(_, frame)| frame.at < before && !frame.delivered && !frame.excused);
        let mut lost: Vec<_> = lost.map(|(id, _)| *id).collect();
        lost.sort_unstable();
        if lost.is_empty() {
            Ok(())
        } else {
            Err(Violation::Lost(lost))
        }
    }

    /// Frames that came out.
    #[must_use]
    pub fn delivered(&self) -> usize {
        self.frames.values().filter(|frame| frame.delivered).count()
    }

    /// Frames that were sealed, those of control included.
    #[must_use]
    pub fn sealed(&self) -> usize {
        self.nonces.len()
    }

    /// Keys that sealed something.
    #[must_use]
    pub fn keys(&self) -> usize {
        let names: HashSet<_> = self.nonces.iter().map(|(name, _)| name).collect();
        names.len()
    }
}

#[cfg(test)]
mod tests;
