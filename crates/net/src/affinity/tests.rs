//! Pinning, on threads of its own.

use super::*;

#[test]
fn a_thread_can_be_pinned_to_each_allowed_core_and_then_sees_only_that_one() {
    let cores = allowed_cores().unwrap();
    assert!(!cores.is_empty());
    assert!(cores.is_sorted());
    for core in cores {
        let seen = std::thread::spawn(move || {
            pin_to(core).unwrap();
            allowed_cores().unwrap()
        });
        assert_eq!(seen.join().unwrap(), [core]);
    }
}

#[test]
fn a_core_that_does_not_exist_is_refused() {
    assert_eq!(Core::new(1 << 20), None);
    let beyond = Core::new(1023).unwrap();
    if !allowed_cores().unwrap().contains(&beyond) {
        assert_eq!(
            pin_to(beyond).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
