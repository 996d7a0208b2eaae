//! Data datagrams made by an independent implementation (`scripts/vectors.py`), against ours.

use linkveil_crypto::{
    Direction, EpochSecret, HandshakeHash, KeyBytes, LaneContext, PostQuantum, Purpose,
    SharedSecret, Suite,
};
use linkveil_sa::{
    EpochId, Limits, PartialChecksums, PeerId, RxEpoch, RxInstall, TxInstall, TxSa, split_epoch,
    tx::SEAL_OVERHEAD,
};
use linkveil_wire::geneve::ENCAP_LEN;
use linkveil_wire::{
    ChecksumState, Datagram, GeneveFrame, InnerProtocol, Lane, LaneCount, MAX_LANES, Spi, Vni,
};
use serde_json::Value;
use std::time::{Duration, Instant};

/// One epoch of the file.
struct Epoch {
    json: Value,
    suite: Suite,
    direction: Direction,
}

fn epochs() -> Vec<Epoch> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/data.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let epochs = file["epochs"].as_array().unwrap();
    epochs
        .iter()
        .map(|epoch| Epoch::new(epoch.clone()))
        .collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn lane(vector: &Value) -> Lane {
    Lane::new(u8::try_from(vector["lane"].as_u64().unwrap()).unwrap()).unwrap()
}

fn all_lanes() -> LaneCount {
    LaneCount::new(MAX_LANES).unwrap()
}

impl Epoch {
    fn new(json: Value) -> Self {
        let suite = json["suite"].as_str().unwrap().parse().unwrap();
        let direction = match json["direction"].as_str().unwrap() {
            "initiator_to_responder" => Direction::InitiatorToResponder,
            "responder_to_initiator" => Direction::ResponderToInitiator,
            other => panic!("unknown direction {other}"),
        };
        Self {
            json,
            suite,
            direction,
        }
    }

    fn datagrams(&self) -> &[Value] {
        self.json["datagrams"].as_array().unwrap()
    }

    fn post_quantum(&self) -> PostQuantum {
        if self.json["shared_secret"].as_str().unwrap().is_empty() {
            PostQuantum::Classical
        } else {
            PostQuantum::Hybrid
        }
    }

    fn secret(&self) -> EpochSecret {
        let kem = match self.post_quantum() {
            PostQuantum::Classical => None,
            PostQuantum::Hybrid => {
                Some(SharedSecret::copy_from(&array(&self.json["shared_secret"])))
            }
        };
        EpochSecret::derive(
            &HandshakeHash::new(array(&self.json["handshake_hash"])),
            &KeyBytes::new(array(&self.json["k1"])),
            &KeyBytes::new(array(&self.json["k2"])),
            kem.as_ref(),
        )
    }

    fn spi(&self) -> Spi {
        Spi::new(u32::try_from(self.json["spi"].as_u64().unwrap()).unwrap()).unwrap()
    }

    /// One receiver lane that owns all sender lanes.
    fn receiver(&self) -> RxEpoch {
        let tx = self.direction.reverse();
        let (_, keys) = split_epoch(self.secret(), self.suite, self.post_quantum(), tx);
        let install = RxInstall {
            peer: PeerId::new(0),
            epoch: EpochId::new(0),
            spi: self.spi(),
            peer_lanes: all_lanes(),
            keys,
            limits: Limits::production(self.suite),
            hard_deadline: deadline(),
        };
        install.into_lanes(LaneCount::ONE).next().unwrap()
    }

    fn senders(&self) -> Vec<TxSa> {
        let (keys, _) = split_epoch(
            self.secret(),
            self.suite,
            self.post_quantum(),
            self.direction,
        );
        let install = TxInstall {
            peer: PeerId::new(0),
            epoch: EpochId::new(0),
            spi: self.spi(),
            lanes: all_lanes(),
            keys,
            limits: Limits::production(self.suite),
            hard_deadline: deadline(),
            partial_checksums: PartialChecksums::Accepted,
        };
        install.into_lanes().collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an Instant has no other constructor"
)]
fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(3_600)
}

