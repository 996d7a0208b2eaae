//! The lanes' threads: one for each lane, each with a core of its own as far as there are enough, for when it is busy.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use linkveil_dataplane::{LaneQueues, LaneThread, Pool, Snapshot};
use linkveil_net::poll::Waker;
use linkveil_net::{LinuxTun, UdpQueue, allowed_cores};

use super::GatewayError;
use crate::config::Node;

/// What a lane's thread does until it is told to stop.
pub(super) type LaneMain = Box<dyn FnOnce(LaneThread) -> io::Result<()> + Send>;

/// Makes the lanes and control's end of them. The type of the sockets ends here: lanes for sockets as they are and for
/// impaired ones are compiled apart, so that the former know nothing of the latter.
///
/// # Errors
///
/// No descriptors left for wakers.
pub(super) fn build<U: UdpQueue + AsFd + Send + 'static>(
    devices: Vec<Vec<LinuxTun>>,
    sockets: Vec<Vec<U>>,
    snapshot: &Arc<Snapshot>,
) -> io::Result<(Pool, Vec<LaneMain>)> {
    let (pool, lanes) = linkveil_dataplane::build(queues(devices, sockets), snapshot)?;
    let mains = lanes
        .into_iter()
        .map(|lane| -> LaneMain { Box::new(move |thread| lane.run(thread)) });
    Ok((pool, mains.collect()))
}

/// The running threads, by lane; `None` once joined.
#[derive(Debug)]
pub(super) struct LaneThreads(Vec<Option<JoinHandle<io::Result<()>>>>);

impl LaneThreads {
    /// Starts the lanes. Each wakes control when it ends, whatever the reason.
    ///
    /// # Errors
    ///
    /// No thread can be had. Lanes that run already end when the pool that belongs to them goes.
    pub(super) fn spawn(
        lanes: Vec<LaneMain>,
        (name, node): (&str, &Node),
        control: &Waker,
    ) -> io::Result<Self> {
        let cores = allowed_cores().unwrap_or_default();
        let (first, busy_poll) = (first_core(&node.name), node.busy_poll);
        let mut threads = Vec::with_capacity(lanes.len());
        for (number, lane) in lanes.into_iter().enumerate() {
            let core = cores.get((first + number) % cores.len().max(1)).copied();
            let control = control.clone();
            let thread = thread::Builder::new()
                .name(format!("{name}-{number}"))
                .spawn(move || {
                    let ended = lane(LaneThread { core, busy_poll });
                    control.wake();
                    ended
                })?;
            threads.push(Some(thread));
        }
        Ok(Self(threads))
    }

    /// # Errors
    ///
    /// A lane has ended, which none does before it is told to.
    pub(super) fn check(&mut self) -> Result<(), GatewayError> {
        match self.take_ended() {
            Some((lane, reason)) => Err(GatewayError::Lane { lane, reason }),
            None => Ok(()),
        }
    }

    /// A lane that has ended, and why; each is told once.
    pub(super) fn take_ended(&mut self) -> Option<(usize, String)> {
        let mut slots = self.0.iter_mut().enumerate();
        slots.find_map(|(lane, slot)| {
            let ended = slot.take_if(|thread| thread.is_finished())?;
            Some((lane, outcome(ended)))
        })
    }

    /// Whether none runs any more.
    pub(super) fn are_finished(&self) -> bool {
        let mut running = self.0.iter().flatten();
        running.all(JoinHandle::is_finished)
    }

    /// Waits for all that run.
    pub(super) fn join(&mut self) {
        for (lane, thread) in self.0.iter_mut().enumerate() {
            match thread.take().map(JoinHandle::join) {
                None | Some(Ok(Ok(()))) => {}
                Some(Ok(Err(error))) => tracing::warn!(lane, %error, "a lane ended badly"),
                Some(Err(_)) => tracing::warn!(lane, "a lane panicked"),
            }
        }
    }
}

/// Where the first lane goes, to be taken modulo the number of cores. Gateways that share a machine have different names,
/// so that not all of them begin at the same core: a flow that goes through two of them is then worked on by two cores.
fn first_core(name: &str) -> usize {
    name.bytes().map(usize::from).sum()
}

fn outcome(thread: JoinHandle<io::Result<()>>) -> String {
    match thread.join() {
        Ok(Ok(())) => "it was told to stop".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it panicked".to_owned(),
    }
}

/// Sorts queues by lane: `devices` has for each VPC one queue per lane, `sockets` for each listen address.
fn queues<U>(devices: Vec<Vec<LinuxTun>>, sockets: Vec<Vec<U>>) -> Vec<LaneQueues<LinuxTun, U>> {
    // Without a UDP address there is nothing to carry; one lane sleeps.
    let lanes = sockets.first().map_or(1, Vec::len);
    let (tuns, udps) = (by_lane(devices, lanes), by_lane(sockets, lanes));
    tuns.into_iter()
        .zip(udps)
        .map(|(tuns, udps)| LaneQueues { tuns, udps })
        .collect()
}

/// Rows become columns. Every row has one element for each lane.
fn by_lane<Q>(rows: Vec<Vec<Q>>, lanes: usize) -> Vec<Vec<Q>> {
    let mut columns: Vec<Vec<Q>> = (0..lanes).map(|_| Vec::new()).collect();
    for row in rows {
        for (column, queue) in columns.iter_mut().zip(row) {
            column.push(queue);
        }
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::by_lane;

    #[test]
    fn queues_are_sorted_by_lane_in_the_order_of_their_rows() {
        let rows = vec![vec!["a0", "a1"], vec!["b0", "b1"], vec!["c0", "c1"]];
        assert_eq!(
            by_lane(rows, 2),
            [vec!["a0", "b0", "c0"], vec!["a1", "b1", "c1"]]
        );
    }

    #[test]
    fn a_node_without_devices_still_has_its_lanes() {
        assert_eq!(by_lane(Vec::<Vec<u8>>::new(), 3).len(), 3);
    }
}
