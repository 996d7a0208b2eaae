use std::thread;

use linkveil_net::affinity::allowed_cores;

use super::{BUSY_BYTES, Berth, CALM_BYTES, Place, TURNS, next_place};

fn turns(berth: &mut Berth, count: u32, bytes: usize) {
    for _ in 0..count {
        berth.note_turn(bytes);
    }
}

#[test]
fn a_lane_stays_on_its_core_while_it_is_busy() {
    // On a thread of its own, whose affinity may be changed.
    let test = thread::spawn(|| {
        let all = allowed_cores().unwrap();
        let core = *all.last().unwrap();
        let mut berth = Berth::new(core).unwrap();
        turns(&mut berth, TURNS - 1, BUSY_BYTES);
        assert_eq!(allowed_cores().unwrap(), all, "not decided yet");
        turns(&mut berth, 1, BUSY_BYTES);
        assert_eq!(allowed_cores().unwrap(), [core]);
        turns(&mut berth, TURNS, CALM_BYTES);
        assert_eq!(allowed_cores().unwrap(), [core], "neither busy nor calm");
        turns(&mut berth, TURNS, CALM_BYTES - 1);
        assert_eq!(allowed_cores().unwrap(), all);
    });
    test.join().unwrap();
}

#[test]
fn what_lies_between_calm_and_busy_changes_nothing() {
    let turns = TURNS as usize;
    for place in [Place::Core, Place::Anywhere] {
        assert_eq!(next_place(place, turns * BUSY_BYTES - 1), place);
        assert_eq!(next_place(place, turns * CALM_BYTES), place);
    }
    assert_eq!(next_place(Place::Anywhere, turns * BUSY_BYTES), Place::Core);
    assert_eq!(
        next_place(Place::Core, turns * CALM_BYTES - 1),
        Place::Anywhere
    );
}
