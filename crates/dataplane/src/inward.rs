//! What a lane says to the tenant itself: that a packet was too big for its peer (REQ-MTU-1 to REQ-MTU-5).
//!
//! The message goes into the device that the packet came from, as if the packet's destination had sent it. How often,
//! a bucket for each device bounds: a tenant that keeps sending what does not fit must not turn the lane into a writer
//! of answers. Each packet that was dropped as too big moves exactly one of the three counters here.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use linkveil_net::FrameList;
use linkveil_net::batch::{InnerSlice, RecvMeta, UdpBatch};
use linkveil_net::traits::TunQueue;
use linkveil_sa::bucket::{Bucket, Budget, Refused};
use linkveil_wire::InnerPacket;
use linkveil_wire::icmp::{TOO_BIG_LEN_MAX, TooBig};

use crate::counters::LaneCounter;
use crate::snapshot::{Snapshot, VpcIndex};
use crate::state::State;

/// Messages of one lane to one VPC (RFC 1812 s4.3.2.8, RFC 4443 s2.4 f). The burst is one batch of a device, in which
/// each packet may be another host's. At 100 a second every new pair of hosts is told within its first retries, and the
/// writes cost a lane less than a thousandth of its time.
pub(crate) const TOO_BIG_BUDGET: Budget = Budget {
    burst: 64,
    every: Duration::from_millis(10),
};

const _: () = assert!(TOO_BIG_BUDGET.burst as usize == crate::egress::TUN_BATCH);

/// One message's memory, and a bucket for each VPC.
#[derive(Debug)]
pub(crate) struct Inward {
    /// One buffer, as long as the longest message.
    arena: UdpBatch,
    buckets: Box<[Bucket]>,
}

impl Inward {
    pub(crate) fn new(vpcs: usize) -> Self {
        let mut arena = UdpBatch::new(1);
        let nobody = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        let meta = RecvMeta {
            remote: nobody,
            len: TOO_BIG_LEN_MAX,
            stride: TOO_BIG_LEN_MAX,
            tos: 0,
        };
        // An empty batch has room for one.
        let _always_fits = arena.push(meta, &[0; TOO_BIG_LEN_MAX]);
        Self {
            arena,
            buckets: vec![Bucket::default(); vpcs].into_boxed_slice(),
        }
    }

    fn take_token(&mut self, vpc: VpcIndex, now: Instant) -> Result<(), Refused> {
        let bucket = self.buckets.get_mut(vpc.index()).ok_or(Refused)?;
        bucket.take(TOO_BIG_BUDGET, now)
    }

    /// Writes the message and gives it to the device.
    fn write<T: TunQueue>(&mut self, device: &mut T, message: &TooBig<'_>) -> LaneCounter {
        let memory = self.arena.buffer_mut(0);
        let memory = memory.and_then(|(_, bytes)| bytes.first_chunk_mut());
        let frame = InnerSlice {
            buffer: 0,
            range: 0..memory.map_or(0, |memory| message.emit(memory)),
        };
        let frames: FrameList = std::iter::once(frame).collect();
        match device.send_batch(&frames, &self.arena).sent {
            1 => LaneCounter::TooBigSent,
            _ => LaneCounter::TooBigUnsent,
        }
    }
}

/// Tells the sender of `packet`, which is larger than its peer's inner MTU, what would fit.
#[cold]
pub(crate) fn answer_too_big<T: TunQueue>(
    state: &mut State,
    device: &mut T,
    vpc: VpcIndex,
    packet: &[u8],
) {
    let State {
        snapshot,
        inward,
        now,
        ..
    } = state;
    let outcome = match message_about(snapshot, vpc, packet) {
        None => LaneCounter::TooBigUnsent,
        Some(message) => match inward.take_token(vpc, *now) {
            Ok(()) => inward.write(device, &message),
            Err(Refused) => LaneCounter::TooBigLimited,
        },
    };
    state.counters.add(outcome);
}

/// The message, if one may be sent. Looks everything up once more: that costs nothing where nothing is too big.
fn message_about<'p>(snapshot: &Snapshot, vpc: VpcIndex, packet: &'p [u8]) -> Option<TooBig<'p>> {
    let packet = InnerPacket::parse(packet).ok()?;
    let peer = snapshot.routes().lookup(vpc, packet.destination())?;
    let mtu = snapshot.peer(peer)?.inner_mtu;
    TooBig::about(packet, mtu).ok()
}

#[cfg(test)]
mod tests;
