//! Channels for this crate's tests, from fixed keys, and a view of everything that counts.

use crate::{
    CipherSuite, PortMtu, Protection, ReplayProtect, RxPolicy, RxSak, RxSecy, SaTerms, Sak, Salt,
    TxConfig, TxForm, TxSak, TxSc, Validate, WindowSize,
};
use linkveil_crypto::AesKey;
use linkveil_wire::sectag::PnWidth;
use linkveil_wire::{An, MacAddr, PacketNumber, PortId, Sci, Ssci};

pub(crate) const DESTINATION: [u8; 6] = [0x02, 0xbb, 0, 0, 0, 2];
pub(crate) const SOURCE: MacAddr = MacAddr::new([0x02, 0xaa, 0, 0, 0, 1]);
pub(crate) const SCI: Sci = Sci::new(SOURCE, PortId::END_STATION);
pub(crate) const OTHER_SCI: Sci = Sci::new(SOURCE, PortId::new(2));
pub(crate) const AN: An = An::ALL[0];

pub(crate) const STRICT: RxPolicy = RxPolicy {
    validate: Validate::Strict,
    replay_protect: ReplayProtect::On,
    window: WindowSize::MAX,
};

pub(crate) fn policy(validate: Validate, replay_protect: ReplayProtect, window: u32) -> RxPolicy {
    RxPolicy {
        validate,
        replay_protect,
        window: WindowSize::new(window).unwrap(),
    }
}

pub(crate) fn pn(number: u64) -> PacketNumber {
    PacketNumber::new(number)
}

pub(crate) fn sak_of(suite: CipherSuite, sci: Sci, octet: u8) -> Sak {
    let key = AesKey::copy_from(&vec![octet; suite.key_len()]).unwrap();
    match suite.pn_width() {
        PnWidth::Bits32 => Sak::new(suite, sci, key).unwrap(),
        PnWidth::Bits64 => {
            let ssci = Ssci::new(u32::from(sci.port().get()));
            Sak::extended(suite, (sci, ssci), key, &Salt::new([0x5a; 12])).unwrap()
        }
    }
}

pub(crate) fn sak(suite: CipherSuite) -> Sak {
    sak_of(suite, SCI, 0x11)
}

/// Terms that begin with this number.
pub(crate) fn from(suite: CipherSuite, first: u64) -> SaTerms {
    SaTerms {
        first_pn: pn(first),
        ..SaTerms::of(suite)
    }
}

pub(crate) fn config(suite: CipherSuite) -> TxConfig {
    TxConfig {
        suite,
        sci: SCI,
        form: TxForm::Explicit,
        protection: Protection::Confidentiality,
        mtu: PortMtu::new(9_000),
    }
}

/// A channel that sends under AN 0.
pub(crate) fn tx_with(config: TxConfig, terms: SaTerms) -> TxSc {
    let mut tx = TxSc::new(config).unwrap();
    let sak = sak_of(config.suite, config.sci, 0x11);
    tx.install(AN, TxSak::new(sak, terms).unwrap()).unwrap();
    assert!(tx.encode_with(AN));
    tx
}

pub(crate) fn tx(suite: CipherSuite) -> TxSc {
    tx_with(config(suite), SaTerms::of(suite))
}

/// A receiver with the one channel that [`tx_with`] sends on.
pub(crate) fn rx_with(policy: RxPolicy, suite: CipherSuite, terms: SaTerms) -> RxSecy {
    let mut rx = RxSecy::new(suite, policy);
    rx.add_channel(SCI).unwrap();
    rx.install(AN, RxSak::new(sak(suite), terms).unwrap())
        .unwrap();
    rx
}

pub(crate) fn rx(suite: CipherSuite) -> RxSecy {
    rx_with(STRICT, suite, SaTerms::of(suite))
}

/// A plain frame with so many octets of user data, at least 2.
pub(crate) fn plain(user_data_len: usize) -> Vec<u8> {
    let mut frame = [DESTINATION, SOURCE.octets()].concat();
    frame.extend([0x08, 0x00]);
    frame.extend((2..=u8::MAX).cycle().take(user_data_len - 2));
    frame
}

/// The plain frame with the room that `protect` asks for.
pub(crate) fn with_room(tx: &TxSc, plain: &[u8]) -> Vec<u8> {
    let mut frame = vec![0xee; tx.headroom()];
    frame.extend_from_slice(plain);
    frame.resize(plain.len() + tx.overhead(), 0xee);
    frame
}

pub(crate) fn secure(tx: &mut TxSc, plain: &[u8]) -> Vec<u8> {
    let mut frame = with_room(tx, plain);
    tx.protect(&mut frame).unwrap();
    frame
}

/// A frame of this number, from a sender made for it.
pub(crate) fn numbered(suite: CipherSuite, number: u64) -> Vec<u8> {
    secure(
        &mut tx_with(config(suite), from(suite, number)),
        &plain(100),
    )
}

/// Everything that a receiver has counted and that is not zero, channels in their order.
pub(crate) fn counted(rx: &RxSecy) -> Vec<(&'static str, u64)> {
    let channels = rx.channels().iter().flat_map(|sc| sc.counters().named());
    let all = rx.counters().named().chain(channels);
    all.filter(|(_, count)| *count > 0).collect()
}

/// The same without octets.
pub(crate) fn packets(rx: &RxSecy) -> Vec<(&'static str, u64)> {
    let mut counted = counted(rx);
    counted.retain(|(name, _)| name.contains("pkts"));
    counted
}

/// What a sender has counted and that is not zero.
pub(crate) fn sent(tx: &TxSc) -> Vec<(&'static str, u64)> {
    let all = tx.counters().named();
    all.filter(|(_, count)| *count > 0).collect()
}
