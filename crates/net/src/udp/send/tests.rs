use std::net::{Ipv4Addr, SocketAddr};

use super::*;

const REMOTE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

fn queue_of(datagrams: usize) -> GsoQueue {
    let mut queue = GsoQueue::new(4);
    for _ in 0..datagrams {
        queue.reserve(REMOTE, 0, 100).unwrap().commit();
    }
    queue
}

/// What the kernel would be given next: datagrams of each message.
fn messages(sender: &mut Sender, queue: &GsoQueue) -> Vec<usize> {
    sender.parts.clear();
    sender.segments.clear();
    let longest = sender.longest;
    let pieces = queue.trains().flat_map(|train| train.pieces(longest));
    sender.prepare_all(pieces.take(MAX_MESSAGES));
    sender.segments.clone()
}

#[test]
fn a_kernel_that_takes_64_datagrams_is_given_no_more_from_then_on() {
    let (mut sender, mut queue) = (Sender::new(), queue_of(200));
    let mut report = UdpSendReport::default();
    assert_eq!(messages(&mut sender, &queue), [128, 72]);
    sender.account_refused(Errno::INVAL, &mut queue, &mut report);
    assert_eq!(report.gso, GsoNotice::Shortened);
    assert_eq!(messages(&mut sender, &queue), [64, 64, 64, 8]);
    assert_eq!((report.dropped, sender.mode), (0, Mode::Trains));
    // The same again blames segmentation itself.
    sender.account_refused(Errno::INVAL, &mut queue, &mut report);
    assert_eq!(sender.mode, Mode::Trial);
}

#[test]
fn a_short_train_is_no_reason_to_shorten_others() {
    let (mut sender, mut queue) = (Sender::new(), queue_of(64));
    let mut report = UdpSendReport::default();
    sender.account_refused(Errno::INVAL, &mut queue, &mut report);
    assert_eq!(
        (report.gso, sender.mode),
        (GsoNotice::Unchanged, Mode::Trial)
    );
    assert_eq!(sender.longest, MAX_TRAIN_SEGMENTS);
}

// What was sent of a train in pieces leaves the queue piece by piece.
#[test]
fn pieces_are_accounted_for_in_datagrams() {
    let (mut sender, mut queue) = (Sender::new(), queue_of(100));
    sender.longest = SAFE_TRAIN_SEGMENTS;
    assert_eq!(messages(&mut sender, &queue), [64, 36]);
    let mut report = UdpSendReport::default();
    sender.account_sent(1, &mut queue, &mut report);
    assert_eq!(
        (report.sent, queue.front().unwrap().segment_count()),
        (64, 36)
    );
}
