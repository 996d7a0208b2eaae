//! Before hop 6 on the way in: packets of one flow that follow each other in a batch become one super-packet, where the
//! device takes such, and nobody computes a checksum that the device's kernel can do without.
//!
//! | packet's checksum | device        | alone                           | with its neighbors                       |
//! |-------------------|---------------|---------------------------------|------------------------------------------|
//! | complete          | plain         | as it is                        | -                                        |
//! | partial           | plain         | completed                       | -                                        |
//! | complete          | with offloads | as it is                        | joined, if it was verified and is right  |
//! | partial           | with offloads | as partial                      | joined                                   |
//!
//! Packets may be behind an Ethernet header (MACsec); then frames are joined whose headers are equal, too.
//!
//! What the kernel is told (where a checksum lies, how to cut) comes from our own parse of the packet that it gets, never
//! from the peer (REQ-CSUM-3). A super-packet gathers the payloads where they were opened: nothing is copied.

use std::num::NonZeroU16;
use std::ops::Range;

use linkveil_net::batch::{Arena, InnerSlice, TrainsBefore};
use linkveil_net::frames::MAX_PARTS;
use linkveil_net::{ChecksumPlace, FrameList, Offload, Offloads, SegmentProtocol, Segmentation};
use linkveil_wire::transport::{ChecksumVerdict, complete_checksum, make_partial, verify_checksum};
use linkveil_wire::{
    ChecksumState, EthernetFrame, InnerPacket, Joined, Merge, MergeKey, Mergeable, NetworkOffset,
    SuperKind, SuperPacket,
};

use crate::counters::DropReason;
use crate::snapshot::VpcIndex;

/// An admitted packet or frame.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) vpc: VpcIndex,
    /// Where it lies.
    pub(crate) slice: InnerSlice,
    pub(crate) checksum: ChecksumState,
    /// What is needed to join it with others; nothing if it has to go alone.
    pub(crate) key: Option<MergeKey>,
}

/// Where a run lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The train's place in the batch.
    pub(crate) buffer: usize,
    /// Where the run begins in its train.
    pub(crate) start: usize,
}

/// The bytes of a run, which its packets are looked up in by where they lie in the batch.
#[derive(Debug)]
pub(crate) struct RunBytes<'r, 'b> {
    pub(crate) bytes: &'r mut [u8],
    pub(crate) place: Place,
    /// The trains of the batch in front of the run's.
    pub(crate) before: &'r mut TrainsBefore<'b>,
}

impl RunBytes<'_, '_> {
    /// The part of the run that a slice of the batch is.
    #[inline]
    fn range(&self, slice: &InnerSlice) -> Option<Range<usize>> {
        let Place { buffer, start } = self.place;
        let from = slice.range.start.checked_sub(start)?;
        let to = slice.range.end.checked_sub(start)?;
        (slice.buffer == buffer).then_some(from..to)
    }
}

impl Arena for RunBytes<'_, '_> {
    #[inline]
    fn slice(&self, slice: &InnerSlice) -> Option<&[u8]> {
        match self.range(slice) {
            Some(range) => self.bytes.get(range),
            None => self.before.slice(slice),
        }
    }

    #[inline]
    fn slice_mut(&mut self, slice: &InnerSlice) -> Option<&mut [u8]> {
        match self.range(slice) {
            Some(range) => self.bytes.get_mut(range),
            None => self.before.slice_mut(slice),
        }
    }
}

/// Gathers packets into frames, in the order in which they come. [`Self::close`] ends it.
#[derive(Debug, Default)]
pub(crate) struct Coalescer {
    open: Option<OpenFrame>,
}

/// The newest frame of a device, as long as packets may join it.
#[derive(Debug)]
struct OpenFrame {
    vpc: VpcIndex,
    /// Its first packet.
    first: InnerSlice,
    checksum: ChecksumState,
    merge: Merge,
}

impl Admitted {
    /// None yet: where the packets of one train are put down, one after the other. What is returned instead is
    /// moved several times, and each move waits for the one before.
    pub(crate) const fn place(buffer: usize) -> Self {
        Self {
            vpc: VpcIndex::new(0),
            slice: InnerSlice {
                buffer,
                range: 0..0,
            },
            checksum: ChecksumState::Complete,
            key: None,
        }
    }

    /// Says that what the packet lies in begins at `offset` of something larger.
    pub(crate) const fn move_by(&mut self, offset: usize) {
        self.slice.range.start += offset;
        self.slice.range.end += offset;
    }
}

impl Coalescer {
    /// Takes the next packet. `offloads` is what its device does.
    #[inline]
    pub(crate) fn add(
        &mut self,
        run: &mut impl Arena,
        packet: &Admitted,
        offloads: Offloads,
        frames: &mut [FrameList],
    ) -> Result<(), DropReason> {
        if let Some(key) = &packet.key
            && self.join(run, packet, key, frames) == Joined::Yes
        {
            return Ok(());
        }
        self.close(run, frames);
        let list = frames
            .get_mut(packet.vpc.index())
            .ok_or(DropReason::DeviceRefused)?;
        let offload = match (&packet.key, packet.checksum) {
            // Said when the frame is closed.
            (Some(_), _) | (None, ChecksumState::Complete) => Offload::None,
            (None, ChecksumState::Partial) => settle_checksum(run, &packet.slice, offloads)?,
        };
        list.push(packet.slice.clone(), offload);
        self.open = packet.key.map(|key| OpenFrame {
            vpc: packet.vpc,
            first: packet.slice.clone(),
            checksum: packet.checksum,
            merge: Merge::begin(key),
        });
        Ok(())
    }

