//! From a tenant's device to the underlay: six hops, in this order.
//!
//! 1. [`TunQueue::recv_batch`]: packets and super-packets from the device, when the send queues are empty
//! 2. `classify`: VPC and longest prefix of the destination -> peer
//! 3. `encapsulate`: Geneve header, packet and padding into a slot of the peer's train
//! 4. [`TxSa::seal_in_place`](linkveil_sa::TxSa::seal_in_place): takes the packet number itself
//! 5. [`Slot::commit`](linkveil_net::gso::Slot::commit): the datagram is part of the train; a slot that is not
//!    committed was never there
//! 6. [`UdpQueue::send_batch`]: trains to the kernel
//!
//! A super-packet takes hops 3 to 5 in [`crate::segments`].
//!
//! Back-pressure: a device is read only while every send queue is empty. What the kernel does not take waits in its train,
//! what finds no train waits in its batch, and the tenants wait in their devices (REQ-UDP-4).

use linkveil_net::Offload;
use linkveil_net::batch::{TunBatch, TunPacket};
use linkveil_net::gso::GsoQueue;
use linkveil_net::poll::Interest;
use linkveil_net::traits::{GsoNotice, TunQueue, UdpQueue, UdpSendReport};
use linkveil_sa::{PartialChecksums, Path, PeerId, SocketIndex};
use linkveil_wire::geneve::ENCAP_LEN;
use linkveil_wire::link::{HEADER_LEN, TAG_LEN};
use linkveil_wire::tcp_mss::{self, Syn, find_syn};
use linkveil_wire::transport::{checksum_place, complete_at};
use linkveil_wire::{
    ChecksumState, Encapsulation, InnerMtu, InnerPacket, InnerProtocol, NetworkOffset, Splitter,
    Vni, ecn,
};

use crate::counters::{DropReason, LaneCounter};
use crate::inward;
use crate::orders::{Answer, SendControl};
use crate::report::Traffic;
use crate::segments::{self, SuperPacket};
use crate::snapshot::VpcIndex;
use crate::state::State;

/// Packets of one read from one device: enough to fill a train, few enough that another device is not kept waiting.
pub const TUN_BATCH: usize = 64;
/// Bytes of one read from one device: some super-packets, which together stay in a core's own cache.
pub const TUN_BATCH_BYTES: usize = 128 * 1024;
/// Trains of one send queue: one for each packet of a batch. A batch that needs more waits half-way.
pub const TRAINS: usize = TUN_BATCH;

/// Plaintexts are padded to multiples of this many bytes (REQ-PAD-1).
pub(crate) const PADDING: usize = 16;

/// Whether the underlay takes what it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Underlay {
    /// Every send queue is empty.
    Free,
    /// A socket's buffer is full: the devices wait.
    Blocked,
}

impl Underlay {
    /// What to be told about sockets and about devices.
    pub(crate) const fn interests(self) -> (Interest, Interest) {
        match self {
            Self::Free => (Interest::Readable, Interest::Readable),
            Self::Blocked => (Interest::Both, Interest::Nothing),
        }
    }
}

/// Where a packet goes, and in what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forwarding {
    pub(crate) peer: PeerId,
    /// Unknown until the peer has called or is configured with an endpoint.
    pub(crate) path: Option<Path>,
    pub(crate) inner_mtu: InnerMtu,
    /// A TCP SYN, whose segment size is to fit the path (REQ-MTU-6).
    pub(crate) syn: Option<Syn>,
    pub(crate) header: Encapsulation,
    /// The outer TOS byte.
    pub(crate) tos: u8,
}

/// How far a batch from one device has come: it may need more room than the send queues have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    pub(crate) vpc: VpcIndex,
    /// The packet that is next.
    pub(crate) packet: usize,
    /// Its copy that is next, where several peers get one.
    pub(crate) copy: usize,
}

impl Progress {
    /// Nothing of the batch is sent.
    pub(crate) const fn start(vpc: VpcIndex) -> Self {
        Self {
            vpc,
            packet: 0,
            copy: 0,
        }
    }
}

