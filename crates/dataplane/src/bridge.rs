//! Ethernet VPCs: what takes the place of hop 2 on the way out and of hop 5 on the way in.
//!
//! A frame goes to the peer behind which its destination is; to all peers of the VPC, each copy sealed for itself, if
//! that is a group or nobody knows where it is. What comes from a peer goes to the local device and nowhere else (split
//! horizon), so no frame can run in circles between gateways. Who sent a frame is told to control, which learns from it
//! where stations are ([`crate::learner`]).

use linkveil_net::batch::TunBatch;
use linkveil_net::gso::GsoQueue;
use linkveil_sa::PeerId;
use linkveil_wire::transport::complete_checksum;
use linkveil_wire::{
    ChecksumState, Ecn, Encapsulation, EthernetFrame, InnerProtocol, MacAddr, ecn,
};

use crate::counters::{DropReason, LaneCounter};
use crate::egress::{self, Forwarding, Progress, Stop};
use crate::ingress::Unsettled;
use crate::mac_table::MacOwner;
use crate::sighting::{Noted, Sighting};
use crate::snapshot::{Snapshot, VpcIndex};
use crate::state::State;

/// Who gets a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Target {
    Peer(PeerId),
    /// All peers of the VPC.
    Flood,
}

/// Hops 2 to 5 for what is left of a batch.
pub(crate) fn forward_batch(
    state: &mut State,
    batch: &mut TunBatch,
    progress: &mut Progress,
    queues: &mut [GsoQueue],
) -> Stop {
    while let Some(packet) = batch.packet_mut(progress.packet) {
        if forward(state, progress, packet.bytes(), queues) == Stop::NoRoom {
            return Stop::NoRoom;
        }
        progress.packet += 1;
        progress.copy = 0;
    }
    Stop::End
}

fn forward(
    state: &mut State,
    progress: &mut Progress,
    frame: &[u8],
    queues: &mut [GsoQueue],
) -> Stop {
    let outgoing = match classify(state, progress, frame) {
        Ok(outgoing) => outgoing,
        Err(reason) => {
            state.drops.add(reason);
            return Stop::End;
        }
    };
    while let Some(peer) = next_peer(&state.snapshot, outgoing.target, progress) {
        match address(&state.snapshot, peer, &outgoing, frame.len()) {
            Ok(forwarding) if !egress::has_room(&forwarding, 1, queues) => return Stop::NoRoom,
            Ok(forwarding) => {
                if let Err(reason) = egress::encapsulate(state, &forwarding, frame, queues) {
                    state.drops.add(reason);
                }
            }
            Err(reason) => state.drops.add(reason),
        }
        progress.copy += 1;
    }
    Stop::End
}

/// A frame as it will leave, before it is known to whom.
#[derive(Clone, Copy, Debug)]
struct Outgoing {
    target: Target,
    header: Encapsulation,
    tos: u8,
}

/// Hop 2: one look at the Ethernet header, two at the table (REQ-L2-4, REQ-L2-6 to REQ-L2-8, REQ-L2-10).
#[inline]
fn classify(state: &mut State, progress: &Progress, bytes: &[u8]) -> Result<Outgoing, DropReason> {
    let vpc = progress.vpc;
    let frame = EthernetFrame::parse(bytes).map_err(|_| DropReason::TxTooShort)?;
    let (source, destination) = (frame.source(), frame.destination());
    if !source.is_station() {
        return Err(DropReason::TxSourceMac);
    }
    let known = state.snapshot.macs().owner(vpc, source);
    see(state, (vpc, source), MacOwner::Local, known);
    let target = target(&state.snapshot, progress, destination)?;
    let routes = state.snapshot.routes();
    let peers = routes.bridge(vpc).filter(|peers| !peers.is_empty());
    let (_, vni) = peers.zip(routes.vni(vpc)).ok_or(DropReason::NoRoute)?;
    Ok(Outgoing {
        target,
        header: Encapsulation {
            vni,
            protocol: InnerProtocol::Ethernet,
            // The device hands over whole frames.
            checksum: ChecksumState::Complete,
            inner_len: u16::try_from(bytes.len()).map_err(|_| DropReason::TooBig)?,
        },
        // REQ-L2-12
        tos: ecn::encapsulate(mark_of(&frame)).bits(),
    })
}

