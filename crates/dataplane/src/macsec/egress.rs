//! From the device to the port: five hops, in this order.
//!
//! 1. [`TunQueue::recv_batch`](linkveil_net::TunQueue::recv_batch): frames and super-frames, when the send queue is empty
//! 2. `admit`: not to the address and of the type of link control
//! 3. what the host left undone: a checksum is completed, a super-frame is cut, each piece with its whole checksum, for
//!    IEEE 802.1AE has no place to say that one is partial
//! 4. [`TxSc::protect_into`](linkveil_macsec::TxSc::protect_into): SecTAG, AEAD and ICV into a slot of the send queue, in
//!    one pass; it takes the packet number itself
//! 5. [`PortQueue::send_batch`]: frames to the kernel
//!
//! Back-pressure: the device is read only while the send queue is empty. What the port does not take waits in the queue,
//! what finds no room there waits in its batch, half a super-frame too, and the host waits in its device.

use linkveil_net::batch::{TunBatch, TunPacket};
use linkveil_net::traits::{PortQueue, PortSendReport};
use linkveil_net::{ChecksumPlace, Offload, PortOutbox, Segmentation};
use linkveil_sa::EpochId;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::port::{PORT_ETHERTYPE, PORT_GROUP};
use linkveil_wire::transport::complete_at;
use linkveil_wire::{ControlFrame, EthernetFrame, MacAddr, Segment, Splitter};

use super::counters::{MacsecCounter, MacsecDrop};
use super::state::State;
use crate::egress::{Stop, Underlay};
use crate::segments;

/// Frames of one send queue: more than a batch of full super-frames is cut into at MTU 1,500.
pub const PORT_FRAMES: usize = 256;
/// Bytes of one send queue: as many full frames, which together stay in a core's own cache.
pub const PORT_BYTES: usize = PORT_FRAMES * 1_536;

/// Room that frames of the host leave for link control, which is not to wait for a port that is blocked: a few answers.
const CONTROL_FRAMES: usize = 4;

/// How far a batch has come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// The frame that is next.
    packet: usize,
    /// The super-frame that is being cut.
    cut: Option<Cut>,
}

#[derive(Debug)]
struct Cut {
    splitter: Splitter,
    /// The piece that is next.
    piece: usize,
}

/// Hops 2 to 4 for what is left of a batch.
pub(crate) fn forward_batch(
    state: &mut State,
    batch: &mut TunBatch,
    progress: &mut Progress,
    queue: &mut PortOutbox,
) -> Stop {
    while let Some(mut packet) = batch.packet_mut(progress.packet) {
        let stop = match forward(state, &mut packet, progress, queue) {
            Ok(stop) => stop,
            Err(reason) => {
                state.drops.add(reason);
                Stop::End
            }
        };
        if stop == Stop::NoRoom {
            return Stop::NoRoom;
        }
        progress.packet += 1;
        progress.cut = None;
    }
    Stop::End
}

fn forward(
    state: &mut State,
    packet: &mut TunPacket<'_>,
    progress: &mut Progress,
    queue: &mut PortOutbox,
) -> Result<Stop, MacsecDrop> {
    if let Some(cut) = &mut progress.cut {
        return cut.go_on(state, packet, queue);
    }
    admit(packet.bytes())?;
    match packet.offload {
        Offload::None => {}
        Offload::Checksum(_) if !has_room(state, packet.bytes().len(), queue) => {
            return Ok(Stop::NoRoom);
        }
        Offload::Checksum(place) => complete(packet.bytes_mut(), place)?,
        Offload::Segments(cut) => {
            let cut = Cut::begin(packet.bytes(), cut)?;
            state.counters.add(MacsecCounter::SuperFramesCut);
            return progress.cut.insert(cut).go_on(state, packet, queue);
        }
    }
    secure(state, packet.bytes(), queue)
}

/// Hop 2: link control is nobody's but control's. What is no frame at all is refused by the channel.
#[inline]
fn admit(bytes: &[u8]) -> Result<(), MacsecDrop> {
    match EthernetFrame::parse(bytes) {
        Ok(frame) if frame.is_link_control() => Err(MacsecDrop::ControlRefused),
        _ => Ok(()),
    }
}

/// Completes a checksum where the kernel says it lies.
fn complete(frame: &mut [u8], place: ChecksumPlace) -> Result<(), MacsecDrop> {
    let (start, offset) = (usize::from(place.start), usize::from(place.offset));
    let field = frame.get(start..).and_then(|covered| covered.get(offset..));
    if start < ETHERNET_HEADER_LEN || field.is_none_or(|field| field.len() < 2) {
        return Err(MacsecDrop::PartialChecksum);
    }
    complete_at(frame, start, offset);
    Ok(())
}

/// Whether the send queue takes a secured frame with so much inside, and link control behind it; one that the port never takes needs no room.
#[inline]
fn has_room(state: &State, plain_len: usize, queue: &PortOutbox) -> bool {
    let channel = &state.tx.channel;
    let most = plain_len.min(channel.longest_plain());
    queue.has_room_for(1 + CONTROL_FRAMES, most + channel.overhead())
}

