//! One protected port: its lanes, and who makes their keys.

use std::io;
use std::time::{Duration, Instant};

use linkveil_dataplane::macsec::{
    InstallRefusal, MacsecBuildError, MacsecCommand, MacsecEvent, MacsecPool, MacsecReport,
};
use linkveil_dataplane::pool::Backlog;
use linkveil_net::interface::HardwareAddress;
use linkveil_net::packet::PortCondition;
use linkveil_sa::Macsec;
use linkveil_tunnel::core::Rekey;
use linkveil_tunnel::{Core, PORT_PEER, PortError};

use super::control::Control;
use super::fixed::{Numbers, StaticKeyError};
use super::{BACKLOG_PAUSE, Portrait};
use crate::config::Node;
use crate::gateway::lanes::{LaneMain, LaneThreads};
use crate::gateway::now;
use crate::pn_file::PnFileError;
use crate::setup::macsec::PortSetupError;
use crate::status::MacsecStatus;

/// Why a port does not work.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Sockets, devices or the interface.
    #[error(transparent)]
    Setup(#[from] PortSetupError),
    /// Written-down keys.
    #[error(transparent)]
    Keys(#[from] StaticKeyError),
    /// The handshake does not fit the port.
    #[error(transparent)]
    Handshake(#[from] PortError),
    /// The lanes cannot be made.
    #[error(transparent)]
    Lanes(#[from] MacsecBuildError),
    /// The event loop does not take it.
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    /// A lane refused a key that is written down.
    #[error("keys: {0}")]
    Refused(#[from] InstallRefusal),
    /// No more packet numbers can be written down, so that soon none may be used.
    #[error(transparent)]
    PacketNumbers(#[from] PnFileError),
    /// The socket for handshakes is unusable.
    #[error("handshakes cannot be received: {0}")]
    Control(#[source] io::Error),
    /// Nothing is there to be protected.
    #[error("the port {0} was deleted")]
    Gone(String),
    /// Its channels have the name of another address.
    #[error(
        "the port {port} got the MAC address {address}, and its channels are named by the one before; start again"
    )]
    Readdressed {
        /// The port.
        port: String,
        /// Its address now.
        address: HardwareAddress,
    },
    /// A lane ended.
    #[error("lane {lane} ended: {reason}; were the port or its device deleted?")]
    Lane {
        /// Its number.
        lane: usize,
        /// Why.
        reason: String,
    },
}

/// One protected port.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) portrait: Portrait,
    pub(super) pool: MacsecPool,
    pub(super) threads: Threads,
    pub(super) keys: KeySource,
    pub(super) control: Control,
    pub(super) report: Option<Box<MacsecReport>>,
    pub(super) backlog: Backlog,
    pub(super) fault: Option<LinkError>,
}

/// The lanes' threads.
pub(super) enum Threads {
    Waiting(Vec<LaneMain>),
    Running(LaneThreads),
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Waiting(_) => "Waiting",
            Self::Running(_) => "Running",
        })
    }
}

/// Where keys come from.
#[derive(Debug)]
pub(super) enum KeySource {
    Handshake(Box<Core<Macsec>>),
    Fixed(Numbers),
}

impl Link {
    pub(super) fn name(&self) -> &str {
        self.portrait.name()
    }

    pub(super) fn spawn(&mut self, node: &Node) -> io::Result<()> {
        if let Threads::Waiting(lanes) = &mut self.threads {
            let lanes = std::mem::take(lanes);
            let name = format!("macsec-{}", self.portrait.name());
            let threads = LaneThreads::spawn(lanes, (&name, node), self.pool.waker())?;
            self.threads = Threads::Running(threads);
        }
        Ok(())
    }

    /// What went wrong since the last call.
    pub(super) fn check(&mut self) -> Result<(), LinkError> {
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        let Threads::Running(threads) = &mut self.threads else {
            return Ok(());
        };
        match threads.take_ended() {
            None => Ok(()),
            Some((lane, reason)) => Err(LinkError::Lane { lane, reason }),
        }
    }

    pub(super) fn hear_lanes(&mut self) {
        self.pool.waker().drain();
        while let Some(event) = self.pool.poll_event() {
            self.handle_event(event);
        }
    }

