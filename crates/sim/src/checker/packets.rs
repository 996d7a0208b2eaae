//! How far each inner packet has come, and what is due.

use std::collections::BTreeMap;

use linkveil_wire::Spi;

use super::Violation;
use crate::link::GatewayId;
use crate::packet::PacketId;

/// How far one inner packet has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Progress {
    /// Given to the sender's TUN; no datagram left the gateway for it.
    Offered,
    /// Sealed and given to the link.
    Sealed,
    /// Its datagram arrived, but the receiver had no keys for it any more.
    ArrivedLate,
    /// Its datagram arrived, and the receiver had the keys.
    Arrived,
    /// It came out of the receiver's TUN.
    Delivered,
}

#[derive(Debug, Default)]
pub(super) struct Packets {
    expected: BTreeMap<PacketId, Expected>,
    due: BTreeMap<GatewayId, Due>,
}

/// One inner packet.
#[derive(Debug)]
struct Expected {
    bytes: Vec<u8>,
    destination: GatewayId,
    progress: Progress,
}

/// What a gateway must do before the moment is over.
#[derive(Debug, Default)]
struct Due {
    to_leave: Vec<PacketId>,
    to_come_out: Vec<(PacketId, Spi)>,
}

impl Packets {
    pub(super) fn offer(&mut self, id: PacketId, destination: GatewayId, bytes: &[u8]) {
        let expected = Expected {
            bytes: bytes.to_vec(),
            destination,
            progress: Progress::Offered,
        };
        self.expected.insert(id, expected);
    }

    /// The packet has come at least this far.
    pub(super) fn progress(&mut self, id: PacketId, progress: Progress) {
        if let Some(expected) = self.expected.get_mut(&id) {
            expected.progress = expected.progress.max(progress);
        }
    }

    pub(super) fn must_leave(&mut self, gateway: GatewayId, id: PacketId) {
        self.due.entry(gateway).or_default().to_leave.push(id);
    }

    pub(super) fn must_come_out(&mut self, gateway: GatewayId, id: PacketId, spi: Spi) {
        self.progress(id, Progress::Arrived);
        let due = self.due.entry(gateway).or_default();
        due.to_come_out.push((id, spi));
    }

    pub(super) fn arrive_late(&mut self, id: PacketId) {
        self.progress(id, Progress::ArrivedLate);
    }

    /// What is wrong with this delivery. `None`: the packet was never sent like this.
    pub(super) fn deliver(
        &mut self,
        id: PacketId,
        gateway: GatewayId,
        bytes: &[u8],
    ) -> Option<Vec<Violation>> {
        let expected = self.expected.get_mut(&id)?;
        if expected.bytes != bytes {
            return None;
        }
        let meant = expected.destination;
        let misrouted = (meant != gateway).then_some(Violation::Misrouted {
            packet: id,
            meant,
            gateway,
        });
        let untimely = match expected.progress {
            Progress::Arrived => None,
            Progress::ArrivedLate => Some(Violation::DeliveredUnderOldKeys(id)),
            Progress::Delivered => Some(Violation::DeliveredTwice(id)),
            Progress::Offered | Progress::Sealed => Some(Violation::DeliveredUnsent(id)),
        };
        expected.progress = Progress::Delivered;
        Some(misrouted.into_iter().chain(untimely).collect())
    }

    /// What was due at this gateway and did not happen. Keys that were given up meanwhile excuse a packet.
    pub(super) fn settle(
        &mut self,
        gateway: GatewayId,
        holds: impl Fn(Spi) -> bool,
    ) -> Vec<Violation> {
        let Some(due) = self.due.get_mut(&gateway) else {
            return Vec::new();
        };
        let (to_leave, to_come_out) = (
            std::mem::take(&mut due.to_leave),
            std::mem::take(&mut due.to_come_out),
        );
        let stayed = to_leave
            .into_iter()
            .filter(|id| self.progress_of(*id) == Some(Progress::Offered))
            .map(Violation::NotSent);
        let vanished = to_come_out
            .into_iter()
            .filter(|(id, spi)| self.progress_of(*id) != Some(Progress::Delivered) && holds(*spi))
            .map(|(id, _)| Violation::NotDelivered(id));
        stayed.chain(vanished).collect()
    }

    pub(super) fn forget_dues(&mut self, gateway: GatewayId) {
        self.due.remove(&gateway);
    }

    pub(super) fn progress_of(&self, id: PacketId) -> Option<Progress> {
        self.expected.get(&id).map(|expected| expected.progress)
    }

    pub(super) fn stuck_at(&self, progress: Progress) -> Vec<PacketId> {
        self.expected
            .iter()
            .filter(|(_, expected)| expected.progress == progress)
            .map(|(id, _)| *id)
            .collect()
    }
}
