//! From the underlay to a tenant's device: six hops, in this order.
//!
//! 1. [`UdpQueue::recv_batch`](linkveil_net::UdpQueue::recv_batch): trains from the kernel, split by their stride
//! 2. [`Datagram::parse`]: runs of equal (type, lane, SPI); another lane's run leaves here, over its stray ring
//! 3. `SaTable::rx_mut`: the lane's own associations; an unknown SPI is counted and told to control
//! 4. [`RxEpoch::open_in_place`](linkveil_sa::RxEpoch::open_in_place): window check, AEAD open, window commit
//! 5. `admit`: VNI and inner source must belong to this very peer
//! 6. [`TunQueue::send_batch`]: packets to the device, from where they were opened

use linkveil_net::FrameList;
use linkveil_net::batch::TrainsBefore;
use linkveil_net::batch::{RecvMeta, UdpBatch};
use linkveil_net::traits::TunQueue;
use linkveil_sa::{LaneEvent, Opened, Path, PeerId, RxEpoch, SocketIndex};
use linkveil_wire::inner::set_ecn;
use linkveil_wire::link::{HEADER_LEN, RunKey, run_key};
use linkveil_wire::tcp_mss::{self, Clamp, Syn, find_syn};
use linkveil_wire::{
    ChecksumState, Datagram, Ecn, Encapsulation, GeneveFrame, InnerMtu, InnerPacket, InnerProtocol,
    MessageType, ecn,
};

use crate::bridge;
use crate::coalesce::{Admitted, Place, RunBytes, key_of};
use crate::counters::{DropReason, LaneCounter};
use crate::orders::Answer;
use crate::report::Traffic;
use crate::snapshot::VpcIndex;
use crate::state::State;
use crate::stray::{Forwarded, Run, StrayPorts};

/// Trains of one read from one socket: a megabyte, or 1,024 datagrams of full trains.
pub const UDP_BATCH: usize = 4;

/// For each device the packets of this batch that go to it, in the order of their arrival.
pub(crate) type Frames = [FrameList];

/// One train and where it came from.
#[derive(Clone, Copy, Debug)]
struct Train {
    /// Its place in the batch.
    buffer: usize,
    path: Path,
    tos: u8,
    stride: usize,
    len: usize,
}

/// A train's bytes, and the trains of the batch in front of it.
struct TrainBytes<'r, 'b> {
    bytes: &'r mut [u8],
    before: TrainsBefore<'b>,
}

/// Hops 2 to 5 for every train of a batch that came through one socket.
pub(crate) fn handle_batch(
    state: &mut State,
    socket: SocketIndex,
    batch: &mut UdpBatch,
    strays: &mut StrayPorts,
    frames: &mut Frames,
) {
    let truncated = batch.truncated();
    state
        .counters
        .add_many(LaneCounter::TrainTruncated, truncated);
    for buffer in 0..batch.len() {
        if let Some((meta, bytes, before)) = batch.train_mut(buffer) {
            let train = train_of(buffer, socket, meta);
            let bytes = TrainBytes { bytes, before };
            handle_train(state, &train, bytes, strays, frames);
        }
    }
    state.coalescer.close(batch, frames);
    strays.wake_owners();
}

/// Hops 3 to 5 for what other lanes passed on: `sockets` has the socket of each train.
pub(crate) fn handle_strays(
    state: &mut State,
    sockets: &[SocketIndex],
    batch: &mut UdpBatch,
    frames: &mut Frames,
) {
    for (buffer, socket) in sockets.iter().enumerate() {
        if let Some((meta, bytes, mut before)) = batch.train_mut(buffer) {
            let train = train_of(buffer, *socket, meta);
            let count = meta.segments().count();
            state.counters.add_many(LaneCounter::StrayReceived, count);
            if let Some(key) = run_key(bytes) {
                let place = Place { buffer, start: 0 };
                let run = RunBytes {
                    bytes,
                    place,
                    before: &mut before,
                };
                open_run(state, &train, key, run, frames);
            }
        }
    }
    state.coalescer.close(batch, frames);
}

fn train_of(buffer: usize, socket: SocketIndex, meta: RecvMeta) -> Train {
    Train {
        buffer,
        path: Path {
            socket,
            remote: meta.remote,
        },
        tos: meta.tos,
        stride: meta.stride.max(1),
        len: meta.len,
    }
}

