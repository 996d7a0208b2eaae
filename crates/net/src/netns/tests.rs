//! Namespaces with real files, each named after this process so that nothing else is disturbed.

use std::os::fd::AsFd;

use rustix::fs::fstat;

use super::*;
use crate::interface::index_of;
use crate::testing::{in_private_netns, ip, is_root};

/// A namespace as `ip netns add` makes it, removed at the end.
struct Named(String);

impl Named {
    fn new(purpose: &str) -> Self {
        let name = format!("lvnet-{}-{purpose}", std::process::id());
        ip(&format!("netns add {name}"));
        Self(name)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.0));
    }
}

fn identity(netns: &Netns) -> u64 {
    fstat(netns.as_fd()).unwrap().st_ino
}

#[test]
fn work_runs_in_the_namespace_and_the_caller_stays_where_it_was() {
    if !is_root("work_runs_in_the_namespace_and_the_caller_stays_where_it_was") {
        return;
    }
    let named = Named::new("run");
    let netns = Netns::open(&named.0).unwrap();
    let before = identity(&Netns::current().unwrap());
    let (inside, has_only_loopback) = netns
        .run(|| {
            ip("link add name lv-inside type veth peer name lv-other");
            (
                identity(&Netns::current().unwrap()),
                index_of("lv-inside").unwrap().is_some(),
            )
        })
        .unwrap();
    assert!(has_only_loopback);
    assert_eq!(inside, identity(&netns));
    assert_ne!(inside, before);
    assert_eq!(identity(&Netns::current().unwrap()), before);
    assert_eq!(index_of("lv-inside").unwrap(), None);
}

#[test]
fn a_namespace_opens_by_name_and_by_path() {
    if !is_root("a_namespace_opens_by_name_and_by_path") {
        return;
    }
    let named = Named::new("open");
    let by_name = Netns::open(&named.0).unwrap();
    let by_path = Netns::open(&format!("/run/netns/{}", named.0)).unwrap();
    assert_eq!(identity(&by_name), identity(&by_path));
    assert_eq!(by_name.to_string(), format!("/run/netns/{}", named.0));
}

#[test]
fn the_current_namespace_is_that_of_the_thread() {
    let outside = identity(&Netns::current().unwrap());
    in_private_netns("the_current_namespace_is_that_of_the_thread", || {
        let inside = Netns::current().unwrap();
        assert_ne!(identity(&inside), outside);
        assert_eq!(
            inside.run(|| identity(&Netns::current().unwrap())).unwrap(),
            identity(&inside)
        );
    });
}

#[test]
fn what_does_not_exist_or_is_no_namespace_is_said_so() {
    let error = Netns::open("no-such-namespace").unwrap_err();
    assert!(matches!(&error, NetnsError::NoSuchName(name) if name == "no-such-namespace"));
    assert!(error.to_string().contains("ip netns add"));
    for name in ["", ".", ".."] {
        assert!(
            matches!(Netns::open(name), Err(NetnsError::NoSuchName(_))),
            "{name:?}"
        );
    }
    assert!(matches!(
        Netns::open("/no/such/path"),
        Err(NetnsError::NoSuchPath(_))
    ));
    assert!(matches!(
        Netns::open("/proc/self/status"),
        Err(NetnsError::NotANamespace(_))
    ));
}

#[test]
fn a_namespace_of_another_kind_is_refused_on_entry() {
    if !is_root("a_namespace_of_another_kind_is_refused_on_entry") {
        return;
    }
    let other_kind = Netns::open("/proc/self/ns/uts").unwrap();
    assert!(matches!(
        other_kind.run(|| ()),
        Err(NetnsError::NotANamespace(_))
    ));
}

#[test]
#[should_panic(expected = "inside the namespace")]
fn a_panic_of_the_work_reaches_the_caller() {
    if !is_root("a_panic_of_the_work_reaches_the_caller") {
        panic!("inside the namespace, had we been allowed to go there");
    }
    let here = Netns::current().unwrap();
    let _never = here.run(|| panic!("inside the namespace"));
}
