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
}

impl Waiting {
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

    pub(super) fn answer_status(&mut self, report: &Report) {
        let moment = Moment {
            core: &self.core,
            forwarding: &self.forwarding,
            stations: &self.stations,
            report,
            now: clock::now(),
        };
        let mut status = self.portrait.paint(&moment);
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
        for client in std::mem::take(&mut self.waiting.clients) {
            self.server.respond(client, response, self.poll.registry());
        }
    }

    /// Starts handshakes with one peer or all; the names of those with which one is under way now.
    fn rekey(&mut self, wanted: Option<&str>) -> Result<Vec<String>, Refusal> {
        let mut started = Vec::new();
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

fn no_endpoint(name: &str) -> Refusal {
    let message = format!(
        "{name} has no endpoint and has not called yet: give it an endpoint, or let it speak first"
    );
    Refusal::new(RefusalCode::Unavailable, message)
}