    fn handle_event(&mut self, event: MacsecEvent) {
        match (event, &mut self.keys) {
            (MacsecEvent::Lane(event), KeySource::Handshake(core)) => {
                core.handle_lane_event(event, now());
            }
            // Written-down keys are used as long as they last; docs/operations.md says what to do then.
            (MacsecEvent::Lane(event), KeySource::Fixed(_)) => self.portrait.log_fixed(&event),
            (MacsecEvent::Refused { error, .. }, KeySource::Fixed(_)) => {
                self.fault = Some(error.into());
            }
            (MacsecEvent::Refused { epoch, error, .. }, KeySource::Handshake(core)) => {
                tracing::warn!(macsec = self.portrait.name(), %epoch, %error, "a lane refused new keys");
                core.handle_install_refused(epoch, now());
            }
            (MacsecEvent::ReserveMore { an, reserved }, KeySource::Fixed(numbers)) => {
                match numbers.reserve_after(reserved) {
                    Ok(last) => self
                        .pool
                        .command(MacsecCommand::ReserveThrough { an, last }),
                    Err(error) => self.fault = Some(error.into()),
                }
            }
            // Keys of a handshake are used once and need no reservation.
            (MacsecEvent::ReserveMore { .. }, KeySource::Handshake(_)) => {}
            (MacsecEvent::Report(report), _) => self.report = Some(report),
        }
    }

    pub(super) fn control_is_readable(&mut self) {
        self.control.note_readable();
    }

    /// Reads control frames, does what is due, and passes on what the core wants done.
    pub(super) fn turn(&mut self) {
        self.read_control();
        if let KeySource::Handshake(core) = &mut self.keys {
            core.handle_timeout(now());
        }
        self.carry_out();
    }

    fn read_control(&mut self) {
        let Self { control, keys, .. } = self;
        let read = control.read(|frame| {
            // With written-down keys nobody listens to handshakes.
            if let KeySource::Handshake(core) = keys {
                core.handle_frame(frame, now());
            }
        });
        let port = || self.portrait.port().to_owned();
        match control.condition() {
            PortCondition::Unchanged => {}
            PortCondition::Deleted => self.fault = Some(LinkError::Gone(port())),
            PortCondition::Readdressed(address) => {
                let port = port();
                self.fault = Some(LinkError::Readdressed { port, address });
            }
        }
        // A port that was deleted has no socket that works: that is the better word.
        if let (Err(error), None) = (read, &self.fault) {
            self.fault = Some(LinkError::Control(error));
        }
    }

    fn carry_out(&mut self) {
        if let KeySource::Handshake(core) = &mut self.keys {
            while let Some(event) = core.poll_event() {
                self.portrait.log(&event);
            }
            while let Some(command) = core.poll_command() {
                match MacsecCommand::try_from(command) {
                    Ok(command) => self.pool.command(command),
                    Err(error) => {
                        tracing::error!(macsec = self.portrait.name(), %error, "keys are of no use");
                    }
                }
            }
            while let Some(transmit) = core.poll_transmit() {
                if let Err(error) = self.control.send(&transmit.bytes) {
                    tracing::debug!(macsec = self.portrait.name(), %error, "a handshake frame was not sent");
                }
            }
        }
        self.backlog = self.pool.flush();
    }

    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        if self.fault.is_some() {
            return Some(Duration::ZERO);
        }
        let backlog = (self.backlog == Backlog::Waiting).then_some(BACKLOG_PAUSE);
        let due = match &self.keys {
            KeySource::Handshake(core) => core.poll_timeout(),
            KeySource::Fixed(_) => None,
        };
        let due = due.map(|(due, _)| due).into_iter();
        let due = due.chain([self.control.next_due()]).min();
        let due = due.map(|due| due.saturating_duration_since(now));
        backlog.into_iter().chain(due).min()
    }

    pub(super) fn request_report(&mut self) {
        self.report = None;
        self.pool.request_report();
    }

    /// `None` until the lanes have reported.
    pub(super) fn status(&self, now: Instant) -> Option<MacsecStatus> {
        let report = self.report.as_ref()?;
        let core = match &self.keys {
            KeySource::Handshake(core) => Some(&**core),
            KeySource::Fixed(_) => None,
        };
        let mut status = self.portrait.paint(report, core, now);
        status.control.extend(self.control.impair_counters());
        Some(status)
    }

    /// `None`: keys are written down.
    pub(super) fn rekey(&mut self) -> Option<Rekey> {
        match &mut self.keys {
            KeySource::Handshake(core) => Some(core.rekey(PORT_PEER, now())),
            KeySource::Fixed(_) => None,
        }
    }

    pub(super) fn close(&mut self) {
        if let KeySource::Handshake(core) = &mut self.keys {
            core.close(now());
        }
        self.carry_out();
        self.pool.stop();
        self.pool.flush();
    }

    pub(super) fn is_finished(&mut self) -> bool {
        self.pool.flush();
        self.hear_lanes();
        match &self.threads {
            Threads::Waiting(_) => true,
            Threads::Running(threads) => threads.are_finished(),
        }
    }

    pub(super) fn join(self) {
        // Whoever is left sees that nobody gives orders any more.
        drop(self.pool);
        if let Threads::Running(mut threads) = self.threads {
            threads.join();
        }
    }
}