#[test]
fn the_file_covers_both_suites_directions_and_kinds_of_epoch() {
    let epochs = epochs();
    for suite in Suite::ALL {
        assert!(epochs.iter().any(|epoch| epoch.suite == suite));
    }
    for direction in [
        Direction::InitiatorToResponder,
        Direction::ResponderToInitiator,
    ] {
        assert!(epochs.iter().any(|epoch| epoch.direction == direction));
    }
    for kind in [PostQuantum::Hybrid, PostQuantum::Classical] {
        assert!(epochs.iter().any(|epoch| epoch.post_quantum() == kind));
    }
    assert!(epochs.iter().all(|epoch| epoch.datagrams().len() >= 10));
}

// REQ-KEY-1, REQ-KEY-2
#[test]
fn lane_keys_are_those_of_the_vectors() {
    for epoch in epochs() {
        for vector in epoch.datagrams() {
            let keys = epoch.secret().lane_keys(&LaneContext {
                purpose: Purpose::VpcData,
                suite: epoch.suite,
                post_quantum: epoch.post_quantum(),
                direction: epoch.direction,
                lane: u16::from(lane(vector).get()),
            });
            assert_eq!(keys.key.expose(), &array(&vector["key"]));
            assert_eq!(keys.iv.expose(), &array(&vector["iv"]));
        }
    }
}

// REQ-DATA-1, REQ-DATA-2
#[test]
fn every_vector_opens_to_its_plaintext_once() {
    for epoch in epochs() {
        let mut rx = epoch.receiver();
        for vector in epoch.datagrams() {
            let mut datagram = bytes(&vector["datagram"]);
            let mut again = datagram.clone();
            let opened = rx
                .open_in_place(Datagram::parse(&mut datagram).unwrap())
                .unwrap();
            assert_eq!(opened.into_plaintext(), bytes(&vector["plaintext"]));
            assert!(
                rx.open_in_place(Datagram::parse(&mut again).unwrap())
                    .is_err()
            );
        }
    }
}

// REQ-DATA-1, REQ-DATA-2, REQ-DATA-3
#[test]
fn sealing_gives_the_datagrams_of_the_vectors() {
    let mut compared = 0;
    for epoch in epochs() {
        let mut senders = epoch.senders();
        for vector in epoch.datagrams() {
            let tx = &mut senders[lane(vector).index()];
            let number = vector["packet_number"].as_u64().unwrap();
            // A sender cannot be told its packet number: those far ahead are for the receiver only.
            if number > 10_000 || number <= tx.packets() {
                continue;
            }
            while tx.packets() + 1 < number {
                tx.seal_in_place(&mut [0; SEAL_OVERHEAD]).unwrap();
            }
            let plaintext = bytes(&vector["plaintext"]);
            let mut packet = vec![0; SEAL_OVERHEAD + plaintext.len()];
            packet[16..16 + plaintext.len()].copy_from_slice(&plaintext);
            assert_eq!(tx.seal_in_place(&mut packet).unwrap().get(), number);
            assert_eq!(packet, bytes(&vector["datagram"]), "{}", vector["name"]);
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} vectors could be sealed");
}

// REQ-GEN-1, REQ-PAD-1
#[test]
fn opened_vectors_hold_the_frames_that_they_say() {
    for epoch in epochs() {
        for vector in epoch.datagrams() {
            let plaintext = bytes(&vector["plaintext"]);
            let frame = GeneveFrame::parse(&plaintext).unwrap();
            match (vector["kind"].as_str().unwrap(), frame) {
                ("control", GeneveFrame::Control(frame)) => {
                    assert_eq!(frame.emit()[..], plaintext);
                }
                (
                    "data",
                    GeneveFrame::Data {
                        encapsulation,
                        inner,
                    },
                ) => {
                    let wanted = bytes(&vector["inner"]);
                    assert_eq!(plaintext[inner], wanted);
                    assert_eq!(plaintext[..ENCAP_LEN], encapsulation.emit());
                    let vni = u32::try_from(vector["vni"].as_u64().unwrap()).unwrap();
                    assert_eq!(Some(encapsulation.vni), Vni::new(vni));
                    let protocol = match vector["protocol"].as_str().unwrap() {
                        "ipv4" => InnerProtocol::Ipv4,
                        "ipv6" => InnerProtocol::Ipv6,
                        _ => InnerProtocol::Ethernet,
                    };
                    assert_eq!(encapsulation.protocol, protocol);
                    let partial = encapsulation.checksum == ChecksumState::Partial;
                    assert_eq!(partial, vector["partial_checksum"].as_bool().unwrap());
                }
                (kind, frame) => panic!("{kind} became {frame:?}"),
            }
        }
    }
}
