//! Log lines about sending in trains: what the kernel refused, and what that means.

use std::collections::HashSet;

use linkveil_net::GsoNotice;
use linkveil_sa::SocketIndex;

/// What was said of each listen address. All lanes have a socket there and learn the same of the same kernel, so that one
/// line is enough; the counters `segmentation_shortened` and `segmentation_turned_off` say how many sockets did.
#[derive(Debug, Default)]
pub(super) struct TrainLog {
    told: HashSet<(SocketIndex, GsoNotice)>,
}

impl TrainLog {
    /// One line for each listen address and notice.
    pub(super) fn log(&mut self, socket: SocketIndex, notice: GsoNotice) {
        if !self.told.insert((socket, notice)) {
            return;
        }
        // Place in the list: addresses stay below DEBUG.
        let listen = socket.index();
        match notice {
            GsoNotice::Unchanged => {}
            GsoNotice::Shortened => tracing::info!(
                listen,
                "the kernel takes no more than 64 datagrams at once, as before Linux 6.9; small packets cost a little more"
            ),
            GsoNotice::TurnedOff => tracing::warn!(
                listen,
                "the kernel refuses UDP segmentation offload on the way out; sending datagrams one by one, which is slower"
            ),
        }
    }
}

#[cfg(test)]
mod tests;
