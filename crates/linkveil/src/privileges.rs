//! What the process gives up once its devices and sockets exist.

use caps::{CapSet, CapsHashSet};
use rustix::process::{Resource, Rlimit, setrlimit};

/// Forbids core dumps, which would hold keys. Done first, before any key is read.
pub fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps stay allowed");
    }
}

/// Drops every capability of the calling thread; threads that it starts later have none either.
///
/// Everything that needs one is done by now: devices, addresses and routes exist, sockets are bound
/// and have their buffers. Taking it down again needs none, because devices go away with their files.
pub fn drop_capabilities() {
    // The bounding set first: emptying it takes a capability itself. Without that one it stays as it is,
    // and `no_new_privs` alone keeps programs from getting anything back.
    let _ = caps::clear(None, CapSet::Bounding);
    let rest = [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable];
    let dropped = rest
        .iter()
        .try_for_each(|set| caps::set(None, *set, &CapsHashSet::new()));
    if let Err(error) = dropped {
        tracing::warn!(%error, "capabilities stay as they were");
    }
    if let Err(error) = rustix::thread::set_no_new_privs(true) {
        tracing::warn!(%error, "programs could gain privileges again");
    }
}
