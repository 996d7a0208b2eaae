//! From the port to the device: four hops, in this order.
//!
//! 1. [`PortQueue::recv_batch`](linkveil_net::PortQueue::recv_batch): frames from the kernel
//! 2. [`RxSecy::validate`](linkveil_macsec::RxSecy::validate): in place; it counts what it refuses and what it delivers
//! 3. `take`: link control leaves here, to control; neighbors of a flow are joined ([`crate::coalesce`])
//! 4. [`TunQueue::send_batch`]: frames to the device, from where they were opened

use linkveil_macsec::{Judged, Provenance};
use linkveil_net::batch::InnerSlice;
use linkveil_net::traits::TunQueue;
use linkveil_net::{FrameList, Offload, PortBatch};
use linkveil_sa::LaneEvent;
use linkveil_wire::ethernet::ETHERNET_HEADER_LEN;
use linkveil_wire::{ChecksumState, EthernetFrame, GeneveFrame};

use super::counters::{MacsecCounter, MacsecDrop};
use super::state::State;
use crate::coalesce::{Admitted, Coalescer, key_of_frame};
use crate::snapshot::VpcIndex;

/// Frames of one read from the port: two full super-frames, which together stay in a core's own cache.
pub const PORT_BATCH: usize = 96;

/// The port's only device, in the coalescer's words.
const DEVICE: VpcIndex = VpcIndex::new(0);

/// Hops 2 and 3 for every frame of a batch.
pub(crate) fn handle_batch(state: &mut State, batch: &mut PortBatch, frames: &mut FrameList) {
    state.rx.secy.count_overrun(batch.truncated());
    let mut coalescer = Coalescer::default();
    let lists = std::slice::from_mut(frames);
    for buffer in 0..batch.len() {
        let taken = match batch.frame_mut(buffer) {
            Some(frame) => take(state, buffer, frame),
            None => Ok(None),
        };
        let added = taken.and_then(|admitted| match admitted {
            Some(admitted) => coalescer
                .add(batch, &admitted, state.offloads, lists)
                .map_err(|_| MacsecDrop::TapDropped),
            None => Ok(()),
        });
        if let Err(reason) = added {
            state.drops.add(reason);
        }
    }
    coalescer.close(batch, lists);
}

/// Hops 2 and 3 for one frame; nothing if it goes to control, or nowhere and is counted.
#[inline]
fn take(
    state: &mut State,
    buffer: usize,
    frame: &mut [u8],
) -> Result<Option<Admitted>, MacsecDrop> {
    let Ok(delivered) = state.rx.secy.validate(frame) else {
        return Ok(None);
    };
    let (start, provenance) = (delivered.start(), delivered.provenance());
    let authentic = authenticated(state, provenance);
    let frame = EthernetFrame::parse(delivered.into_frame());
    let frame = frame.map_err(|_| MacsecDrop::DeliveredRunt)?;
    if frame.is_link_control() {
        let sender = authentic.ok_or(MacsecDrop::ControlUnauthentic)?;
        tell_control(state, &frame, &sender)?;
        return Ok(None);
    }
    Ok(Some(Admitted {
        vpc: DEVICE,
        slice: InnerSlice {
            buffer,
            range: start..start + frame.bytes().len(),
        },
        checksum: ChecksumState::Complete,
        key: key_of_frame(&frame, state.offloads),
    }))
}

/// Who sent a frame, if that is known for sure.
#[inline]
fn authenticated(state: &mut State, provenance: Provenance) -> Option<Judged> {
    let Provenance::Channel(judged) = provenance else {
        return None;
    };
    if !judged.authentic {
        return None;
    }
    state.activity.opened += 1;
    if judged.first {
        state.note_first_open(&judged);
    }
    Some(judged)
}

/// Hop 3 for an authentic frame of link control.
#[cold]
fn tell_control(
    state: &mut State,
    frame: &EthernetFrame<'_>,
    sender: &Judged,
) -> Result<(), MacsecDrop> {
    let body = frame.bytes().get(ETHERNET_HEADER_LEN..).unwrap_or_default();
    let Ok(GeneveFrame::Control(frame)) = GeneveFrame::parse(body) else {
        return Err(MacsecDrop::ControlMalformed);
    };
    state.counters.add(MacsecCounter::ControlReceived);
    if let Some(epoch) = state.rx.epoch(sender.sci, sender.an) {
        state.tell(LaneEvent::Control {
            peer: state.peer,
            epoch,
            frame,
            path: sender.sci.address(),
        });
    }
    Ok(())
}

/// Hop 4: hands the device its frames and forgets them.
pub(crate) fn deliver<T: TunQueue>(
    state: &mut State,
    device: &mut T,
    frames: &mut FrameList,
    batch: &PortBatch,
) {
    if frames.is_empty() {
        return;
    }
    let joined = |offload| matches!(offload, Offload::Segments(_));
    let made = frames.iter().filter(|frame| joined(frame.offload)).count();
    state
        .counters
        .add_many(MacsecCounter::SuperFramesMade, made);
    let report = device.send_batch(frames, batch);
    state.drops.add_many(MacsecDrop::TapDropped, report.dropped);
    frames.clear();
}

#[cfg(test)]
mod tests;
