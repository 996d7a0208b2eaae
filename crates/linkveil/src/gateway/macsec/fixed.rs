//! Keys that are written down: from the configuration to associations, with their packet numbers.

use std::path::Path;

use linkveil_macsec::{CipherSuite, NonceSpace, RxSak, SaTerms, Sak, SakError, TermsError, TxSak};
use linkveil_wire::{An, MacAddr, PacketNumber, Sci};

use crate::config::{KeyTerms, StaticKeys};
use crate::pn_file::{PnFile, PnFileError, PnTerms};

/// Packet numbers that are written down at once: seven seconds of 600,000 frames a second, and a thousandth of what a
/// 32-bit suite has.
const BLOCK: u64 = 1 << 22;

/// Why written-down keys are not used.
#[derive(Debug, thiserror::Error)]
pub enum StaticKeyError {
    /// The same nonces in both directions.
    #[error(
        "keys: the key to seal with and one to open with would make the same nonce: give each direction a key of its own"
    )]
    SharedNonce,
    /// The same nonces at two ports.
    #[error(
        "keys: another [[macsec]] port seals with the same key and nonces: give each port a key of its own"
    )]
    SharedWithPort,
    /// The key does not fit the suite.
    #[error("keys: {0}")]
    Sak(#[from] SakError),
    /// The first number does not fit the suite.
    #[error("keys pn: {0}")]
    Terms(#[from] TermsError),
    /// The packet numbers are not known.
    #[error(transparent)]
    PacketNumbers(#[from] PnFileError),
}

/// Written-down keys, ready to be installed.
#[derive(Debug)]
pub(super) struct FixedKeys {
    /// The association to seal with.
    pub(super) tx: (An, TxSak),
    /// The associations to open with.
    pub(super) rx: Vec<(An, RxSak)>,
    /// Who writes down the packet numbers.
    pub(super) numbers: Numbers,
}

/// The packet numbers of the association that seals.
#[derive(Debug)]
pub(super) struct Numbers(PnFile);

impl Numbers {
    /// Writes down another block above what is reserved; the new last number.
    ///
    /// # Errors
    ///
    /// [`PnFileError`].
    pub(super) fn reserve_after(
        &mut self,
        reserved: PacketNumber,
    ) -> Result<PacketNumber, PnFileError> {
        let wanted = reserved.get().saturating_add(BLOCK);
        self.0.reserve_through(PacketNumber::new(wanted))
    }
}

/// Makes associations of a port's keys. `taken` are the nonces of the ports before.
///
/// # Errors
///
/// [`StaticKeyError`].
pub(super) fn prepare(
    keys: StaticKeys,
    (suite, address): (CipherSuite, MacAddr),
    state_folder: &Path,
    taken: &mut Vec<NonceSpace>,
) -> Result<FixedKeys, StaticKeyError> {
    let StaticKeys {
        state_file,
        reuse,
        tx,
        rx,
    } = keys;
    let (an, first) = (tx.key.an, tx.key.first_pn);
    let sak = sak(suite, Sci::new(address, tx.port_id), tx.key)?;
    let mut opening = Vec::with_capacity(rx.len());
    for key in rx {
        let (an, first) = (key.key.an, key.key.first_pn);
        let other = self::sak(suite, key.sci, key.key)?;
        if other.can_share_a_nonce_with(&sak) {
            return Err(StaticKeyError::SharedNonce);
        }
        opening.push((an, RxSak::new(other, terms(suite, first))?));
    }
    let space = sak.nonce_space();
    if taken.iter().any(|other| other.id == space.id) {
        return Err(StaticKeyError::SharedWithPort);
    }
    taken.push(space);
    let wanted = PnTerms {
        space,
        first,
        last: suite.last_pn(),
        reuse,
    };
    let (file, first) = PnFile::open(&state_file, state_folder, &wanted)?;
    let mut numbers = Numbers(file);
    let before = PacketNumber::new(first.get() - 1);
    let mut tx = TxSak::new(sak, terms(suite, first))?;
    tx.reserve_through(numbers.reserve_after(before)?);
    Ok(FixedKeys {
        tx: (an, tx),
        rx: opening,
        numbers,
    })
}

fn terms(suite: CipherSuite, first_pn: PacketNumber) -> SaTerms {
    SaTerms {
        first_pn,
        ..SaTerms::of(suite)
    }
}

fn sak(suite: CipherSuite, sci: Sci, terms: KeyTerms) -> Result<Sak, SakError> {
    match terms.extended {
        None => Sak::new(suite, sci, terms.key.0),
        Some((ssci, salt)) => Sak::extended(suite, (sci, ssci), terms.key.0, &salt),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{PnReuse, RxKey, StaticKey, TxKey};
    use linkveil_crypto::AesKey;
    use linkveil_wire::PortId;

    const SUITE: CipherSuite = CipherSuite::GcmAes128;
    const OWN: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 1]);
    const OTHER: MacAddr = MacAddr::new([2, 0, 0, 0, 0, 2]);

    fn key(byte: u8) -> KeyTerms {
        KeyTerms {
            an: An::ALL[1],
            first_pn: PacketNumber::FIRST,
            key: StaticKey(AesKey::copy_from(&[byte; 16]).unwrap()),
            extended: None,
        }
    }

    fn keys(folder: &Path, (own, other): (u8, u8), sender: MacAddr) -> StaticKeys {
        let port_id = PortId::new(1);
        StaticKeys {
            state_file: folder.join("trunk.pn"),
            reuse: PnReuse::Refused,
            tx: TxKey {
                port_id,
                key: key(own),
            },
            rx: vec![RxKey {
                sci: Sci::new(sender, port_id),
                key: key(other),
            }],
        }
    }

    fn made(keys: StaticKeys, taken: &mut Vec<NonceSpace>) -> Result<FixedKeys, StaticKeyError> {
        let folder = keys.state_file.parent().unwrap().to_owned();
        prepare(keys, (SUITE, OWN), &folder, taken)
    }

    // REQ-SECY-25
    #[test]
    fn a_restart_seals_above_what_was_reserved() {
        let folder = tempfile::tempdir().unwrap();
        for run in 0..3 {
            let made = made(keys(folder.path(), (1, 2), OTHER), &mut Vec::new()).unwrap();
            let first = PacketNumber::new(run * BLOCK + 1);
            assert_eq!(made.tx.1.next_pn(), Some(first));
            assert_eq!((made.tx.0, made.rx[0].0), (An::ALL[1], An::ALL[1]));
        }
    }

    // REQ-SECY-23
    #[test]
    fn one_key_is_for_both_directions_only_if_the_channels_differ() {
        let folder = tempfile::tempdir().unwrap();
        assert!(made(keys(folder.path(), (1, 1), OTHER), &mut Vec::new()).is_ok());
        assert!(matches!(
            made(keys(folder.path(), (1, 1), OWN), &mut Vec::new()),
            Err(StaticKeyError::SharedNonce)
        ));
    }

    // REQ-SECY-23
    #[test]
    fn two_ports_do_not_seal_with_the_same_nonces() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut taken = Vec::new();
        let first = made(keys(folder.path(), (1, 2), OTHER), &mut taken);
        assert!(first.is_ok());
        assert!(matches!(
            made(keys(other.path(), (1, 2), OTHER), &mut taken),
            Err(StaticKeyError::SharedWithPort)
        ));
    }
}
