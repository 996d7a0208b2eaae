//! A stock Linux kernel in a virtual machine (`scripts/kernel-vm`), for what this machine's kernel lacks.
//!
//! ```text
//!   namespace of the test                        virtual machine, software emulation
//!  +---------------------------------+          +----------------------------------+
//!  |  AF_PACKET on the TAP device =====  wire ===== eth0, virtio_net               |
//!  |                       stdin, stdout ======== virtio port: scripts, answers    |
//!  +---------------------------------+          +----------------------------------+
//! ```
//!
//! The TAP device itself is our end of the wire: what AF_PACKET sends on it goes to the machine, for every destination
//! address. A bridge between would keep those of 01-80-C2-00-00-0x for itself.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use linkveil_net::clock;
use tempfile::TempDir;

use crate::netns::Namespace;

/// The machine's end of the wire.
pub const MACHINE_DEVICE: &str = "eth0";
/// Its address there; `scripts/lib/vm-inside` sets it.
pub const MACHINE_MAC: [u8; 6] = [0x02, 0xbb, 0, 0, 0, 1];

/// A boot takes 3 seconds on a machine that has nothing else to do, and ten times that on one that has.
const BOOT_PATIENCE: Duration = Duration::from_secs(90);
/// One script, of which the slowest are pings that wait.
const SCRIPT_SECONDS: u64 = 20;
/// What an answer takes on its way, on a busy machine.
const MARGIN: Duration = Duration::from_secs(10);
/// Status of `scripts/kernel-vm` where no machine can be started.
const IMPOSSIBLE: i32 = 77;
/// The longest answer that anybody can want.
const MAX_ANSWER: usize = 1 << 20;

/// Why there is no machine here: not a failure, but a test that cannot run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoMachine(pub String);

/// How a script ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finished {
    /// Its status; 143 if it took too long.
    pub status: i32,
    /// What it printed, errors included.
    pub output: String,
}

/// A running machine. Killed on drop, and it turns itself off when this process is gone; its console is printed when the
/// test fails.
#[derive(Debug)]
pub struct KernelVm {
    qemu: Child,
    port: UnixStream,
    /// Came over the port, and nobody has taken it yet.
    received: Vec<u8>,
    requests: u64,
    kernel: String,
    folder: TempDir,
}

impl KernelVm {
    /// Boots a machine whose wire ends in the TAP device `tap` of the namespace, which is made.
    ///
    /// # Errors
    ///
    /// [`NoMachine`] where none can be started.
    ///
    /// # Panics
    ///
    /// If it does not start although it could.
    pub fn boot(namespace: &Namespace, tap: &str) -> Result<Self, NoMachine> {
        prepare()?;
        namespace.ip(&format!("tuntap add {tap} mode tap"));
        namespace.ip(&format!("link set {tap} addrgenmode none"));
        namespace.ip(&format!("link set {tap} arp off up"));
        let folder = TempDir::new().unwrap();
        let (port, theirs) = UnixStream::pair().unwrap();
        let qemu = namespace.spawn(&mut serve(tap, theirs, folder.path()));
        let mut machine = Self {
            qemu,
            port,
            received: Vec::new(),
            requests: 0,
            kernel: String::new(),
            folder,
        };
        let ready = machine.line(BOOT_PATIENCE);
        let version = ready.strip_prefix("ready ");
        machine.kernel = version.expect(&ready).to_owned();
        Ok(machine)
    }

    /// The version of its kernel.
    #[must_use]
    pub fn kernel(&self) -> &str {
        &self.kernel
    }

