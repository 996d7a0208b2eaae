//! The gate in front of the Diffie-Hellman operations: who may cause them, and how many (docs/protocol.md section 7.9).
//!
//! ```text
//! initiation, mac1 good
//!    | a good cookie of this address and port? --yes--> bucket of the source --> budget of all with a cookie --> compute
//!    v no                                                   | empty: drop             | empty: drop
//! budget of all without one --> compute
//!    | empty
//!    v
//! cookie reply
//! ```
//!
//! Nothing here costs more than a few hashes, and nothing grows: sources without a cookie leave no trace.

mod sources;

use std::time::Instant;

use linkveil_crypto::Random;
use linkveil_noise::{CookieJar, CookieSource, Identity};
use linkveil_sa::bucket::{Bucket, Refused};
use linkveil_wire::Initiation;
use linkveil_wire::handshake::MAC_LEN;

use crate::limits::{
    COOKIE_SECRET_LIFETIME, FORGED_RESPONSE_BUDGET, INITIATION_BUDGET, INITIATION_BUDGET_COOKIE,
};
use sources::Sources;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Made when the first cookie is needed.
    jar: Option<Jar>,
    strangers: Bucket,
    with_cookie: Bucket,
    sources: Sources,
    forged_responses: Bucket,
}

#[derive(Debug)]
struct Jar {
    cookies: CookieJar,
    rotated: Instant,
}

/// An initiation with a good mac1, and where it came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Knock<'m> {
    pub(crate) message: &'m Initiation<'m>,
    pub(crate) source: CookieSource,
}

/// What is to be done about an initiation.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Go on to the Diffie-Hellman operations.
    Compute,
    /// Send this to where the initiation came from; it costs the sender a round trip, if that is where it is.
    Cookie(Vec<u8>),
    /// The source has had its share.
    SourceSpent,
    /// All sources together have had theirs.
    BudgetSpent,
}

impl Gate {
    /// Judges an initiation whose mac1 is good. `identity` is this node's.
    pub(crate) fn judge(
        &mut self,
        knock: Knock<'_>,
        identity: &Identity,
        random: &mut dyn Random,
        now: Instant,
    ) -> Verdict {
        let Knock { message, source } = knock;
        if self.has_cookie(knock, random, now) {
            return self.judge_source(source, now);
        }
        match self.strangers.take(INITIATION_BUDGET, now) {
            Ok(()) => Verdict::Compute,
            Err(Refused) => {
                let jar = Self::open(&mut self.jar, random, now);
                Verdict::Cookie(jar.create_reply(identity, message, source, random))
            }
        }
    }

    /// A cookie that is too old, or another address's, counts as none: the sender gets a new one if need be.
    fn has_cookie(&mut self, knock: Knock<'_>, random: &mut dyn Random, now: Instant) -> bool {
        let Knock { message, source } = knock;
        if *message.mac2() == [0; MAC_LEN] || self.jar.is_none() {
            return false;
        }
        let jar = Self::open(&mut self.jar, random, now);
        jar.verify_mac2(message, source).is_ok()
    }

    fn judge_source(&mut self, source: CookieSource, now: Instant) -> Verdict {
        if self.sources.take(source, now) == Err(Refused) {
            return Verdict::SourceSpent;
        }
        match self.with_cookie.take(INITIATION_BUDGET_COOKIE, now) {
            Ok(()) => Verdict::Compute,
            Err(Refused) => Verdict::BudgetSpent,
        }
    }

    /// The jar with secrets that are young enough. A cookie is good for one to two lifetimes of a secret.
    fn open<'g>(jar: &'g mut Option<Jar>, random: &mut dyn Random, now: Instant) -> &'g CookieJar {
        let jar = jar.get_or_insert_with(|| Jar {
            cookies: CookieJar::new(random),
            rotated: now,
        });
        let age = now.saturating_duration_since(jar.rotated);
        if age >= COOKIE_SECRET_LIFETIME {
            jar.cookies.rotate(random);
            if age >= 2 * COOKIE_SECRET_LIFETIME {
                // Nobody asked for a while: the former secret is too old as well.
                jar.cookies.rotate(random);
            }
            jar.rotated = now;
        }
        &jar.cookies
    }

    /// Whether one more response may cost Diffie-Hellman operations: yes, unless a great many were forged.
    pub(crate) fn admits_response(&self, now: Instant) -> bool {
        self.forged_responses.has(FORGED_RESPONSE_BUDGET, now)
    }

    /// A response with a good mac1 for a pending attempt turned out to be forged.
    pub(crate) fn note_forged_response(&mut self, now: Instant) {
        // An empty bucket was seen by `admits_response` before.
        let _empty = self.forged_responses.take(FORGED_RESPONSE_BUDGET, now);
    }
}

#[cfg(test)]
mod tests;
