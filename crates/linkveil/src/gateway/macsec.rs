//! The protected ports of a gateway: each has lanes of its own and, where its keys come from a handshake, a control core
//! of its own.
//!
//! ```text
//!  control frames (0x88B5) --> Core<Macsec> --commands--> MacsecPool ==rings==> lanes (threads)
//!         ^  transmits -----------+    <------events----- MacsecPool <=rings== lanes
//!  written-down keys --------------------commands-------> MacsecPool
//! ```

mod build;
mod control;
mod fixed;
mod link;
mod report;

use std::io;
use std::time::{Duration, Instant};

use linkveil_macsec::NonceSpace;
use linkveil_net::ImpairConfig;
use linkveil_tunnel::core::Rekey;
use mio::{Registry, Token};

use super::BACKLOG_PAUSE;
use crate::config::{Crypto, MacsecPort, Node};
use crate::netlink::port::ProtectedLink;
use crate::pn_file;
use crate::status::MacsecStatus;
use link::{Link, LinkError};
use report::Portrait;

/// Tokens of a port: its lanes' waker, and its control frames.
pub(super) const TOKENS: usize = 2;

/// All protected ports, in the order of the configuration.
#[derive(Debug)]
pub(super) struct Links {
    links: Vec<Link>,
    first: Token,
}

/// A port that failed, by name.
#[derive(Debug, thiserror::Error)]
#[error("[[macsec]] {name:?}: {error}")]
pub struct MacsecError {
    /// `[[macsec]] name`.
    pub name: String,
    /// What happened.
    #[source]
    pub error: LinkError,
}

/// What all ports are made with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'s> {
    pub(super) node: &'s Node,
    pub(super) crypto: &'s Crypto,
    pub(super) registry: &'s Registry,
    /// What is done on purpose to what arrives.
    pub(super) impair: Option<ImpairConfig>,
    /// The first token of all ports.
    pub(super) first: Token,
}

impl Shared<'_> {
    /// The first token of a port.
    fn token(self, number: usize) -> Token {
        Token(self.first.0 + TOKENS * number)
    }
}

impl Links {
    /// Makes what the ports stand on. Needs capabilities.
    ///
    /// # Errors
    ///
    /// The first port that failed. All interfaces are then as they were before.
    pub(super) fn build(ports: Vec<MacsecPort>, shared: Shared<'_>) -> Result<Self, MacsecError> {
        let mut taken: Vec<NonceSpace> = Vec::new();
        let state_folder = pn_file::state_folder();
        let mut interfaces = Vec::with_capacity(ports.len());
        let mut links = Vec::with_capacity(ports.len());
        for (number, port) in ports.into_iter().enumerate() {
            let name = port.name.clone();
            let link = Link::build(port, shared, (number, &state_folder), &mut taken);
            let (link, interface) = link.map_err(|error| MacsecError { name, error })?;
            links.push(link);
            interfaces.push(interface);
        }
        interfaces.into_iter().for_each(ProtectedLink::keep);
        Ok(Self {
            links,
            first: shared.first,
        })
    }

    /// Starts the lanes.
    ///
    /// # Errors
    ///
    /// No thread can be had.
    pub(super) fn spawn(&mut self, node: &Node) -> io::Result<()> {
        self.links.iter_mut().try_for_each(|link| link.spawn(node))
    }

    /// # Errors
    ///
    /// A lane has ended, or packet numbers cannot be written down.
    pub(super) fn check(&mut self) -> Result<(), MacsecError> {
        self.try_each(Link::check)
    }

    /// Notes what a token stands for; whether it is one of a port.
    pub(super) fn note(&mut self, token: Token) -> bool {
        let place = token.0.checked_sub(self.first.0);
        let place = place.map(|place| (place / TOKENS, place % TOKENS));
        let Some((link, what)) = place.and_then(|(number, what)| {
            let link = self.links.get_mut(number)?;
            Some((link, what))
        }) else {
            return false;
        };
        if what == 0 {
            link.hear_lanes();
        } else {
            link.control_is_readable();
        }
        true
    }

    /// Reads control frames, does what is due, and passes orders on.
    pub(super) fn turn(&mut self) {
        for link in &mut self.links {
            link.turn();
        }
    }

    /// How long to wait at most.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        let waits = self.links.iter().filter_map(|link| link.patience(now));
        waits.min()
    }

    /// Asks all lanes for their numbers.
    pub(super) fn request_reports(&mut self) {
        for link in &mut self.links {
            link.request_report();
        }
    }

    /// All ports, once all lanes have reported.
    pub(super) fn status(&self, now: Instant) -> Option<Vec<MacsecStatus>> {
        let status = self.links.iter().map(|link| link.status(now));
        status.collect()
    }

    /// Begins handshakes at the port of this name, or at all that have any; the names of those where one is under way.
    pub(super) fn rekey(&mut self, wanted: Option<&str>) -> Vec<String> {
        let fits = |link: &&mut Link| wanted.is_none_or(|wanted| link.name() == wanted);
        let links = self.links.iter_mut().filter(fits);
        let started = links.filter_map(|link| match link.rekey()? {
            Rekey::Started | Rekey::AlreadyPending => Some(link.name().to_owned()),
            Rekey::NoEndpoint => None,
        });
        started.collect()
    }

    /// Whether there is a port of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.links.iter().any(|link| link.name() == name)
    }

    /// Says farewell, and tells the lanes to end.
    pub(super) fn close(&mut self) {
        for link in &mut self.links {
            link.close();
        }
    }

    /// Goes on with [`Self::close`]; whether all lanes have ended.
    pub(super) fn are_finished(&mut self) -> bool {
        // Each is heard, whatever the others say.
        let finished: Vec<bool> = self.links.iter_mut().map(Link::is_finished).collect();
        finished.into_iter().all(|finished| finished)
    }

    /// Waits for all lanes.
    pub(super) fn join(self) {
        for link in self.links {
            link.join();
        }
    }

    fn try_each(
        &mut self,
        mut step: impl FnMut(&mut Link) -> Result<(), LinkError>,
    ) -> Result<(), MacsecError> {
        self.links.iter_mut().try_for_each(|link| {
            step(link).map_err(|error| MacsecError {
                name: link.name().to_owned(),
                error,
            })
        })
    }
}
