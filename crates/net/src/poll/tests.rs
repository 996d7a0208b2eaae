//! Waiting and waking, with descriptors whose readiness we control.

use std::net::UdpSocket;
use std::sync::atomic::AtomicUsize;
use std::thread;

use super::*;
use crate::testing::without_forks;

/// How long a test waits for an event that must come. Only a failing test waits that long.
const PATIENCE: Duration = Duration::from_secs(10);

fn ready(poller: &mut Poller, timeout: Duration) -> Vec<Readiness> {
    poller.wait(Some(timeout)).unwrap().collect()
}

#[test]
fn a_wake_up_before_or_during_the_wait_ends_it_until_drained() {
    let mut poller = Poller::new().unwrap();
    let waker = Waker::new().unwrap();
    poller
        .add(&waker, Token(u64::MAX), Interest::Readable)
        .unwrap();
    assert!(ready(&mut poller, Duration::ZERO).is_empty());
    waker.clone().wake();
    waker.wake();
    let expected = [Readiness {
        token: Token(u64::MAX),
        readable: true,
        writable: false,
    }];
    assert_eq!(ready(&mut poller, PATIENCE), expected);
    assert_eq!(ready(&mut poller, PATIENCE), expected, "level-triggered");
    assert_eq!(waker.drain(), WakeUp::Woken);
    assert_eq!(waker.drain(), WakeUp::Quiet);
    assert!(ready(&mut poller, Duration::ZERO).is_empty());
    let other = waker.clone();
    let thread = thread::spawn(move || other.wake());
    assert_eq!(ready(&mut poller, PATIENCE), expected);
    thread.join().unwrap();
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    const ROUNDS: usize = 20_000;
    let published = Arc::new(AtomicUsize::new(0));
    let waker = Waker::new().unwrap();
    let producer = {
        let (published, waker) = (Arc::clone(&published), waker.clone());
        thread::spawn(move || {
            for _ in 0..ROUNDS {
                published.fetch_add(1, Ordering::Relaxed);
                waker.wake();
            }
        })
    };
    let mut poller = Poller::new().unwrap();
    poller.add(&waker, Token(0), Interest::Readable).unwrap();
    let mut seen = 0;
    while seen < ROUNDS {
        assert_eq!(
            ready(&mut poller, PATIENCE).len(),
            1,
            "asleep at {seen} of {ROUNDS}"
        );
        waker.drain();
        seen = published.load(Ordering::Relaxed);
    }
    producer.join().unwrap();
}

#[test]
fn tokens_tell_descriptors_apart_and_interest_mutes_them() {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(&receiver, Token(1), Interest::Readable).unwrap();
    poller.add(&sender, Token(2), Interest::Readable).unwrap();
    sender
        .send_to(b"x", receiver.local_addr().unwrap())
        .unwrap();
    assert_eq!(
        ready(&mut poller, PATIENCE),
        [Readiness {
            token: Token(1),
            readable: true,
            writable: false
        }]
    );
    poller
        .modify(&receiver, Token(1), Interest::Nothing)
        .unwrap();
    assert!(ready(&mut poller, Duration::ZERO).is_empty());
    poller.modify(&receiver, Token(3), Interest::Both).unwrap();
    assert_eq!(
        ready(&mut poller, PATIENCE),
        [Readiness {
            token: Token(3),
            readable: true,
            writable: true
        }]
    );
    poller
        .modify(&receiver, Token(3), Interest::Writable)
        .unwrap();
    assert_eq!(
        ready(&mut poller, PATIENCE),
        [Readiness {
            token: Token(3),
            readable: false,
            writable: true
        }]
    );
    poller.remove(&receiver).unwrap();
    assert!(ready(&mut poller, Duration::ZERO).is_empty());
}

#[test]
fn a_closed_descriptor_leaves_by_itself() {
    let mut poller = Poller::new().unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    poller.add(&socket, Token(1), Interest::Writable).unwrap();
    without_forks(|| {
        drop(socket);
        assert!(ready(&mut poller, Duration::ZERO).is_empty());
    });
}

#[test]
fn wrong_calls_are_told() {
    let poller = Poller::new().unwrap();
    let waker = Waker::new().unwrap();
    assert_eq!(
        poller.remove(&waker).unwrap_err().kind(),
        io::ErrorKind::NotFound
    );
    assert_eq!(
        poller
            .modify(&waker, Token(1), Interest::Both)
            .unwrap_err()
            .kind(),
        io::ErrorKind::NotFound
    );
    poller.add(&waker, Token(1), Interest::Readable).unwrap();
    let twice = poller.add(&waker, Token(1), Interest::Readable);
    assert_eq!(twice.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn more_ready_descriptors_than_one_wait_takes_are_all_told_in_turn() {
    let mut poller = Poller::new().unwrap();
    let wakers: Vec<Waker> = (0..100).map(|_| Waker::new().unwrap()).collect();
    for (token, waker) in wakers.iter().enumerate() {
        poller
            .add(waker, Token(token as u64), Interest::Readable)
            .unwrap();
        waker.wake();
    }
    let mut told = std::collections::BTreeSet::new();
    while told.len() < wakers.len() {
        let events = ready(&mut poller, PATIENCE);
        assert!(!events.is_empty());
        for event in events {
            wakers[usize::try_from(event.token.0).unwrap()].drain();
            told.insert(event.token);
        }
    }
}

#[test]
fn timeouts_are_rounded_up_to_milliseconds_and_cut_to_what_the_kernel_takes() {
    let parts = |timeout| {
        let spec = whole_milliseconds(timeout);
        (spec.tv_sec, spec.tv_nsec)
    };
    assert_eq!(parts(Duration::ZERO), (0, 0));
    assert_eq!(parts(Duration::from_nanos(1)), (0, 1_000_000));
    assert_eq!(parts(Duration::from_micros(2_000)), (0, 2_000_000));
    assert_eq!(parts(Duration::from_millis(1_500)), (1, 500_000_000));
    assert_eq!(
        parts(Duration::MAX),
        (
            i64::from(i32::MAX / 1000),
            i64::from(i32::MAX % 1000) * 1_000_000
        )
    );
    assert!(ready(&mut Poller::new().unwrap(), Duration::from_nanos(1)).is_empty());
}
