//! One `linkveil up` process: start, ready, signals, log.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use crate::netns::Namespace;
use crate::status::Status;
use crate::timing::wait_for;

/// A running gateway. Killed on drop; its log is printed when the test fails.
#[derive(Debug)]
pub struct Gateway {
    name: String,
    child: Child,
    folder: PathBuf,
}

/// Names of the files in a gateway's folder.
const CONFIG: &str = "node.toml";
const LOG: &str = "node.log";
const CONTROL: &str = "control.sock";
const READY: &str = "ready.sock";

/// What the gateway logs; failing tests show it.
const LOG_LEVEL: &str = "info,linkveil=debug,linkveil_tunnel=debug";

impl Gateway {
    /// The control socket of a gateway whose files are in `folder`.
    #[must_use]
    pub fn control_socket_in(folder: &Path) -> PathBuf {
        folder.join(CONTROL)
    }

    /// Writes `config` to `folder`, starts the gateway in the namespace `host` and waits until it says that it is ready.
    ///
    /// # Panics
    ///
    /// If it ends first, or is not ready in time; its log is printed.
    #[must_use]
    pub fn start(name: &str, host: &Namespace, folder: &Path, config: &str) -> Self {
        write_private(&folder.join(CONFIG), config);
        let _ = fs::remove_file(folder.join(READY));
        let ready = UnixDatagram::bind(folder.join(READY)).unwrap();
        ready
            .set_read_timeout(Some(Duration::from_millis(20)))
            .unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join(LOG))
            .unwrap();
        let child = host.spawn(
            Command::new(binary())
                .arg("up")
                .arg(folder.join(CONFIG))
                .env("NOTIFY_SOCKET", folder.join(READY))
                .env("LINKVEIL_LOG", LOG_LEVEL)
                .env("STATE_DIRECTORY", folder)
                .stdin(Stdio::null())
                .stdout(log.try_clone().unwrap())
                .stderr(log),
        );
        let mut gateway = Self {
            name: name.to_owned(),
            child,
            folder: folder.to_owned(),
        };
        wait_for("READY=1", || gateway.said_ready(&ready));
        gateway
    }

    fn said_ready(&mut self, socket: &UnixDatagram) -> Option<()> {
        if let Some(status) = self.child.try_wait().unwrap() {
            panic!("{} ended before it was ready: {status}", self.name);
        }
        let mut message = [0; 256];
        let length = socket.recv(&mut message).ok()?;
        message[..length]
            .split(|byte| *byte == b'\n')
            .any(|line| line == b"READY=1")
            .then_some(())
    }

    /// What `linkveil status --json` says.
    ///
    /// # Panics
    ///
    /// If the gateway does not answer, or the answer is not what docs/operations.md describes.
    #[must_use]
    pub fn status(&self) -> Status {
        let text = self.ask(&["status", "--json"]);
        match serde_json::from_str(&text) {
            Ok(status) => status,
            Err(error) => panic!("{}: {error} in the status:\n{text}", self.name),
        }
    }

    /// `linkveil rekey`: new keys with every peer.
    ///
    /// # Panics
    ///
    /// If the gateway does not answer.
    pub fn rekey(&self) {
        self.ask(&["rekey"]);
    }

    fn ask(&self, command: &[&str]) -> String {
        let output = Command::new(binary())
            .args(command)
            .arg("--socket")
            .arg(self.control_socket())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}: linkveil {command:?}: {}",
            self.name,
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// The control socket's file.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        Self::control_socket_in(&self.folder)
    }

    /// `kill -9`: no farewell, no clean-up.
    ///
    /// # Panics
    ///
    /// If it is gone already.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM, waits for the end and returns the exit status.
    ///
    /// # Panics
    ///
    /// If it does not end in time.
    #[must_use]
    pub fn terminate(mut self) -> ExitStatus {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        wait_for("the end after SIGTERM", || self.child.try_wait().unwrap())
    }

    /// What it logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join(LOG)).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("---- log of {} ----\n{}", self.name, self.log());
        }
    }
}

/// A configuration may hold keys.
fn write_private(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// The binary under test: `LINKVEIL_BIN`, or what cargo built next to this test.
///
/// # Panics
///
/// If there is none.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = env::var_os("LINKVEIL_BIN") {
        return path.into();
    }
    let test = env::current_exe().unwrap();
    let built = test.ancestors().nth(2).unwrap().join("linkveil");
    assert!(
        built.exists(),
        "{} is not there: `cargo build -p linkveil` first, or name a binary in LINKVEIL_BIN",
        built.display()
    );
    built
}
