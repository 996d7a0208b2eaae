use super::*;
use linkveil_net::batch::InnerSlice;

fn address() -> SocketAddr {
    "192.0.2.1:51840".parse().unwrap()
}

fn queue_of(datagrams: &[&[u8]]) -> GsoQueue {
    let mut queue = GsoQueue::new(4);
    for bytes in datagrams {
        let mut slot = queue.reserve(address(), 0, bytes.len()).unwrap();
        slot.copy_from_slice(bytes);
        slot.commit();
    }
    queue
}

#[test]
fn a_sending_device_fills_every_batch_and_counts() {
    let mut device = Device::sending(Handed {
        bytes: vec![1, 2, 3],
        offload: Offload::None,
        packets: 7,
    });
    let (given, taken) = (device.given(), device.taken());
    let mut batch = TunBatch::new(5, usize::MAX);
    assert!(device.copying().get().is_zero());
    assert_eq!(device.recv_batch(&mut batch).unwrap(), 5);
    assert!(!device.copying().get().is_zero());
    assert!(
        batch
            .packets_mut()
            .all(|packet| packet.bytes() == [1, 2, 3])
    );
    assert_eq!((given.get(), taken.get()), (35, 0));
    let part = InnerSlice {
        buffer: 0,
        range: 0..1,
    };
    let mut frames = FrameList::with_capacity(3);
    frames.push(part.clone(), Offload::None);
    frames.push(part.clone(), Offload::None);
    frames.extend_last(part).unwrap();
    let report = device.send_batch(&frames, &UdpBatch::new(1));
    assert_eq!((report.sent, report.dropped), (2, 0));
    assert_eq!((given.get(), taken.get()), (35, 3));
}

#[test]
fn a_silent_device_gives_nothing() {
    let mut batch = TunBatch::new(5, usize::MAX);
    assert_eq!(Device::default().recv_batch(&mut batch).unwrap(), 0);
}

#[test]
fn what_is_recorded_is_played_until_it_is_erased() {
    let tape = Tape::default();
    let mut recorder = Wire::Recorder(address(), tape.clone());
    let sent = recorder
        .send_batch(&mut queue_of(&[b"abcd", b"efgh", b"ij"]))
        .unwrap();
    assert_eq!((sent.sent, tape.datagrams()), (3, 3));
    let (mut player, mut batch) = (Wire::Player(tape.clone()), UdpBatch::new(4));
    for _ in 0..2 {
        assert!(!tape.is_at_end());
        assert_eq!(player.recv_batch(&mut batch).unwrap(), 1);
        let (meta, bytes) = batch.buffer_mut(0).unwrap();
        assert_eq!(
            (&*bytes, meta.stride, meta.remote),
            (&b"abcdefghij"[..], 4, address())
        );
        assert!(tape.is_at_end());
        let copying = tape.copying().get();
        assert!(!copying.is_zero());
        assert_eq!(player.recv_batch(&mut batch).unwrap(), 0);
        assert_eq!(tape.copying().get(), copying, "nothing was copied");
        tape.rewind();
    }
    tape.erase();
    assert!(tape.is_at_end());
    recorder.send_batch(&mut queue_of(&[b"xy"])).unwrap();
    assert_eq!(tape.datagrams(), 1);
    assert_eq!(player.recv_batch(&mut batch).unwrap(), 1);
    assert_eq!(&*batch.buffer_mut(0).unwrap().1, b"xy");
}

#[test]
fn a_batch_that_is_full_leaves_the_rest_on_the_tape() {
    let tape = Tape::default();
    for _ in 0..3 {
        Wire::Recorder(address(), tape.clone())
            .send_batch(&mut queue_of(&[b"a"]))
            .unwrap();
    }
    let mut batch = UdpBatch::new(2);
    let mut player = Wire::Player(tape.clone());
    assert_eq!(player.recv_batch(&mut batch).unwrap(), 2);
    assert!(!tape.is_at_end());
    assert_eq!(player.recv_batch(&mut batch).unwrap(), 1);
}

#[test]
fn a_sink_counts_datagrams() {
    let tally = Tally::default();
    Wire::Sink(tally.clone())
        .send_batch(&mut queue_of(&[b"ab", b"cd", b"e"]))
        .unwrap();
    assert_eq!(tally.get(), 3);
}

#[test]
fn frames_are_recorded_and_played_one_by_one() {
    let tape = Tape::default();
    let mut outbox = PortOutbox::new(4, 1_024);
    for frame in [&b"abc"[..], b"defgh"] {
        let mut slot = outbox.reserve(frame.len()).unwrap();
        slot.copy_from_slice(frame);
        slot.commit();
    }
    let mut recorder = Cable::Recorder(tape.clone());
    assert_eq!(recorder.send_batch(&mut outbox).unwrap().sent, 2);
    assert!(outbox.is_empty());
    assert_eq!(tape.datagrams(), 2);
    let (mut player, mut batch) = (Cable::Player(tape.clone()), PortBatch::new(1));
    for frame in [&b"abc"[..], b"defgh"] {
        assert_eq!(player.recv_batch(&mut batch).unwrap(), 1);
        assert_eq!(batch.frame_mut(0).unwrap(), frame);
    }
    assert!(tape.is_at_end());
    assert_eq!(player.recv_batch(&mut batch).unwrap(), 0);
}
