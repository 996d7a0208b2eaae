//! A peer made by hand from noise, sa and wire: it sends what a gateway never would.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use linkveil_crypto::{PublicKey, StaticSecret};
use linkveil_net::batch::UdpBatch;
use linkveil_net::clock;
use linkveil_net::gso::GsoQueue;
use linkveil_net::traits::UdpQueue;
use linkveil_net::udp::{LinuxUdp, ReuseportGroup};
use linkveil_noise::Established;
use linkveil_sa::tx::SEAL_OVERHEAD;
use linkveil_sa::{
    EpochId, Limits, PartialChecksums, PeerId, RxEpoch, RxInstall, TxInstall, TxSa, split_epoch,
};
use linkveil_wire::link::{HEADER_LEN, TAG_LEN};
use linkveil_wire::{ControlFrame, Datagram, Encapsulation, GeneveFrame, LaneCount, Spi};

use crate::dial::shake_hands;
use crate::netns::Namespace;
use crate::timing::wait_for;

/// The SPI on which the hand-made peer receives.
const SPI: u32 = 0x7e57_7e57;
/// How long the epoch may live; longer than any test.
const LIFETIME: Duration = Duration::from_secs(600);

/// Both ends of an established link, of which the other is a gateway.
#[derive(Debug)]
pub struct HandMadePeer {
    data: LinuxUdp,
    control: UdpSocket,
    remote: SocketAddr,
    /// One association for each of our lanes, in lane order.
    pub lanes: Vec<TxSa>,
    receive: RxEpoch,
}

/// Whom to call, and as whom.
#[derive(Debug)]
pub struct Call {
    /// Our key.
    pub secret: StaticSecret,
    /// Our address.
    pub local: SocketAddr,
    /// The gateway's address.
    pub remote: SocketAddr,
    /// The gateway's key.
    pub public_key: PublicKey,
    /// How many lanes we announce.
    pub lanes: LaneCount,
}

impl HandMadePeer {
    /// Shakes hands with a gateway from the namespace `host`, with AES-256-GCM and ML-KEM, and confirms the epoch.
    ///
    /// # Panics
    ///
    /// If the gateway does not answer as it should.
    #[must_use]
    pub fn call(host: &Namespace, call: &Call) -> Self {
        let group = host.run(|| ReuseportGroup::bind(call.local, 1)).unwrap();
        let ReuseportGroup { mut data, control } = group;
        let established = shake_hands(&control, call, Spi::new(SPI).unwrap());
        let (lanes, receive) = install(established, call.lanes);
        let mut peer = Self {
            data: data.remove(0),
            control,
            remote: call.remote,
            lanes,
            receive,
        };
        peer.confirm();
        peer
    }

    /// The socket from which handshake messages go.
    #[must_use]
    pub const fn control(&self) -> &UdpSocket {
        &self.control
    }

    /// Seals an inner packet on one of our lanes, padded as docs/protocol.md has it.
    ///
    /// # Panics
    ///
    /// If there is no such lane.
    pub fn seal(&mut self, lane: usize, header: &Encapsulation, inner: &[u8]) -> Vec<u8> {
        let plaintext = [header.emit().as_slice(), inner].concat();
        seal(&mut self.lanes[lane], &plaintext)
    }

    /// Sends datagrams in order, as trains of equal length where neighbors allow it: one call to the kernel for up to 64,
    /// and one train in the receiver's socket, whatever lanes they are from.
    ///
    /// # Panics
    ///
    /// If the kernel does not take them in time.
    pub fn send(&mut self, datagrams: &[Vec<u8>]) {
        let mut queue = GsoQueue::new(1);
        for datagram in datagrams {
            loop {
                if let Some(mut slot) = queue.reserve(self.remote, 0, datagram.len()) {
                    slot.copy_from_slice(datagram);
                    slot.commit();
                    break;
                }
                self.flush(&mut queue);
            }
        }
        self.flush(&mut queue);
    }

    fn flush(&mut self, queue: &mut GsoQueue) {
        wait_for("room in the socket", || {
            let report = self.data.send_batch(queue).unwrap();
            assert_eq!((report.dropped, report.dropped_too_big), (0, 0));
            (!report.blocked).then_some(())
        });
    }

    /// Tells the gateway that we send under the new keys, and waits until it does so, too.
    fn confirm(&mut self) {
        let frame = seal(&mut self.lanes[0], &ControlFrame::Confirm.emit());
        self.send(&[frame]);
        let mut batch = UdpBatch::new(8);
        wait_for("ConfirmAck", || {
            self.data.recv_batch(&mut batch).unwrap();
            let acknowledged = (0..batch.len()).any(|index| self.is_confirm_ack(&mut batch, index));
            acknowledged.then_some(())
        });
    }

    fn is_confirm_ack(&mut self, batch: &mut UdpBatch, index: usize) -> bool {
        let (meta, buffer) = batch.buffer_mut(index).unwrap();
        meta.segments().any(|range| {
            let datagram = Datagram::parse(&mut buffer[range]).unwrap();
            let mut opened = self.receive.open_in_place(datagram).unwrap();
            let frame = GeneveFrame::parse(opened.plaintext()).unwrap();
            matches!(frame, GeneveFrame::Control(ControlFrame::ConfirmAck))
        })
    }
}

fn install(established: Established, lanes: LaneCount) -> (Vec<TxSa>, RxEpoch) {
    let Established {
        secret,
        role,
        post_quantum,
        suite,
        remote,
    } = established;
    let (tx, rx) = split_epoch(secret, suite, post_quantum, role.sends());
    let (peer, epoch) = (PeerId::new(0), EpochId::new(1));
    let hard_deadline = clock::now() + LIFETIME;
    let tx = TxInstall {
        peer,
        epoch,
        spi: remote.spi,
        lanes,
        keys: tx,
        limits: Limits::production(suite),
        hard_deadline,
        partial_checksums: PartialChecksums::Accepted,
    };
    let rx = RxInstall {
        peer,
        epoch,
        spi: Spi::new(SPI).unwrap(),
        peer_lanes: remote.lanes,
        keys: rx,
        limits: Limits::production(suite),
        hard_deadline,
    };
    let receive = rx.into_lanes(LaneCount::ONE).next().unwrap();
    (tx.into_lanes().collect(), receive)
}

/// Seals a plaintext after padding it to 16 bytes.
fn seal(association: &mut TxSa, plaintext: &[u8]) -> Vec<u8> {
    let padded = plaintext.len().next_multiple_of(16);
    let mut packet = vec![0; SEAL_OVERHEAD + padded];
    packet[HEADER_LEN..HEADER_LEN + plaintext.len()].copy_from_slice(plaintext);
    association.seal_in_place(&mut packet).unwrap();
    assert_eq!(packet.len(), HEADER_LEN + padded + TAG_LEN);
    packet
}