/// Hop 2: takes a train apart at every change of (type, lane, SPI) (REQ-LANE-6).
fn handle_train(
    state: &mut State,
    train: &Train,
    whole: TrainBytes<'_, '_>,
    strays: &mut StrayPorts,
    frames: &mut Frames,
) {
    let TrainBytes { bytes, mut before } = whole;
    let (mut rest, mut start) = (bytes, 0);
    loop {
        // Of the first datagram alone: one that is too short for a key must not borrow its neighbor's bytes.
        let first = rest.get(..train.stride).unwrap_or(rest);
        let key = run_key(first);
        let len = run_len(rest, train.stride, key);
        let Some((run, behind)) = std::mem::take(&mut rest).split_at_mut_checked(len) else {
            return;
        };
        match key {
            Some(key) if key.message_type == MessageType::Data => {
                let owner = state.lanes.owner_of(key.lane);
                if owner == state.lane {
                    let place = Place {
                        buffer: train.buffer,
                        start,
                    };
                    let run = RunBytes {
                        bytes: run,
                        place,
                        before: &mut before,
                    };
                    open_run(state, train, key, run, frames);
                } else {
                    forward_run(state, train, owner, run, strays);
                }
            }
            _ => refuse_run(state, train, run),
        }
        start += len;
        rest = behind;
        if rest.is_empty() {
            return;
        }
    }
}

/// Bytes of the datagrams at the front that share the key; those without a key are judged one by one.
fn run_len(bytes: &[u8], stride: usize, key: Option<RunKey>) -> usize {
    let same = |datagram: &&[u8]| key.is_some() && run_key(datagram) == key;
    let run: usize = bytes.chunks(stride).take_while(same).map(<[u8]>::len).sum();
    run.max(bytes.len().min(stride))
}

fn forward_run(
    state: &mut State,
    train: &Train,
    owner: linkveil_wire::Lane,
    bytes: &[u8],
    strays: &mut StrayPorts,
) {
    let count = bytes.len().div_ceil(train.stride);
    let run = Run {
        socket: train.path.socket,
        remote: train.path.remote,
        tos: train.tos,
        stride: train.stride,
        bytes,
    };
    match strays.forward(owner, &run) {
        Forwarded::Yes => state.counters.add_many(LaneCounter::StrayForwarded, count),
        Forwarded::No => state.drops.add_many(DropReason::StrayDropped, count),
    }
}

/// Datagrams that are no data, each counted by what is wrong with it. An empty datagram is one, too.
fn refuse_run(state: &mut State, train: &Train, run: &mut [u8]) {
    if run.is_empty() {
        state.drops.add(DropReason::TooShort);
    }
    for datagram in run.chunks_mut(train.stride) {
        match Datagram::parse(datagram) {
            Err(error) => state.drops.add(error),
            // Without a run key there is no sound header: not reached.
            Ok(_) => state.drops.add(DropReason::NotData),
        }
    }
}

/// Hops 3 to 5 for datagrams of one sender lane and SPI.
fn open_run(
    state: &mut State,
    train: &Train,
    key: RunKey,
    run: RunBytes<'_, '_>,
    frames: &mut Frames,
) {
    // The lane lends its table to the run, so that the epoch is looked up once and not for every datagram.
    let mut table = std::mem::take(&mut state.table);
    match table.rx_mut(key.spi) {
        Some(epoch) => {
            epoch.check_deadline(state.now);
            let mut sender = Sender::of(state, epoch, train);
            sender.open_all(state, run, frames);
            let (opened, admitted) = (sender.opened, sender.admitted);
            state.peers.note_opened(epoch.peer(), opened, admitted);
            tell_pressure(state, epoch);
        }
        None => refuse_unknown(state, train, run.bytes),
    }
    state.table = table;
}

/// Datagrams under an SPI that this lane does not know.
#[cold]
fn refuse_unknown(state: &mut State, train: &Train, run: &mut [u8]) {
    for datagram in run.chunks_mut(train.stride) {
        match Datagram::parse(datagram) {
            Ok(datagram) => {
                state.note_unknown_spi(datagram.header().spi, train.path);
                state.drops.add(DropReason::UnknownSpi);
            }
            Err(error) => state.drops.add(error),
        }
    }
}

/// Who sent a run: what is the same for all of its datagrams, and what they come to.
struct Sender<'a> {
    epoch: &'a mut RxEpoch,
    train: &'a Train,
    whereabouts: Whereabouts,
    inner_mtu: Option<InnerMtu>,
    opened: u64,
    admitted: Traffic,
}