/// Where a walk through a batch stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub(crate) enum Stop {
    /// At its end.
    End,
    /// Before a packet for which a send queue has no room: flush, then go on.
    NoRoom,
}

/// Hops 2 to 5 for what is left of a batch.
pub(crate) fn forward_batch<T: TunQueue>(
    state: &mut State,
    device: &mut T,
    batch: &mut TunBatch,
    progress: &mut Progress,
    queues: &mut [GsoQueue],
) -> Stop {
    let vpc = progress.vpc;
    while let Some(mut packet) = batch.packet_mut(progress.packet) {
        match forward(state, vpc, &mut packet, queues) {
            Ok(Stop::End) => {}
            Ok(Stop::NoRoom) => return Stop::NoRoom,
            Err((reason, packets)) => {
                state.drops.add_many(reason, packets);
                if reason == DropReason::TooBig {
                    inward::answer_too_big(state, device, vpc, packet.bytes());
                }
            }
        }
        progress.packet += 1;
    }
    Stop::End
}

/// Why packets were dropped, and how many: a super-packet is many.
type Dropped = (DropReason, usize);

fn forward(
    state: &mut State,
    vpc: VpcIndex,
    packet: &mut TunPacket<'_>,
    queues: &mut [GsoQueue],
) -> Result<Stop, Dropped> {
    if let Offload::Segments(cut) = packet.offload {
        let splitter = segments::look(packet.bytes(), NetworkOffset::IP, cut);
        let splitter = splitter.map_err(|reason| one(reason.into()))?;
        return forward_super(state, vpc, packet, &splitter, queues);
    }
    let mut forwarding = classify(state, vpc, packet.bytes()).map_err(one)?;
    if !has_room(&forwarding, 1, queues) {
        return Ok(Stop::NoRoom);
    }
    let checksum = settle_checksum(state, &forwarding, packet);
    forwarding.header.checksum = checksum;
    if let Some(syn) = forwarding.syn {
        let clamp = tcp_mss::clamp(packet.bytes_mut(), syn, forwarding.inner_mtu, checksum);
        state.note_clamp(clamp);
    }
    encapsulate(state, &forwarding, packet.bytes(), queues).map_err(one)?;
    Ok(Stop::End)
}

const fn one(reason: DropReason) -> Dropped {
    (reason, 1)
}

/// [`forward`] for a super-packet.
fn forward_super(
    state: &mut State,
    vpc: VpcIndex,
    packet: &mut TunPacket<'_>,
    splitter: &Splitter,
    queues: &mut [GsoQueue],
) -> Result<Stop, Dropped> {
    let all = |reason| (reason, splitter.count());
    let mut forwarding = address(state, vpc, packet.bytes()).map_err(all)?;
    let inner_mtu = usize::from(forwarding.inner_mtu.get());
    if splitter.longest() > inner_mtu {
        // The tenant sent one packet, and is told of one.
        return Err(one(DropReason::TooBig));
    }
    let trains = segments::trains_needed(splitter, inner_mtu);
    if trains > TRAINS {
        return Err(all(DropReason::TxNotSplittable));
    }
    if !has_room(&forwarding, trains, queues) {
        return Ok(Stop::NoRoom);
    }
    let (peer, path) = (forwarding.peer, forwarding.path);
    let tx = state
        .peers
        .tx(peer)
        .ok_or(DropReason::NoEpoch)
        .map_err(all)?;
    tx.check_deadline(state.now);
    let path = path.ok_or(DropReason::NoEndpoint).map_err(all)?;
    let queue = queues.get_mut(path.socket.index());
    let queue = queue.ok_or(DropReason::NoEndpoint).map_err(all)?;
    forwarding.header.checksum = segments::checksum_for(tx.partial_checksums());
    let whole = SuperPacket { packet, splitter };
    let (sent, outcome) = segments::seal_all(tx, &forwarding, whole, queue);
    state.peers.note_sent(peer, sent);
    state.tell_tx_pressure(peer);
    let sealed = usize::try_from(sent.packets).unwrap_or(usize::MAX);
    let missing = splitter.count().saturating_sub(sealed);
    outcome.map_err(|reason| (reason, missing))?;
    Ok(Stop::End)
}

