//! What clients of the control socket ask for.

use std::time::{Duration, Instant};

use linkveil_dataplane::Report;
use linkveil_net::clock;
use linkveil_tunnel::core::Rekey;
use mio::Token;

use super::report::Moment;
use super::{Gateway, now};
use crate::ipc::{Refusal, RefusalCode, Rekeyed, Request, Response};

/// How long the lanes may take to report; they answer between two batches.
const REPORT_TIMEOUT: Duration = Duration::from_secs(2);

/// Clients that wait for the lanes' report.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    clients: Vec<Token>,
    deadline: Option<Instant>,
    /// What the lanes of the tunnels said; those of protected ports may be missing.
    report: Option<Box<Report>>,
}

impl Waiting {
    pub(super) fn note_report(&mut self, report: Box<Report>) {
        self.report = Some(report);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl Gateway {
    pub(super) fn serve_request(&mut self, client: Token, request: Request) {
        match request {
            Request::Status => {
                // Clients that come while a report is under way get the same one.
                if self.waiting.clients.is_empty() {
                    self.pool.request_report();
                    self.links.request_reports();
                    self.waiting.deadline = Some(clock::now() + REPORT_TIMEOUT);
                }
                self.waiting.clients.push(client);
            }
            Request::Rekey { peer } => {
                let response = match self.rekey(peer.as_deref()) {
                    Ok(peers) => Response::Rekey(Rekeyed { peers }),
                    Err(refusal) => Response::Error(refusal),
                };
                self.server.respond(client, &response, self.poll.registry());
            }
        }
    }

    /// Answers if somebody asked and all lanes have reported.
    pub(super) fn answer_status(&mut self) {
        let now = clock::now();
        let Some(report) = &self.waiting.report else {
            return;
        };
        let Some(macsec) = self.links.status(now) else {
            return;
        };
        let moment = Moment {
            core: &self.core,
            forwarding: &self.forwarding,
            stations: &self.stations,
            report,
            now,
        };
        let mut status = self.portrait.paint(&moment);
        status.macsec = macsec;
        status.control.extend(self.sockets.impair_counters());
        self.answer_waiting(&Response::Status(Box::new(status)));
    }

    /// Cuts off late clients, and tells those that wait for a report if the lanes are late.
    pub(super) fn serve_waiting(&mut self, now: Instant) {
        if self.server.poll_timeout().is_some_and(|end| end <= now) {
            self.server.handle_timeout(now, self.poll.registry());
        }
        if self.waiting.deadline.is_some_and(|end| end <= now) {
            let late = "the lanes did not report in time; try again";
            let refusal = Refusal::new(RefusalCode::Unavailable, late);
            self.answer_waiting(&Response::Error(refusal));
        }
    }

    fn answer_waiting(&mut self, response: &Response) {
        self.waiting.deadline = None;
        self.waiting.report = None;
        for client in std::mem::take(&mut self.waiting.clients) {
            self.server.respond(client, response, self.poll.registry());
        }
    }

    /// Starts handshakes with one peer or all; the names of those with which one is under way now.
    fn rekey(&mut self, wanted: Option<&str>) -> Result<Vec<String>, Refusal> {
        let mut started = self.links.rekey(wanted);
        if !started.is_empty() && wanted.is_some() {
            return Ok(started);
        }
        match wanted {
            Some(name) if self.links.has(name) => return Err(no_handshake(name)),
            None if started.is_empty() && self.portrait.has_no_peers() => {
                return Err(no_handshake("all ports"));
            }
            _ => {}
        }
        for (peer, name) in self.portrait.find(wanted)? {
            match self.core.rekey(peer, now()) {
                Rekey::Started | Rekey::AlreadyPending => started.push(name),
                Rekey::NoEndpoint if wanted.is_some() => return Err(no_endpoint(&name)),
                Rekey::NoEndpoint => {}
            }
        }
        Ok(started)
    }
}

fn no_handshake(name: &str) -> Refusal {
    let message =
        format!("the keys of {name} are written down: change them in the file, and restart");
    Refusal::new(RefusalCode::Unavailable, message)
}

fn no_endpoint(name: &str) -> Refusal {
    let message = format!(
        "{name} has no endpoint and has not called yet: give it an endpoint, or let it speak first"
    );
    Refusal::new(RefusalCode::Unavailable, message)
}