    /// Runs a shell script in it to its end.
    ///
    /// # Panics
    ///
    /// If the machine does not answer.
    pub fn run(&mut self, script: &str) -> Finished {
        self.requests += 1;
        let number = self.requests.to_string();
        let request = format!("{number} {SCRIPT_SECONDS} {}\n", base64(script.as_bytes()));
        self.port.write_all(request.as_bytes()).unwrap();
        let patience = Duration::from_secs(SCRIPT_SECONDS) + MARGIN;
        let answer = self.line(patience);
        let fields: Vec<_> = answer.split(' ').collect();
        let [answered, status, length] = fields.as_slice() else {
            panic!("{answer:?} is no answer");
        };
        assert_eq!(*answered, number);
        let output = self.octets(length.parse().unwrap(), patience);
        Finished {
            status: status.parse().unwrap(),
            output: String::from_utf8_lossy(&output).into_owned(),
        }
    }

    /// Runs a shell script whose every command must succeed, and returns what it printed.
    ///
    /// # Panics
    ///
    /// If one does not.
    #[track_caller]
    pub fn sh(&mut self, script: &str) -> String {
        let finished = self.run(&format!("set -e\n{script}"));
        assert_eq!(
            finished.status, 0,
            "in the machine:\n{script}\n---- printed:\n{}",
            finished.output
        );
        finished.output
    }

    fn line(&mut self, patience: Duration) -> String {
        let end = clock::now() + patience;
        loop {
            if let Some(length) = self.received.iter().position(|octet| *octet == b'\n') {
                let line: Vec<_> = self.received.drain(..=length).collect();
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            assert!(self.received.len() < MAX_ANSWER, "a line without end");
            self.receive(end.saturating_duration_since(clock::now()));
        }
    }

    fn octets(&mut self, count: usize, patience: Duration) -> Vec<u8> {
        assert!(count <= MAX_ANSWER, "the machine printed {count} octets");
        let end = clock::now() + patience;
        while self.received.len() < count {
            self.receive(end.saturating_duration_since(clock::now()));
        }
        self.received.drain(..count).collect()
    }

    fn receive(&mut self, patience: Duration) {
        assert!(!patience.is_zero(), "the machine does not answer");
        self.port.set_read_timeout(Some(patience)).unwrap();
        let mut buffer = [0; 4096];
        match self.port.read(&mut buffer) {
            Ok(0) => panic!("the machine ended: {:?}", self.qemu.wait()),
            Ok(length) => self.received.extend(&buffer[..length]),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for KernelVm {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what we want.
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
        if thread::panicking() {
            for name in [CONSOLE, ERRORS] {
                let text = fs::read_to_string(self.folder.path().join(name));
                eprintln!("---- {name} ----\n{}", text.unwrap_or_default());
            }
        }
    }
}

/// Files in the machine's folder.
const CONSOLE: &str = "console";
const ERRORS: &str = "errors";

/// Makes kernel and initramfs here, where there may be a network, rather than in a test's namespace.
fn prepare() -> Result<(), NoMachine> {
    let output = script().arg("prepare").output().unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    if output.status.code() == Some(IMPOSSIBLE) {
        let reason = complained.lines().last().unwrap_or_default();
        return Err(NoMachine(reason.to_owned()));
    }
    assert!(output.status.success(), "kernel-vm prepare:\n{complained}");
    Ok(())
}

/// A machine with the virtio port on stdin and stdout.
fn serve(tap: &str, port: UnixStream, folder: &Path) -> Command {
    let reading = OwnedFd::from(port.try_clone().unwrap());
    let mut command = script();
    command
        .args(["--tap", tap, "serve"])
        .env("VM_WORK", folder)
        .stdin(Stdio::from(reading))
        .stdout(Stdio::from(OwnedFd::from(port)))
        .stderr(File::create(folder.join(ERRORS)).unwrap());
    command
}

fn script() -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/kernel-vm"))
}

/// RFC 4648 section 4.
fn base64(octets: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in octets.chunks(3) {
        let octet = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for place in 0..4 {
            if place <= group.len() {
                let index = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap();
                text.push(char::from(ALPHABET[index]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (octets, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(octets.as_bytes()), text);
        }
    }
}
