//! Hops 3 to 5 for a super-packet: cut to the peer's size, each piece a datagram of its own.
//!
//! A piece is put together where the super-packet lies: its headers are written in front of its payload, over the end of the
//! piece before, which is sealed already. So its plaintext is one stretch of memory, and sealing copies it to the train in
//! the same pass.
//!
//! ```text
//!   in the device's buffer            | room | headers | payload 1 | payload 2 | payload 3 | room |
//!   piece 1                        [encap|headers|payload 1]
//!   piece 2                                   [encap|headers|payload 2]      over payload 1
//! ```

use std::net::SocketAddr;

use linkveil_net::batch::{TUN_HEADROOM, TUN_TAILROOM, TunPacket};
use linkveil_net::gso::{GsoQueue, MAX_TRAIN_BYTES, MAX_TRAIN_SEGMENTS};
use linkveil_net::{SegmentProtocol, Segmentation};
use linkveil_sa::{PartialChecksums, TxSa};
use linkveil_wire::geneve::{ENCAP_LEN, set_inner_len};
use linkveil_wire::link::{HEADER_LEN, TAG_LEN};
use linkveil_wire::transport::complete_checksum;
use linkveil_wire::{ChecksumState, NetworkOffset, Segment, Splitter};

use crate::counters::DropReason;
use crate::egress::{Forwarding, PADDING, padded_len};
use crate::report::Traffic;

const _: () = assert!(TUN_HEADROOM >= ENCAP_LEN && TUN_TAILROOM >= PADDING);

/// A super-packet, ready to be cut.
#[derive(Debug)]
pub(crate) struct SuperPacket<'p, 'b> {
    pub(crate) packet: &'p mut TunPacket<'b>,
    pub(crate) splitter: &'p Splitter,
}

/// What all pieces have in common.
struct Common {
    remote: SocketAddr,
    tos: u8,
    inner_mtu: usize,
    /// But for the inner length.
    header: [u8; ENCAP_LEN],
}

/// Why a super-packet is not cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NotSplittable;

impl From<NotSplittable> for DropReason {
    fn from(_: NotSplittable) -> Self {
        Self::TxNotSplittable
    }
}

/// Looks at a super-packet. The kernel's word on where its checksum lies has to be ours as well.
pub(crate) fn look(
    frame: &[u8],
    network: NetworkOffset,
    cut: Segmentation,
) -> Result<Splitter, NotSplittable> {
    let splitter = Splitter::new(frame, network, cut.segment_len).map_err(|_| NotSplittable)?;
    let (start, offset) = splitter.checksum_place();
    let agrees = (start, offset) == (cut.checksum.start.into(), cut.checksum.offset.into())
        && splitter.is_tcp() == (cut.protocol != SegmentProtocol::Udp);
    if agrees {
        Ok(splitter)
    } else {
        Err(NotSplittable)
    }
}

/// Trains that the pieces may need at most, each `inner_mtu` bytes inside.
pub(crate) fn trains_needed(splitter: &Splitter, inner_mtu: usize) -> usize {
    let longest = HEADER_LEN + ENCAP_LEN + inner_mtu.min(splitter.longest() + PADDING) + TAG_LEN;
    let in_a_train = (MAX_TRAIN_BYTES / longest).clamp(1, MAX_TRAIN_SEGMENTS);
    // One more: the first train may be another's that has little room left.
    splitter.count().div_ceil(in_a_train) + 1
}

/// Seals all pieces into the queue. Returns what was sealed, and why the rest was not.
pub(crate) fn seal_all(
    tx: &mut TxSa,
    forwarding: &Forwarding,
    mut whole: SuperPacket<'_, '_>,
    queue: &mut GsoQueue,
) -> (Traffic, Result<(), DropReason>) {
    let mut sent = Traffic::default();
    let Some(path) = forwarding.path else {
        return (sent, Err(DropReason::NoEndpoint));
    };
    let common = Common {
        remote: path.remote,
        tos: forwarding.tos,
        inner_mtu: forwarding.inner_mtu.get().into(),
        header: forwarding.header.emit(),
    };
    for segment in whole.splitter.segments() {
        match whole.seal(tx, &common, segment, queue) {
            Ok(bytes) => sent.count(bytes),
            Err(reason) => return (sent, Err(reason)),
        }
    }
    (sent, Ok(()))
}

