use std::os::unix::net::UnixDatagram;

use super::*;

#[test]
fn what_does_not_fit_the_port_is_dropped_and_does_not_stop_the_others() {
    in_private_netns(
        "what_does_not_fit_the_port_is_dropped_and_does_not_stop_the_others",
        || {
            let [mut a, mut b] = ports(1_500, 1);
            let mut runt = macsec(14, 0);
            runt.truncate(13);
            let frames = [macsec(1_514, 1), macsec(1_515, 2), runt, macsec(60, 3)];
            let report = a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
            let expected = PortSendReport {
                sent: 2,
                dropped_too_big: 1,
                dropped: 1,
                blocked: false,
            };
            assert_eq!(report, expected);
            assert_eq!(
                received(&mut b.lanes[0], 2),
                [macsec(1_514, 1), macsec(60, 3)]
            );
        },
    );
}

#[test]
fn a_port_that_is_down_drops() {
    in_private_netns("a_port_that_is_down_drops", || {
        let [mut a, _b] = ports(1_500, 1);
        ip("link set lv-a down");
        let frames = vec![macsec(60, 0); 3];
        let report = a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
        assert_eq!((report.dropped, report.blocked), (3, false));
    });
}

#[test]
fn without_a_carrier_it_waits_a_while_and_then_drops() {
    in_private_netns("without_a_carrier_it_waits_a_while_and_then_drops", || {
        let [mut a, mut b] = ports(1_500, 1);
        ip("link set lv-b down");
        let frames = vec![macsec(60, 0); 3];
        let mut queue = outbox(&frames);
        for _ in 0..64 {
            let report = a.lanes[0].send_batch(&mut queue).unwrap();
            assert_eq!((report.blocked, queue.len()), (true, 3));
        }
        let report = a.lanes[0].send_batch(&mut queue).unwrap();
        assert_eq!((report.dropped, report.blocked), (3, false));
        ip("link set lv-b up");
        let report = a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
        assert_eq!(report.sent, 3);
        received(&mut b.lanes[0], 3);
        ip("link set lv-b down");
        let report = a.lanes[0].send_batch(&mut outbox(&frames)).unwrap();
        assert!(report.blocked, "patient again: {report:?}");
    });
}

#[test]
fn a_port_that_was_deleted_says_so() {
    in_private_netns("a_port_that_was_deleted_says_so", || {
        let [mut a, mut b] = ports(1_500, 2);
        ip("link delete lv-a");
        let mut batch = PortBatch::new(8);
        for port in [&mut a, &mut b] {
            port.lanes[0].recv_batch(&mut batch).unwrap_err();
            let mut queue = outbox(&[macsec(60, 0)]);
            port.lanes[1].send_batch(&mut queue).unwrap_err();
        }
    });
}

/// No interface here fills up at will; a datagram socket does, with the same words.
#[test]
fn a_full_socket_keeps_the_rest_in_its_order() {
    let (from, to) = UnixDatagram::pair().unwrap();
    let frames: Vec<_> = (0..2_000).map(|number| macsec(1_000, number)).collect();
    let mut outbox = outbox(&frames);
    let mut sender = send::Sender::new();
    let (mut arrived, mut blocked) = (Vec::new(), 0);
    while arrived.len() < frames.len() {
        let report = sender.send_all(from.as_fd(), &mut outbox).unwrap();
        blocked += usize::from(report.blocked);
        assert_eq!(report.blocked, !outbox.is_empty());
        assert_eq!((report.dropped, report.dropped_too_big), (0, 0));
        for _ in 0..report.sent {
            let mut buffer = [0; 2_000];
            let len = to.recv(&mut buffer).unwrap();
            arrived.push(buffer[..len].to_vec());
        }
    }
    assert_eq!(arrived, frames);
    assert!(blocked > 0);
}
