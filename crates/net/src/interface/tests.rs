//! Names that the kernel takes, and those it does not.

use super::*;
use crate::testing::in_private_netns;
use crate::tun::{DeviceKind, TunDevice};
use crate::virtio::Offloads;

#[test]
fn names_are_checked_before_the_kernel_sees_them() {
    assert_eq!(check_name("lv-blue"), Ok(()));
    assert_eq!(check_name("fifteen-letters"), Ok(()));
    assert_eq!(check_name("sixteen-letters-"), Err(NameError::TooLong));
    assert_eq!(check_name(""), Err(NameError::Empty));
    for name in [".", "..", "a b", "a/b", "a:b", "lv%d", "a\tb", "a\0b"] {
        assert_eq!(check_name(name), Err(NameError::Character), "{name:?}");
    }
}

#[test]
fn the_kernel_takes_what_the_check_lets_pass() {
    in_private_netns("the_kernel_takes_what_the_check_lets_pass", || {
        for name in ["a", "lv-blue.5", "fifteen-letters", "_x+y@z", "..."] {
            assert_eq!(check_name(name), Ok(()));
            let _device =
                TunDevice::create(name, DeviceKind::Tun, 1, Offloads::None, None).unwrap();
            assert!(index_of(name).unwrap().is_some(), "{name}");
        }
    });
}

#[test]
fn loopback_has_an_index_and_nobody_else_that_name() {
    assert!(index_of("lo").unwrap().unwrap().get() > 0);
    assert_eq!(index_of("no-such-device").unwrap(), None);
}
