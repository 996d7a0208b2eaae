//! A kernel that takes shorter trains, or none: control is told, as lanes do not log.

use std::io;

use linkveil_crypto::Direction;
use linkveil_net::GsoNotice;
use linkveil_net::batch::UdpBatch;
use linkveil_net::gso::GsoQueue;
use linkveil_net::memory::{MemoryUdp, NetworkOptions, network};
use linkveil_net::traits::{UdpQueue, UdpSendReport};
use linkveil_sa::SocketIndex;

use crate::counters::LaneCounter;
use crate::testing::{LEFT, Node, RIGHT, address, install, packet};

/// A socket that learns of its kernel's limits while it sends.
struct Learning {
    socket: MemoryUdp,
    notices: Vec<GsoNotice>,
}

impl UdpQueue for Learning {
    fn recv_batch(&mut self, batch: &mut UdpBatch) -> io::Result<usize> {
        self.socket.recv_batch(batch)
    }

    fn send_batch(&mut self, queue: &mut GsoQueue) -> io::Result<UdpSendReport> {
        let report = self.socket.send_batch(queue)?;
        let gso = self.notices.pop().unwrap_or_default();
        Ok(UdpSendReport { gso, ..report })
    }
}

#[test]
fn what_a_socket_learns_of_its_kernel_is_counted_and_told_to_control() {
    let groups = [(address(1), 2), (address(2), 2)];
    let mut network = network(&groups, NetworkOptions::default());
    let (own, _other) = (network.remove(0), network);
    let sockets = own.data.into_iter().map(|socket| Learning {
        socket,
        notices: vec![GsoNotice::TurnedOff, GsoNotice::Shortened],
    });
    let mut node = Node::with_sockets(sockets.collect(), 2, "10.2.0.0/24");
    install(&mut node, Direction::InitiatorToResponder, (1, 2), (2, 2));
    for _ in 0..3 {
        for host in &node.hosts {
            host.send(&packet(LEFT, RIGHT, b"x", 0)).unwrap();
        }
        node.settle();
    }
    let told = |notice| vec![(SocketIndex::FIRST, notice); 2];
    assert_eq!(
        node.trains,
        [told(GsoNotice::Shortened), told(GsoNotice::TurnedOff)].concat()
    );
    let report = node.report();
    assert_eq!(report.events.get(LaneCounter::SegmentationShortened), 2);
    assert_eq!(report.events.get(LaneCounter::SegmentationOff), 2);
    node.assert_drops(&[]);
}
