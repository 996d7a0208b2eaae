//! A million frames from nobody in particular: nothing panics, nothing forged is delivered, and the
//! counters add up.

use linkveil_crypto::AesKey;
use linkveil_macsec::{
    CipherSuite, PortMtu, Protection, Provenance, ReplayProtect, RxPolicy, RxSak, RxSecy, SaTerms,
    Sak, Salt, TxConfig, TxForm, TxSak, TxSc, Validate, WindowSize,
};
use linkveil_sa::{Counter, Counters};
use linkveil_wire::sectag::{MIN_FRAME_LEN, PnWidth};
use linkveil_wire::{An, MacAddr, PortId, Sci, Ssci};
use std::time::{Duration, Instant};

const FRAMES: u64 = 1_000_000;
/// A slow machine does fewer; a million take a few seconds.
const TIME: Duration = Duration::from_secs(40);
const SOURCE: MacAddr = MacAddr::new([0x02, 0xaa, 0, 0, 0, 1]);
const SCI: Sci = Sci::new(SOURCE, PortId::END_STATION);
const AN: An = An::ALL[1];

/// Xorshift: the same frames in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end as u64).unwrap()
    }

    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let roll = self.roll().to_be_bytes();
            chunk.copy_from_slice(&roll[..chunk.len()]);
        }
    }
}

fn sak(suite: CipherSuite) -> Sak {
    let key = AesKey::copy_from(&vec![9; suite.key_len()]).unwrap();
    match suite.pn_width() {
        PnWidth::Bits32 => Sak::new(suite, SCI, key).unwrap(),
        PnWidth::Bits64 => {
            Sak::extended(suite, (SCI, Ssci::new(1)), key, &Salt::new([8; 12])).unwrap()
        }
    }
}

struct Link {
    tx: TxSc,
    rx: RxSecy,
    dice: Dice,
    /// The last frame that was sent.
    sent: Vec<u8>,
    plain: Vec<u8>,
}

impl Link {
    fn new(suite: CipherSuite, policy: RxPolicy, protection: Protection) -> Self {
        let config = TxConfig {
            suite,
            sci: SCI,
            form: TxForm::Explicit,
            protection,
            mtu: PortMtu::new(1_500),
        };
        let terms = SaTerms::of(suite);
        let mut tx = TxSc::new(config).unwrap();
        tx.install(AN, TxSak::new(sak(suite), terms).unwrap())
            .unwrap();
        assert!(tx.encode_with(AN));
        let mut rx = RxSecy::new(suite, policy);
        rx.add_channel(SCI).unwrap();
        rx.install(AN, RxSak::new(sak(suite), terms).unwrap())
            .unwrap();
        let dice = Dice(0x9e37_79b9_7f4a_7c15);
        let mut link = Self {
            tx,
            rx,
            dice,
            sent: vec![],
            plain: vec![],
        };
        link.send();
        link
    }

    fn send(&mut self) {
        let len = 14 + self.dice.below(200);
        self.plain = vec![0; len];
        self.dice.fill(&mut self.plain);
        self.plain[6..12].copy_from_slice(&SOURCE.octets());
        let mut frame = vec![0; self.tx.headroom()];
        frame.extend_from_slice(&self.plain);
        frame.resize(len + self.tx.overhead(), 0);
        self.tx.protect(&mut frame).unwrap();
        self.sent = frame;
    }

    /// A frame of noise, more or less like a secured one.
    fn noise(&mut self) -> Vec<u8> {
        let mut frame = vec![0; self.dice.below(160)];
        self.dice.fill(&mut frame);
        let likeness = self.dice.below(4);
        if likeness > 0 && frame.len() >= 28 {
            frame[12..14].copy_from_slice(&[0x88, 0xe5]);
            if likeness > 1 {
                frame[6..12].copy_from_slice(&SOURCE.octets());
                frame[14] &= 0x7f;
                frame[15] &= 0x3f;
            }
            if likeness > 2 {
                frame[14] = 0x20 | frame[14] & 0x0f;
                frame[15] = 0;
                frame[20..28].copy_from_slice(&SCI.to_bytes());
            }
        }
        frame
    }

    /// What was sent, with a change, or as it was.
    fn changed(&mut self) -> Vec<u8> {
        let mut frame = self.sent.clone();
        let at = self.dice.below(frame.len());
        match self.dice.below(4) {
            0 => frame[at] ^= 1 << self.dice.below(8),
            1 => frame.truncate(at),
            2 => frame.push(0),
            _ => {}
        }
        frame
    }

    fn step(&mut self) {
        let mut frame = match self.dice.below(3) {
            0 => self.changed(),
            _ => self.noise(),
        };
        // The medium may pad what is shorter than the least frame.
        let whole = frame.len() == self.sent.len() || frame.len() == MIN_FRAME_LEN;
        let genuine = frame.starts_with(&self.sent) && whole;
        let strict = self.rx.policy().validate == Validate::Strict;
        match self.rx.validate(&mut frame) {
            Ok(delivered) => {
                let authentic = delivered.is_authentic();
                assert!(authentic || !strict, "{:?}", delivered.provenance());
                if authentic {
                    assert!(genuine);
                    assert_eq!(delivered.into_frame(), self.plain);
                } else if let Provenance::Channel(judged) = delivered.provenance() {
                    assert!(!judged.first);
                }
            }
            Err(error) => assert!(!genuine, "{error}"),
        }
        if genuine {
            self.send();
        }
    }
}

fn packets<C: Counter>(counters: &Counters<C>) -> u64 {
    let packets = counters.named().filter(|(name, _)| name.contains("pkts"));
    packets.map(|(_, count)| count).sum()
}

// REQ-SECY-14, REQ-SECY-18, REQ-SECY-19
#[test]
#[expect(clippy::disallowed_methods, reason = "bounds the time of the test")]
fn a_million_frames_of_noise_move_a_million_counters() {
    let start = Instant::now();
    let mut links = vec![];
    for suite in CipherSuite::ALL {
        for validate in Validate::ALL {
            for replay_protect in [ReplayProtect::On, ReplayProtect::Off] {
                let policy = RxPolicy {
                    validate,
                    replay_protect,
                    window: WindowSize::new(64).unwrap(),
                };
                for protection in [Protection::Confidentiality, Protection::Integrity] {
                    links.push(Link::new(suite, policy, protection));
                }
            }
        }
    }
    let each = FRAMES / links.len() as u64 + 1;
    let mut done = 0;
    while done < each && start.elapsed() < TIME {
        for link in &mut links {
            link.step();
        }
        done += 1;
    }
    assert!(done > each / 20, "{done} of {each} frames for each link");
    for link in &links {
        let channel = &link.rx.channels()[0];
        let counted = packets(link.rx.counters()) + packets(channel.counters());
        assert_eq!(counted, done);
        // Everything that can happen to such frames has happened.
        let moved = |name| {
            let all = link.rx.counters().named().chain(channel.counters().named());
            all.filter(|(other, _)| *other == name)
                .any(|(_, count)| count > 0)
        };
        for name in ["in_pkts_bad_tag", "in_pkts_no_sci", "in_pkts_runt"] {
            assert!(moved(name), "{name}");
        }
        let strict = link.rx.policy().validate == Validate::Strict;
        assert_eq!(moved("in_pkts_no_tag"), strict);
        assert_eq!(moved("in_pkts_untagged"), !strict);
    }
}
