//! A network namespace that goes away with its value, and programs and sockets inside it.

use std::process::{self, Child, Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use linkveil_net::netns::Netns;

/// A network namespace of this test alone, under a name that `ip netns` knows. Deleted on drop, with every interface and
/// route in it; programs that still run inside keep it alive until they end.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    handle: Netns,
}

impl Namespace {
    /// Makes a namespace with its loopback interface up. `role` is for people who read `ip netns list`.
    ///
    /// Interfaces that are made in it later send no router solicitations or multicast reports of their own, so that a
    /// test can count packets.
    ///
    /// # Panics
    ///
    /// Without the right to make one.
    #[must_use]
    pub fn new(role: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lvt{}-{number}-{role}", process::id());
        run(Command::new("ip").args(["netns", "add", &name]));
        let handle = match Netns::open(&name) {
            Ok(handle) => handle,
            Err(error) => {
                delete(&name);
                panic!("{error}");
            }
        };
        let namespace = Self { name, handle };
        namespace.ip("link set lo up");
        namespace
    }

    /// The name, for `ip netns` and for a configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread inside the namespace. Sockets that it opens stay there and may be used from anywhere.
    ///
    /// # Panics
    ///
    /// If `work` panics, or the namespace cannot be entered.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.handle.run(work) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Starts a program inside.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> Child {
        match self.run(|| command.spawn()) {
            Ok(child) => child,
            Err(error) => panic!("{command:?}: {error}"),
        }
    }

    /// Runs a program inside to its end, whatever that is.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn output(&self, program: &str, arguments: &str) -> Output {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace());
        match self.run(|| command.output()) {
            Ok(output) => output,
            Err(error) => panic!("{command:?}: {error}"),
        }
    }

    /// `ip ARGUMENTS` inside.
    ///
    /// # Panics
    ///
    /// If it fails.
    pub fn ip(&self, arguments: &str) {
        let output = self.output("ip", arguments);
        assert!(
            output.status.success(),
            "ip {arguments}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Whether an interface of this name exists inside.
    #[must_use]
    pub fn has_device(&self, device: &str) -> bool {
        self.output("ip", &format!("link show dev {device}"))
            .status
            .success()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        delete(&self.name);
    }
}

/// Joins two namespaces by a cable whose ends are both called `device`.
///
/// # Panics
///
/// If the system refuses.
pub fn connect(left: &Namespace, right: &Namespace, device: &str) {
    plug((left, device), (right, device));
}

/// Joins two namespaces by a cable with a name for each end.
///
/// # Panics
///
/// If the system refuses.
pub fn plug((left, device): (&Namespace, &str), (right, device_there): (&Namespace, &str)) {
    run(Command::new("ip").args([
        "link",
        "add",
        device,
        "netns",
        left.name(),
        "type",
        "veth",
        "peer",
        "name",
        device_there,
        "netns",
        right.name(),
    ]));
}

fn delete(name: &str) {
    // A drop must not panic, and there is nobody left to tell.
    let _ = Command::new("ip").args(["netns", "del", name]).status();
}

fn run(command: &mut Command) {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{command:?}: {error}"),
    };
    assert!(
        output.status.success(),
        "{command:?} failed; the tests in netns-tests need root (scripts/test sees to it):\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