/// What the packet's checksum covers when it leaves: as much as the peer takes. The kernel's word on where a partial one lies
/// counts only if it is ours as well (REQ-CSUM-2); else the sum is completed as the kernel says. It is never SCTP's CRC-32c:
/// TUN devices do not offer that, so the kernel completes it before.
fn settle_checksum(
    state: &mut State,
    forwarding: &Forwarding,
    packet: &mut TunPacket<'_>,
) -> ChecksumState {
    let Offload::Checksum(place) = packet.offload else {
        return ChecksumState::Complete;
    };
    let accepted = state
        .peers
        .tx(forwarding.peer)
        .is_some_and(|tx| tx.partial_checksums() == PartialChecksums::Accepted);
    let (start, offset) = (usize::from(place.start), usize::from(place.offset));
    if accepted && checksum_place(packet.bytes()) == Some((start, offset)) {
        return ChecksumState::Partial;
    }
    complete_at(packet.bytes_mut(), start, offset);
    ChecksumState::Complete
}

/// Hop 2: one look at the inner header, one at the table.
#[inline]
fn classify(state: &mut State, vpc: VpcIndex, packet: &[u8]) -> Result<Forwarding, DropReason> {
    let forwarding = address(state, vpc, packet)?;
    if packet.len() > usize::from(forwarding.inner_mtu.get()) {
        return Err(DropReason::TooBig);
    }
    Ok(forwarding)
}

/// Where a packet of whatever size goes.
#[inline]
fn address(state: &mut State, vpc: VpcIndex, packet: &[u8]) -> Result<Forwarding, DropReason> {
    let inner = InnerPacket::parse(packet).map_err(DropReason::of_sent)?;
    let id = state.route(vpc, inner.destination());
    let id = id.ok_or(DropReason::NoRoute)?;
    let snapshot = &state.snapshot;
    let vni: Vni = snapshot.routes().vni(vpc).ok_or(DropReason::NoRoute)?;
    let peer = snapshot.peer(id).ok_or(DropReason::NoRoute)?;
    let protocol = if inner.destination().is_ipv4() {
        InnerProtocol::Ipv4
    } else {
        InnerProtocol::Ipv6
    };
    Ok(Forwarding {
        peer: id,
        path: peer.path,
        inner_mtu: peer.inner_mtu,
        syn: find_syn(&inner),
        header: Encapsulation {
            vni,
            protocol,
            checksum: ChecksumState::Complete,
            inner_len: u16::try_from(packet.len()).map_err(|_| DropReason::TooBig)?,
        },
        // REQ-ECN-1, REQ-ECN-5
        tos: ecn::encapsulate(inner.ecn()).bits(),
    })
}

/// Whether the send queue that a packet goes to has room for so many trains; a packet that goes nowhere needs none.
#[inline]
pub(crate) fn has_room(forwarding: &Forwarding, trains: usize, queues: &[GsoQueue]) -> bool {
    let queue = forwarding
        .path
        .and_then(|path| queues.get(path.socket.index()));
    queue.is_none_or(|queue| queue.free_trains() >= trains)
}

/// Hops 3 to 5: writes the plaintext where it will be sent from, and seals it there.
#[inline]
pub(crate) fn encapsulate(
    state: &mut State,
    forwarding: &Forwarding,
    packet: &[u8],
    queues: &mut [GsoQueue],
) -> Result<(), DropReason> {
    let tx = state.peers.tx(forwarding.peer).ok_or(DropReason::NoEpoch)?;
    tx.check_deadline(state.now);
    let plaintext_len = padded_len(packet.len(), forwarding.inner_mtu.get().into());
    let path = forwarding.path.ok_or(DropReason::NoEndpoint)?;
    let queue = queues.get_mut(path.socket.index());
    let queue = queue.ok_or(DropReason::NoEndpoint)?;
    let len = HEADER_LEN + plaintext_len + TAG_LEN;
    let mut slot = queue
        .reserve(path.remote, forwarding.tos, len)
        .ok_or(DropReason::SendQueueFull)?;
    write_plaintext(
        slot.get_mut(HEADER_LEN..HEADER_LEN + plaintext_len)
            .unwrap_or_default(),
        &forwarding.header,
        packet,
    );
    tx.seal_in_place(&mut slot)?;
    slot.commit();
    let mut sent = Traffic::default();
    sent.count(packet.len());
    state.peers.note_sent(forwarding.peer, sent);
    state.tell_tx_pressure(forwarding.peer);
    Ok(())
}