/// What was in a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Content {
    /// A packet, which was admitted.
    Packet,
    /// A control frame, which control was told of.
    Control,
}

/// Whether a train came from the peer's endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Whereabouts {
    AtEndpoint,
    Elsewhere,
}

/// The datagram that begins at `offset`; none at the end of the run.
#[inline]
fn next_datagram(run: &mut [u8], offset: usize, stride: usize) -> Option<&mut [u8]> {
    let end = run.len().min(offset + stride);
    run.get_mut(offset..end)
        .filter(|datagram| !datagram.is_empty())
}

impl<'a> Sender<'a> {
    fn of(state: &State, epoch: &'a mut RxEpoch, train: &'a Train) -> Self {
        let link = state.snapshot.peer(epoch.peer());
        Self {
            whereabouts: match link.and_then(|link| link.path) {
                Some(path) if path == train.path => Whereabouts::AtEndpoint,
                _ => Whereabouts::Elsewhere,
            },
            inner_mtu: link.map(|link| link.inner_mtu),
            opened: 0,
            admitted: Traffic::default(),
            epoch,
            train,
        }
    }

    /// Hops 3 to 5 for all datagrams of the run.
    fn open_all(&mut self, state: &mut State, mut run: RunBytes<'_, '_>, frames: &mut Frames) {
        // Goes on with the frame that the train before has left.
        let (mut coalescer, mut offset) = (std::mem::take(&mut state.coalescer), 0);
        let mut packet = Admitted::place(self.train.buffer);
        while let Some(datagram) = next_datagram(run.bytes, offset, self.train.stride) {
            let len = datagram.len();
            let taken = match self.open(state, datagram, &mut packet) {
                Ok(Content::Packet) => {
                    let offloads = state.offloads(packet.vpc);
                    packet.move_by(run.place.start + offset);
                    coalescer.add(&mut run, &packet, offloads, frames)
                }
                Ok(Content::Control) => Ok(()),
                Err(reason) => Err(reason),
            };
            if let Err(reason) = taken {
                state.drops.add(reason);
            }
            offset += len;
        }
        if run.place.start + run.bytes.len() == self.train.len {
            state.coalescer = coalescer;
        } else {
            coalescer.close(&mut run, frames);
        }
    }

    /// Hops 3 to 5 for one datagram: where its packet lies within it and to which VPC it goes.
    #[inline]
    fn open(
        &mut self,
        state: &mut State,
        datagram: &mut [u8],
        admitted: &mut Admitted,
    ) -> Result<Content, DropReason> {
        let mut opened = self.epoch.open_in_place(Datagram::parse(datagram)?)?;
        self.opened += 1;
        note_opened(state, self.train, self.whereabouts, &opened);
        let (peer, epoch) = (opened.peer(), opened.epoch());
        let plaintext = opened.plaintext();
        match GeneveFrame::parse(plaintext)? {
            GeneveFrame::Control(frame) => {
                state.counters.add(LaneCounter::ControlReceived);
                state.tell(LaneEvent::Control {
                    peer,
                    epoch,
                    frame,
                    path: self.train.path,
                });
                Ok(Content::Control)
            }
            GeneveFrame::Data {
                encapsulation,
                inner,
            } => {
                let start = HEADER_LEN + inner.start;
                let packet = plaintext
                    .get_mut(inner)
                    .ok_or(DropReason::GeneveInnerLength)?;
                admitted.slice.range = start..start + packet.len();
                self.admit(state, peer, (&encapsulation, packet), admitted)?;
                self.admitted.count(admitted.slice.range.len());
                Ok(Content::Packet)
            }
        }
    }

    /// Hop 5, and what the way has left to be done. Says all of the packet but where it lies.
    #[inline]
    fn admit(
        &self,
        state: &mut State,
        peer: PeerId,
        (header, packet): (&Encapsulation, &mut [u8]),
        admitted: &mut Admitted,
    ) -> Result<(), DropReason> {
        let tos = self.train.tos;
        if header.protocol == InnerProtocol::Ethernet {
            admitted.vpc = bridge::admit(state, peer, header, packet, tos)?;
            admitted.checksum = ChecksumState::Complete;
            admitted.key = None;
            return Ok(());
        }
        let (vpc, inner) = admit(state, peer, header, packet)?;
        admitted.vpc = vpc;
        admitted.checksum = header.checksum;
        admitted.key = key_of(&inner, state.offloads(vpc));
        let unsettled = Unsettled::of(&inner, tos)?;
        let clamp = unsettled.settle(packet, header, self.inner_mtu)?;
        state.note_clamp(clamp);
        Ok(())
    }
}