/// A frame that went to some peers goes to the others, whatever was learned in between.
#[inline]
fn target(
    snapshot: &Snapshot,
    progress: &Progress,
    destination: MacAddr,
) -> Result<Target, DropReason> {
    if destination.is_multicast() || progress.copy > 0 {
        return Ok(Target::Flood);
    }
    match snapshot.macs().owner(progress.vpc, destination) {
        Some(MacOwner::Peer(peer)) => Ok(Target::Peer(peer)),
        Some(MacOwner::Local) => Err(DropReason::LocalDestination),
        None => Ok(Target::Flood),
    }
}

/// Whose copy is next. By number, because sealing it needs all of the lane.
fn next_peer(snapshot: &Snapshot, target: Target, progress: &Progress) -> Option<PeerId> {
    match target {
        Target::Peer(peer) => (progress.copy == 0).then_some(peer),
        Target::Flood => {
            let peers = snapshot.routes().bridge(progress.vpc)?;
            peers.get(progress.copy).copied()
        }
    }
}

/// One copy's way (REQ-L2-13).
#[inline]
fn address(
    snapshot: &Snapshot,
    id: PeerId,
    outgoing: &Outgoing,
    len: usize,
) -> Result<Forwarding, DropReason> {
    let peer = snapshot.peer(id).ok_or(DropReason::NoRoute)?;
    if len > usize::from(peer.inner_mtu.get()) {
        return Err(DropReason::TooBig);
    }
    Ok(Forwarding {
        peer: id,
        path: peer.path,
        inner_mtu: peer.inner_mtu,
        // A bridge changes no TCP header.
        syn: None,
        header: outgoing.header,
        tos: outgoing.tos,
    })
}

/// The congestion mark of the IP packet inside, if there is one.
fn mark_of(frame: &EthernetFrame<'_>) -> Ecn {
    frame.ip_packet().map_or(Ecn::NotEct, |packet| packet.ecn())
}

/// Hop 5 for a frame: the VPC that the peer may reach by this VNI, if the frame may come from this peer; what the way has
/// left to be done to it is done (REQ-ADM-2, REQ-L2-2 to REQ-L2-6, REQ-L2-12).
#[inline]
pub(crate) fn admit(
    state: &mut State,
    peer: PeerId,
    header: &Encapsulation,
    bytes: &mut [u8],
    outer_tos: u8,
) -> Result<VpcIndex, DropReason> {
    let snapshot = &state.snapshot;
    let vpc = snapshot.peer(peer).and_then(|peer| peer.vpc_of(header.vni));
    let vpc = vpc.ok_or(DropReason::UnknownVni)?;
    if snapshot.routes().bridge(vpc).is_none() {
        return Err(DropReason::WrongVpcKind);
    }
    let frame = EthernetFrame::parse(bytes).map_err(|_| DropReason::RxTooShort)?;
    let source = frame.source();
    if !source.is_station() {
        return Err(DropReason::RxSourceMac);
    }
    let known = snapshot.macs().owner(vpc, source);
    if known == Some(MacOwner::Local) {
        return Err(DropReason::LocalMac);
    }
    let start = frame.payload_offset();
    let unsettled = match frame.ip_packet() {
        Some(packet) => Some((packet.bytes().len(), Unsettled::of(&packet, outer_tos)?)),
        None => None,
    };
    let inner = unsettled.and_then(|(len, unsettled)| {
        let packet = bytes.get_mut(start..start + len)?;
        Some((packet, unsettled))
    });
    match inner {
        Some((packet, unsettled)) => {
            let _unclamped = unsettled.settle(packet, header, None)?;
            if header.checksum == ChecksumState::Partial {
                complete_checksum(packet).map_err(|_| DropReason::PartialChecksum)?;
            }
        }
        None if header.checksum == ChecksumState::Partial => {
            return Err(DropReason::PartialChecksum);
        }
        None => {}
    }
    see(state, (vpc, source), MacOwner::Peer(peer), known);
    Ok(vpc)
}

/// A station of a VPC has spoken; `known` is where the table has it.
#[inline]
fn see(
    state: &mut State,
    (vpc, mac): (VpcIndex, MacAddr),
    owner: MacOwner,
    known: Option<MacOwner>,
) {
    let seen = Sighting { vpc, mac, owner };
    if state.sightings.note(seen, known, state.now) == Noted::Deferred {
        state.counters.add(LaneCounter::SightingsDeferred);
    }
}

#[cfg(test)]
mod tests;