/// Length of the plaintext: header and packet, padded, but not beyond the path's inner MTU (REQ-PAD-2).
pub(crate) const fn padded_len(packet_len: usize, inner_mtu: usize) -> usize {
    let len = ENCAP_LEN + packet_len;
    let (padded, most) = (len.next_multiple_of(PADDING), ENCAP_LEN + inner_mtu);
    if padded <= most {
        padded
    } else if len > most {
        len
    } else {
        most
    }
}

/// Header, packet, zeros. The slot holds remains of older packets, so every byte of it is written.
#[inline]
fn write_plaintext(room: &mut [u8], header: &Encapsulation, packet: &[u8]) {
    let Some((front, rest)) = room.split_first_chunk_mut::<ENCAP_LEN>() else {
        return;
    };
    *front = header.emit();
    if let Some((inner, padding)) = rest.split_at_mut_checked(packet.len()) {
        inner.copy_from_slice(packet);
        padding.fill(0);
    }
}

/// Seals one link control frame and queues it; it leaves with the next [`flush`].
pub(crate) fn send_control(state: &mut State, queues: &mut [GsoQueue], order: &SendControl) {
    let sent = try_send_control(state, queues, order);
    state.counters.add(match sent {
        Some(()) => LaneCounter::ControlSent,
        None => LaneCounter::ControlUnsent,
    });
}

fn try_send_control(state: &mut State, queues: &mut [GsoQueue], order: &SendControl) -> Option<()> {
    let known = state.snapshot.peer(order.peer).and_then(|peer| peer.path);
    let path = order.path.or(known)?;
    let slot = state.peers.get(order.peer)?;
    let tx = slot.tx.as_mut().filter(|tx| tx.epoch() == order.epoch)?;
    tx.check_deadline(state.now);
    let frame = order.frame.emit();
    let queue = queues.get_mut(path.socket.index())?;
    // REQ-ECN-1: Not-ECT.
    let mut slot = queue.reserve(path.remote, 0, HEADER_LEN + frame.len() + TAG_LEN)?;
    slot.get_mut(HEADER_LEN..HEADER_LEN + frame.len())?
        .copy_from_slice(&frame);
    tx.seal_in_place(&mut slot).ok()?;
    slot.commit();
    Some(())
}

/// Hop 6: everything that waits in a socket's queue.
///
/// # Errors
///
/// The socket is unusable.
pub(crate) fn flush<U: UdpQueue>(
    state: &mut State,
    index: SocketIndex,
    socket: &mut U,
    queue: &mut GsoQueue,
) -> std::io::Result<Underlay> {
    if queue.is_empty() {
        return Ok(Underlay::Free);
    }
    let report = socket.send_batch(queue)?;
    count_sent(state, report);
    note_trains(state, index, report.gso);
    Ok(if queue.is_empty() {
        Underlay::Free
    } else {
        Underlay::Blocked
    })
}

fn count_sent(state: &mut State, report: UdpSendReport) {
    let (drops, counters) = (&mut state.drops, &mut state.counters);
    drops.add_many(DropReason::UnderlayTooBig, report.dropped_too_big);
    drops.add_many(DropReason::UnderlayRefused, report.dropped);
    if report.blocked {
        counters.add(LaneCounter::UnderlayBlocked);
    }
}

/// If the kernel takes shorter trains from now on, or none: lanes do not log, control does.
#[inline]
fn note_trains(state: &mut State, index: SocketIndex, notice: GsoNotice) {
    match notice {
        GsoNotice::Unchanged => return,
        GsoNotice::Shortened => state.counters.add(LaneCounter::SegmentationShortened),
        GsoNotice::TurnedOff => state.counters.add(LaneCounter::SegmentationOff),
    }
    state.outbox.answer(Answer::Trains(index, notice));
}

#[cfg(test)]
mod tests;