impl SuperPacket<'_, '_> {
    /// Seals one piece and returns its length.
    #[inline]
    fn seal(
        &mut self,
        tx: &mut TxSa,
        common: &Common,
        segment: Segment,
        queue: &mut GsoQueue,
    ) -> Result<usize, DropReason> {
        let headers_len = self.splitter.headers_len();
        let inner_len = headers_len + segment.payload_len();
        let plaintext_len = padded_len(inner_len, common.inner_mtu);
        let payload = self.splitter.payload_of(segment);
        let start = TUN_HEADROOM + payload.start - headers_len - ENCAP_LEN;
        let plaintext = self
            .packet
            .with_room()
            .get_mut(start..start + plaintext_len);
        let plaintext = plaintext.ok_or(DropReason::TxNotSplittable)?;

        let behind = write(plaintext, &common.header, self.splitter, segment)?;
        if tx.partial_checksums() == PartialChecksums::Refused {
            let inner = plaintext.get_mut(ENCAP_LEN..ENCAP_LEN + inner_len);
            complete_checksum(inner.unwrap_or_default())
                .map_err(|_| DropReason::TxNotSplittable)?;
        }
        let len = HEADER_LEN + plaintext_len + TAG_LEN;
        let mut slot = queue
            .reserve(common.remote, common.tos, len)
            .ok_or(DropReason::SendQueueFull)?;
        tx.seal_into(plaintext, &mut slot)?;
        slot.commit();
        behind.restore(plaintext);
        Ok(inner_len)
    }
}

/// The beginning of the next piece's payload, where the padding of this one stood.
struct Behind {
    bytes: [u8; PADDING],
    len: usize,
}

impl Behind {
    /// Takes the bytes that are to be padding.
    fn take(padding: &mut [u8]) -> Self {
        let mut bytes = [0; PADDING];
        for (kept, byte) in bytes.iter_mut().zip(padding.iter_mut()) {
            *kept = std::mem::take(byte);
        }
        Self {
            bytes,
            len: padding.len(),
        }
    }

    fn restore(self, plaintext: &mut [u8]) {
        let from = plaintext.len().saturating_sub(self.len);
        if let Some(padding) = plaintext.get_mut(from..) {
            for (byte, kept) in padding.iter_mut().zip(self.bytes) {
                *byte = kept;
            }
        }
    }
}

/// Writes everything in front of the piece's payload, and zeros behind it.
#[inline]
fn write(
    plaintext: &mut [u8],
    header: &[u8; ENCAP_LEN],
    splitter: &Splitter,
    segment: Segment,
) -> Result<Behind, DropReason> {
    let headers_len = splitter.headers_len();
    let inner_len = headers_len + segment.payload_len();
    let padding = plaintext
        .get_mut(ENCAP_LEN + inner_len..)
        .unwrap_or_default();
    let behind = Behind::take(padding);
    let (encap, rest) = plaintext
        .split_first_chunk_mut::<ENCAP_LEN>()
        .ok_or(DropReason::TxNotSplittable)?;
    *encap = *header;
    set_inner_len(
        encap,
        u16::try_from(inner_len).map_err(|_| DropReason::TooBig)?,
    );
    let headers = rest.get_mut(..headers_len).unwrap_or_default();
    splitter
        .write_headers(segment, headers)
        .ok_or(DropReason::TxNotSplittable)?;
    Ok(behind)
}

/// What a piece says of its checksum to a peer.
pub(crate) const fn checksum_for(peer: PartialChecksums) -> ChecksumState {
    match peer {
        PartialChecksums::Accepted => ChecksumState::Partial,
        PartialChecksums::Refused => ChecksumState::Complete,
    }
}