/// Hop 4: secures one whole frame where it will be sent from.
#[inline]
fn secure(state: &mut State, plain: &[u8], queue: &mut PortOutbox) -> Result<Stop, MacsecDrop> {
    if !has_room(state, plain.len(), queue) {
        return Ok(Stop::NoRoom);
    }
    let channel = &mut state.tx.channel;
    if plain.len() > channel.longest_plain() {
        channel.refuse_too_long(1);
        return Ok(Stop::End);
    }
    let slot = queue.reserve(plain.len() + channel.overhead());
    let mut slot = slot.ok_or(MacsecDrop::SendQueueFull)?;
    // What is refused is counted by the channel.
    if channel.protect_into(plain, &mut slot).is_ok() {
        slot.commit();
        state.activity.sent += 1;
    }
    Ok(Stop::End)
}

impl Cut {
    /// Looks at a super-frame.
    fn begin(frame: &[u8], cut: Segmentation) -> Result<Self, MacsecDrop> {
        let network = EthernetFrame::parse(frame).map(|frame| frame.network_offset());
        let network = network.map_err(|_| MacsecDrop::NotSplittable)?;
        let splitter = segments::look(frame, network, cut);
        Ok(Self {
            splitter: splitter.map_err(|_| MacsecDrop::NotSplittable)?,
            piece: 0,
        })
    }

    /// Cuts and secures pieces as long as there is room.
    fn go_on(
        &mut self,
        state: &mut State,
        packet: &mut TunPacket<'_>,
        queue: &mut PortOutbox,
    ) -> Result<Stop, MacsecDrop> {
        if self.splitter.longest() > state.tx.channel.longest_plain() {
            state.tx.channel.refuse_too_long(self.splitter.count());
            return Ok(Stop::End);
        }
        for segment in self.splitter.segments().skip(self.piece) {
            let piece = write(&self.splitter, segment, packet.bytes_mut());
            let piece = piece.ok_or(MacsecDrop::NotSplittable)?;
            if secure(state, piece, queue)? == Stop::NoRoom {
                return Ok(Stop::NoRoom);
            }
            self.piece += 1;
        }
        Ok(Stop::End)
    }
}

/// Puts a piece together where the super-frame lies: its headers go in front of its payload, over the end of the piece
/// before, which is on its way already.
#[inline]
fn write<'f>(splitter: &Splitter, segment: Segment, frame: &'f mut [u8]) -> Option<&'f [u8]> {
    let payload = splitter.payload_of(segment);
    let headers_len = splitter.headers_len();
    let start = payload.start.checked_sub(headers_len)?;
    let piece = frame.get_mut(start..payload.end)?;
    splitter.write_headers(segment, piece.get_mut(..headers_len)?)?;
    let (start, offset) = splitter.checksum_place();
    complete_at(piece, start, offset);
    Some(piece)
}

/// Secures one link control frame and queues it; it leaves with the next [`flush`].
pub(crate) fn send_control(
    state: &mut State,
    queue: &mut PortOutbox,
    epoch: EpochId,
    frame: ControlFrame,
) {
    let sent = try_send_control(state, queue, epoch, frame);
    state.counters.add(match sent {
        Some(()) => MacsecCounter::ControlSent,
        None => MacsecCounter::ControlUnsent,
    });
}

fn try_send_control(
    state: &mut State,
    queue: &mut PortOutbox,
    epoch: EpochId,
    frame: ControlFrame,
) -> Option<()> {
    state.tx.channel.expire(state.now);
    if state.tx.encoding_epoch() != Some(epoch) {
        return None;
    }
    let channel = &mut state.tx.channel;
    let body = frame.emit();
    let (headroom, overhead) = (channel.headroom(), channel.overhead());
    let mut slot = queue.reserve(overhead + ETHERNET_HEADER_LEN + body.len())?;
    let plain = slot.get_mut(headroom..headroom + ETHERNET_HEADER_LEN + body.len())?;
    let (header, room) = plain.split_first_chunk_mut()?;
    *header = control_header(state.address);
    room.copy_from_slice(&body);
    channel.protect(&mut slot).ok()?;
    slot.commit();
    Some(())
}

/// The Ethernet header of link control frames.
const fn control_header(source: MacAddr) -> [u8; ETHERNET_HEADER_LEN] {
    let [d0, d1, d2, d3, d4, d5] = PORT_GROUP.octets();
    let [s0, s1, s2, s3, s4, s5] = source.octets();
    let [t0, t1] = PORT_ETHERTYPE.0.to_be_bytes();
    [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1]
}

/// Hop 5: everything that waits in the send queue.
///
/// # Errors
///
/// The port is unusable.
pub(crate) fn flush<P: PortQueue>(
    state: &mut State,
    port: &mut P,
    queue: &mut PortOutbox,
) -> std::io::Result<Underlay> {
    if queue.is_empty() {
        return Ok(Underlay::Free);
    }
    let report = port.send_batch(queue)?;
    count_sent(state, report);
    Ok(if queue.is_empty() {
        Underlay::Free
    } else {
        Underlay::Blocked
    })
}

fn count_sent(state: &mut State, report: PortSendReport) {
    let drops = &mut state.drops;
    drops.add_many(MacsecDrop::PortTooBig, report.dropped_too_big);
    drops.add_many(MacsecDrop::PortDropped, report.dropped);
    if report.blocked {
        state.counters.add(MacsecCounter::PortBlocked);
    }
}

#[cfg(test)]
mod tests;
