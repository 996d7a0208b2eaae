use std::sync::Arc;

use linkveil_net::{LinuxTun, LinuxUdp, clock};

use super::*;
use crate::lane::LaneQueues;
use crate::pool::{PoolEvent, build};
use crate::testing::snapshot;

#[test]
fn a_wake_up_is_taken_once_and_costs_nothing_in_later_turns() {
    let queues = LaneQueues::<LinuxTun, LinuxUdp> {
        tuns: Vec::new(),
        udps: Vec::new(),
    };
    let snapshot = Arc::new(snapshot(None, "10.2.0.0/24", 1_424));
    let (mut pool, mut lanes) = build(vec![queues], &snapshot).unwrap();
    let mut lane = lanes.remove(0);
    let mut poller = Poller::new().unwrap();
    lane.watch(&poller).unwrap();
    // Long enough that no wait sleeps.
    let awake_until = clock::now() + Duration::from_secs(3_600);
    let mut looks = Vec::new();
    for turn in 0..6 {
        if turn % 3 == 1 {
            pool.request_report();
            pool.flush();
        }
        thread::wait(&mut lane, &mut poller, awake_until).unwrap();
        looks.push(lane.ready.waker);
        lane.work(clock::now()).unwrap();
        while let Some(event) = pool.poll_event() {
            assert!(matches!(event, PoolEvent::Report(_)), "{event:?}");
        }
    }
    let once = [Look::Skip, Look::Take, Look::Skip];
    assert_eq!(looks, [once, once].concat());
}