    /// Joins the packet with the open frame, if there is one that takes it.
    #[inline]
    fn join(
        &mut self,
        run: &impl Arena,
        packet: &Admitted,
        key: &MergeKey,
        frames: &mut [FrameList],
    ) -> Joined {
        let open = self.open.as_mut().filter(|open| open.vpc == packet.vpc);
        let list = frames.get_mut(packet.vpc.index());
        let Some((open, list)) = open.zip(list) else {
            return Joined::No;
        };
        let payload = key.payload();
        let start = packet.slice.range.start;
        let part = InnerSlice {
            buffer: packet.slice.buffer,
            range: start + payload.start..start + payload.end,
        };
        match open.join(run, packet, key) {
            Joined::Yes if list.extend_last(part).is_ok() => Joined::Yes,
            _ => Joined::No,
        }
    }

    /// Ends the open frame: its headers become those of the super-packet.
    pub(crate) fn close(&mut self, run: &mut impl Arena, frames: &mut [FrameList]) {
        let Some(open) = self.open.take() else { return };
        if open.merge.count() == 1 && open.checksum == ChecksumState::Complete {
            return;
        }
        let headers = run.slice_mut(&open.first);
        let found = headers.and_then(|headers| open.merge.finish(headers));
        let offload = found.and_then(offload_of);
        if let (Some(offload), Some(list)) = (offload, frames.get_mut(open.vpc.index())) {
            list.set_last_offload(offload);
        }
    }
}

impl OpenFrame {
    /// Joins the packet; both its checksum and the first packet's must be right, if they are not partial. They are verified
    /// here, so that what goes alone costs no look at its payload.
    #[inline]
    fn join(&mut self, run: &impl Arena, packet: &Admitted, key: &MergeKey) -> Joined {
        let whole = run.slice(&self.first).zip(run.slice(&packet.slice));
        let Some((first, next)) = whole else {
            return Joined::No;
        };
        let fits = usize::from(self.merge.count()) < MAX_PARTS
            && self.merge.check(first, key, next) == Joined::Yes
            && (self.merge.count() > 1 || is_known(self.checksum, first, key.network()))
            && is_known(packet.checksum, next, key.network());
        if !fits {
            return Joined::No;
        }
        self.merge.add(key);
        Joined::Yes
    }
}

/// Whether the packet's checksum is partial, or right.
fn is_known(checksum: ChecksumState, frame: &[u8], network: NetworkOffset) -> bool {
    let is_right = || {
        let packet = frame.get(network.get()..).unwrap_or_default();
        verify_checksum(packet) == Ok(ChecksumVerdict::Right)
    };
    checksum == ChecksumState::Partial || is_right()
}

/// What is needed to join the packet with others that go to a device with such offloads; nothing if it has to go alone.
#[inline]
pub(crate) fn key_of(packet: &InnerPacket<'_>, offloads: Offloads) -> Option<MergeKey> {
    let key = || MergeKey::of_packet(packet, NetworkOffset::IP);
    key_for(offloads, key)
}

/// [`key_of`] for a frame.
#[inline]
pub(crate) fn key_of_frame(frame: &EthernetFrame<'_>, offloads: Offloads) -> Option<MergeKey> {
    key_for(offloads, || MergeKey::of_frame(frame))
}

fn key_for(offloads: Offloads, key: impl FnOnce() -> Option<MergeKey>) -> Option<MergeKey> {
    if offloads == Offloads::None {
        return None;
    }
    match key() {
        Some(key) if offloads == Offloads::Tcp && key.transport() == Mergeable::Udp => None,
        key => key,
    }
}

/// A partial checksum of a packet that goes alone: told to the kernel, or completed where it does not do that.
fn settle_checksum(
    run: &mut impl Arena,
    slice: &InnerSlice,
    offloads: Offloads,
) -> Result<Offload, DropReason> {
    let packet = run.slice_mut(slice).unwrap_or_default();
    if offloads == Offloads::None {
        complete_checksum(packet).map_err(|_| DropReason::PartialChecksum)?;
        return Ok(Offload::None);
    }
    let (start, offset) = make_partial(packet).map_err(|_| DropReason::PartialChecksum)?;
    let place = checksum_place(start, offset).ok_or(DropReason::PartialChecksum)?;
    Ok(Offload::Checksum(place))
}

fn checksum_place(start: usize, offset: usize) -> Option<ChecksumPlace> {
    Some(ChecksumPlace {
        start: u16::try_from(start).ok()?,
        offset: u16::try_from(offset).ok()?,
    })
}

/// In the words of the device.
fn offload_of(found: SuperPacket) -> Option<Offload> {
    let checksum = checksum_place(found.transport_offset, found.checksum_offset)?;
    let (protocol, segment_len) = match found.kind {
        SuperKind::Single => return Some(Offload::Checksum(checksum)),
        SuperKind::TcpV4 { segment_len } => (SegmentProtocol::TcpV4, segment_len),
        SuperKind::TcpV6 { segment_len } => (SegmentProtocol::TcpV6, segment_len),
        SuperKind::Udp { segment_len } => (SegmentProtocol::Udp, segment_len),
    };
    Some(Offload::Segments(Segmentation {
        protocol,
        headers_len: u16::try_from(found.headers_len).ok()?,
        segment_len: NonZeroU16::new(u16::try_from(segment_len).ok()?)?,
        checksum,
    }))
}

#[cfg(test)]
mod tests;
