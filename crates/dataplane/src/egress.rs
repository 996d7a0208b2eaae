//! From a tenant's device to the underlay: six hops, in this order.
//!
//! 1. [`TunQueue::recv_batch`]: packets from the device, when the send queues are empty
//! 2. `classify`: VPC and longest prefix of the destination -> peer
//! 3. `encapsulate`: Geneve header, packet and padding into a slot of the peer's train
//! 4. [`TxSa::seal_in_place`](linkveil_sa::TxSa::seal_in_place): takes the packet number itself
//! 5. [`Slot::commit`](linkveil_net::gso::Slot::commit): the datagram is part of the train; a slot that is not
//!    committed was never there
//! 6. [`UdpQueue::send_batch`]: trains to the kernel
//!
//! Back-pressure: a device is read only while every send queue is empty, and a queue has room for a whole batch. What
//! the kernel does not take waits in its train, and the tenants wait in their devices (REQ-UDP-4).

use linkveil_net::batch::TunBatch;
use linkveil_net::gso::GsoQueue;
use linkveil_net::traits::{GsoNotice, TunQueue, UdpQueue, UdpSendReport};
use linkveil_sa::{LaneEvent, Path, PeerId};
use linkveil_wire::geneve::ENCAP_LEN;
use linkveil_wire::link::{HEADER_LEN, TAG_LEN};
use linkveil_wire::tcp_mss::{self, Syn, find_syn};
use linkveil_wire::{ChecksumState, Encapsulation, InnerMtu, InnerPacket, InnerProtocol, Vni, ecn};

use crate::counters::{DropReason, LaneCounter};
use crate::inward;
use crate::orders::SendControl;
use crate::snapshot::{Snapshot, VpcIndex};
use crate::state::State;

/// Packets of one read from one device: enough to fill a train, few enough that another device is not kept waiting.
pub const TUN_BATCH: usize = 64;
/// Trains of one send queue: one for each packet of a batch, so that a batch always fits.
pub const TRAINS: usize = TUN_BATCH;

/// Plaintexts are padded to multiples of this many bytes (REQ-PAD-1).
const PADDING: usize = 16;

/// Whether the underlay takes what it is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Underlay {
    /// Every send queue is empty.
    Free,
    /// A socket's buffer is full: the devices wait.
    Blocked,
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

/// Hops 1 to 5 for one batch of one device. Returns how many packets were read.
///
/// # Errors
///
/// The device is gone.
pub(crate) fn forward_device<T: TunQueue>(
    state: &mut State,
    device: &mut T,
    vpc: VpcIndex,
    batch: &mut TunBatch,
    queues: &mut [GsoQueue],
) -> std::io::Result<usize> {
    let count = device.recv_batch(batch)?;
    for packet in batch.packets_mut() {
        if let Err(reason) = forward(state, vpc, packet.bytes, queues) {
            state.drops.add(reason);
            if reason == DropReason::TooBig {
                inward::answer_too_big(state, device, vpc, packet.bytes);
            }
        }
    }
    Ok(count)
}

fn forward(
    state: &mut State,
    vpc: VpcIndex,
    packet: &mut [u8],
    queues: &mut [GsoQueue],
) -> Result<(), DropReason> {
    let forwarding = classify(&state.snapshot, vpc, packet)?;
    if let Some(syn) = forwarding.syn {
        let mtu = forwarding.inner_mtu;
        let clamp = tcp_mss::clamp(packet, syn, mtu, forwarding.header.checksum);
        state.note_clamp(clamp);
    }
    encapsulate(state, &forwarding, packet, queues)
}

/// Hop 2: one look at the inner header, one at the table.
#[inline]
fn classify(snapshot: &Snapshot, vpc: VpcIndex, packet: &[u8]) -> Result<Forwarding, DropReason> {
    let inner = InnerPacket::parse(packet).map_err(DropReason::of_sent)?;
    let routes = snapshot.routes();
    let id = routes
        .lookup(vpc, inner.destination())
        .ok_or(DropReason::NoRoute)?;
    let vni: Vni = routes.vni(vpc).ok_or(DropReason::NoRoute)?;
    let peer = snapshot.peer(id).ok_or(DropReason::NoRoute)?;
    if packet.len() > usize::from(peer.inner_mtu.get()) {
        return Err(DropReason::TooBig);
    }
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
            // The device hands over whole packets.
            checksum: ChecksumState::Complete,
            inner_len: u16::try_from(packet.len()).map_err(|_| DropReason::TooBig)?,
        },
        // REQ-ECN-1, REQ-ECN-5
        tos: ecn::encapsulate(inner.ecn()).bits(),
    })
}

/// Whether there is room in the send queue that a packet goes to; a packet that goes nowhere needs none.
#[inline]
pub(crate) fn has_room(forwarding: &Forwarding, queues: &[GsoQueue]) -> bool {
    let queue = forwarding
        .path
        .and_then(|path| queues.get(path.socket.index()));
    queue.is_none_or(|queue| queue.free_trains() > 0)
}

/// Hops 3 to 5: writes the plaintext where it will be sent from, and seals it there.
#[inline]
pub(crate) fn encapsulate(
    state: &mut State,
    forwarding: &Forwarding,
    packet: &[u8],
    queues: &mut [GsoQueue],
) -> Result<(), DropReason> {
    let slot = state.peers.get(forwarding.peer);
    let tx = slot.and_then(|slot| slot.tx.as_mut());
    let tx = tx.ok_or(DropReason::NoEpoch)?;
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
    // Left for the next packet if control cannot be told now.
    if state.outbox.has_room()
        && let Some(pressure) = tx.take_pressure()
    {
        let (peer, epoch) = (tx.peer(), tx.epoch());
        state.tell(LaneEvent::Pressure {
            peer,
            epoch,
            pressure,
        });
    }
    state.peers.note_sent(forwarding.peer, packet.len());
    Ok(())
}

/// Length of the plaintext: header and packet, padded, but not beyond the path's inner MTU (REQ-PAD-2).
const fn padded_len(packet_len: usize, inner_mtu: usize) -> usize {
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
    socket: &mut U,
    queue: &mut GsoQueue,
) -> std::io::Result<Underlay> {
    if queue.is_empty() {
        return Ok(Underlay::Free);
    }
    let report = socket.send_batch(queue)?;
    count_sent(state, report);
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
    if report.gso == GsoNotice::TurnedOff {
        counters.add(LaneCounter::SegmentationOff);
    }
}

#[cfg(test)]
mod tests;