/// A key that came near a limit; once for each level. Left for the next batch if control cannot be told now.
fn tell_pressure(state: &mut State, epoch: &mut RxEpoch) {
    if !state.outbox.has_room() {
        return;
    }
    if let Some(pressure) = epoch.take_pressure() {
        let event = LaneEvent::Pressure {
            peer: epoch.peer(),
            epoch: epoch.epoch(),
            pressure,
        };
        state.tell(event);
    }
}

#[inline]
fn note_opened(state: &mut State, train: &Train, whereabouts: Whereabouts, opened: &Opened<'_>) {
    if opened.first_open() {
        let event = LaneEvent::FirstOpen {
            peer: opened.peer(),
            epoch: opened.epoch(),
            path: train.path,
        };
        state.outbox.answer(Answer::Event(event));
    }
    if whereabouts == Whereabouts::Elsewhere && opened.is_newest() {
        state.note_candidate(opened.peer(), opened.epoch(), train.path);
    }
}

/// Hop 5: the VPC that the peer may reach by this VNI, if the packet's source is this very peer's (REQ-ADM-2, REQ-ADM-3,
/// REQ-ADM-5), and the packet.
#[inline]
fn admit<'p>(
    state: &mut State,
    peer: PeerId,
    header: &Encapsulation,
    packet: &'p [u8],
) -> Result<(VpcIndex, InnerPacket<'p>), DropReason> {
    let forwarding = state.snapshot.peer(peer);
    let vpc = forwarding.and_then(|peer| peer.vpc_of(header.vni));
    let vpc = vpc.ok_or(DropReason::UnknownVni)?;
    let inner = InnerPacket::parse(packet).map_err(DropReason::of_received)?;
    let source = inner.source();
    if source.is_ipv4() != (header.protocol == InnerProtocol::Ipv4) {
        return Err(DropReason::ProtocolMismatch);
    }
    if state.route(vpc, source) != Some(peer) {
        // An Ethernet VPC has no prefixes (REQ-L2-2).
        return Err(match state.snapshot.routes().bridge(vpc) {
            Some(_) => DropReason::WrongVpcKind,
            None => DropReason::WrongSource,
        });
    }
    Ok((vpc, inner))
}

/// What the way has left to be done to an admitted packet: its congestion mark, and the segment size of a SYN, by which the
/// tenant's answers fit the way back (REQ-ECN-2 to 4, REQ-MTU-6). Its checksum is [`crate::coalesce`]'s business.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    /// Another mark than the packet has.
    mark: Option<Ecn>,
    syn: Option<Syn>,
}

impl Unsettled {
    #[inline]
    pub(crate) fn of(inner: &InnerPacket<'_>, outer_tos: u8) -> Result<Self, DropReason> {
        let before = inner.ecn();
        let mark = ecn::decapsulate(before, Ecn::from_tos(outer_tos));
        let mark = mark.map_err(|_| DropReason::IllegalEcn)?;
        Ok(Self {
            mark: (mark != before).then_some(mark),
            syn: find_syn(inner),
        })
    }

    /// Does it. `mtu` is that of the way back; `None`: segment sizes stay.
    #[inline]
    pub(crate) fn settle(
        self,
        packet: &mut [u8],
        header: &Encapsulation,
        mtu: Option<InnerMtu>,
    ) -> Result<Clamp, DropReason> {
        if let Some(mark) = self.mark {
            set_ecn(packet, mark).map_err(DropReason::of_received)?;
        }
        Ok(match (self.syn, mtu) {
            (Some(syn), Some(mtu)) => tcp_mss::clamp(packet, syn, mtu, header.checksum),
            _ => Clamp::Unchanged,
        })
    }
}

/// Hop 6: hands each device its packets and forgets them.
pub(crate) fn deliver<T: TunQueue>(
    state: &mut State,
    devices: &mut [T],
    frames: &mut Frames,
    batch: &UdpBatch,
) {
    for (device, frames) in devices.iter_mut().zip(frames) {
        if !frames.is_empty() {
            let report = device.send_batch(frames, batch);
            state
                .drops
                .add_many(DropReason::DeviceRefused, report.dropped);
            frames.clear();
        }
    }
}

#[cfg(test)]
mod tests;
