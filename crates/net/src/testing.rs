//! What tests with real kernel objects share: private network namespaces that disturb nobody.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use rustix::io::Errno;
use rustix::thread::UnshareFlags;

/// Runs `test` in a network namespace of its own, on a thread of its own, with the loopback interface up. Without the
/// right to make one it says so and counts as passed.
pub(crate) fn in_private_netns(name: &str, test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let outcome = scope.spawn(|| {
            // SAFETY: only CLONE_NEWNET is asked for, which leaves the file descriptor table alone.
            match unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) } {
                Err(Errno::PERM) => println!("skipped {name}: a network namespace needs root"),
                Err(error) => panic!("unshare: {error}"),
                Ok(()) => {
                    ip("link set lo up");
                    test();
                }
            }
        });
        outcome
            .join()
            .unwrap_or_else(|payload| std::panic::resume_unwind(payload));
    });
}

/// Whether we may make namespaces and devices. Says so when not.
pub(crate) fn is_root(name: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        println!("skipped {name}: needs root");
    }
    root
}

/// `ip ARGUMENTS` in the namespace of the calling thread.
pub(crate) fn ip(arguments: &str) {
    run("ip", arguments);
}

/// Runs a program in the namespace of the calling thread and demands success.
pub(crate) fn run(program: &str, arguments: &str) {
    assert!(succeeds(program, arguments), "{program} {arguments} failed");
}

/// Runs a program in the namespace of the calling thread.
pub(crate) fn succeeds(program: &str, arguments: &str) -> bool {
    let started = without_forks(|| {
        Command::new(program)
            .args(arguments.split_whitespace())
            .spawn()
    });
    let mut child = started.unwrap_or_else(|error| panic!("{program}: {error}"));
    child
        .wait()
        .unwrap_or_else(|error| panic!("{program}: {error}"))
        .success()
}

/// Runs `closing` while no other test starts a program. Between fork and exec a child holds a copy of every descriptor
/// of this process, so that what a test closes would stay open for a moment.
pub(crate) fn without_forks<T>(closing: impl FnOnce() -> T) -> T {
    static FORKING: Mutex<()> = Mutex::new(());
    let _guard = FORKING.lock().unwrap_or_else(PoisonError::into_inner);
    closing()
}
