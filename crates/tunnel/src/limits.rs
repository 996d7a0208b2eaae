//! Every timer and bound of the control core, with its reason (docs/protocol.md section 13).

use std::time::Duration;

pub use linkveil_sa::Budget;

/// First repeat of an initiation: a round trip and a slow responder; a lost message costs no more.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// Longest pause between initiations: a peer that was away for long is found soon after it returns.
pub const RETRY_LONGEST: Duration = Duration::from_secs(15);
/// Jitter of retries, in percent either way: peers that lost a common path do not call at once.
pub const RETRY_JITTER_PERCENT: u32 = 10;
/// Own attempts kept per peer: a good response may come later than the retry.
pub const ATTEMPTS_PER_PEER: usize = 2;
/// First repeat of a Confirm: a few round trips; data flows meanwhile.
pub const CONFIRM_FIRST: Duration = Duration::from_millis(250);
/// Longest pause between two Confirms.
pub const CONFIRM_LONGEST: Duration = Duration::from_secs(2);
/// How long an initiator repeats Confirm, and a responder keeps what nobody confirms.
pub const UNCONFIRMED_LIFETIME: Duration = Duration::from_secs(10);
/// Unconfirmed epochs kept per peer as responder: one for each attempt that the initiator keeps.
pub const UNCONFIRMED_PER_PEER: usize = ATTEMPTS_PER_PEER;
/// How long a displaced epoch still receives: more than any reordering or queue on a path.
pub const DRAIN: Duration = Duration::from_secs(10);
/// How long a displaced epoch still receives on a MACsec port: a bridge keeps no frame for longer than a second (IEEE
/// 802.1D-2004 table 7-3, bridge transit delay, recommended), and queues at both ends make the other one.
pub const PORT_DRAIN: Duration = Duration::from_secs(2);
/// How long it must have received before its association number may go to a newer epoch: 4,096 frames of 1,500 octets in a
/// port's ring take 0.49 s at 100 Mb/s.
pub const PORT_DRAIN_LEAST: Duration = Duration::from_millis(500);
/// Displaced epochs kept per peer: several forced rekeys within one drain time.
pub const DRAINING_PER_PEER: usize = 4;
/// Random part by which the initiator's rekey comes early, in percent of `rekey_after`.
pub const REKEY_JITTER_PERCENT: u32 = 10;
/// When the responder rekeys by time, in percent of `rekey_after`.
pub const REKEY_LATE_PERCENT: u32 = 110;
/// The hard end of an epoch, in percent of `rekey_after`.
pub const HARD_DEADLINE_PERCENT: u32 = 125;
/// The hard end comes at least this long after `rekey_after`: time for some retries.
pub const HARD_DEADLINE_LEAST: Duration = Duration::from_secs(30);
/// Silence after something was sent before a Probe.
pub const SILENCE: Duration = Duration::from_secs(10);
/// Silence after a Probe before a handshake.
pub const PROBE_PATIENCE: Duration = Duration::from_secs(5);
/// Pause between initiations that unauthenticated datagrams cause, per peer.
pub const UNKNOWN_SPI_PAUSE: Duration = Duration::from_secs(5);
/// Pause between answers that refuse, per peer: a replayed initiation may ask for them.
pub const REFUSAL_PAUSE: Duration = Duration::from_secs(1);
/// Pause between retries that a stale answer causes at once, per peer.
pub const STALE_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Pause between calls to a new address from which a crossed initiation came, per peer.
pub const CROSSED_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long an endpoint is called that was learned and not configured: a peer that called from somewhere and went away
/// is not called there for ever.
pub const LEARNED_ENDPOINT_PATIENCE: Duration = Duration::from_secs(90);
/// Initiations without a good cookie that are computed: enough for a hundred peers that call at once, and with a quarter
/// of a millisecond each no more than 5 % of a core.
pub const INITIATION_BUDGET: Budget = Budget::per_second(200);
/// Initiations with a good cookie that are computed, of all sources together: a quarter of a core.
pub const INITIATION_BUDGET_COOKIE: Budget = Budget::per_second(1_000);
/// Initiations with a good cookie that are computed for one source, an IPv4 address or an IPv6 /64: a site with that
/// many gateways behind one address.
pub const INITIATION_BUDGET_SOURCE: Budget = Budget::per_second(20);
/// Sources with a bucket of their own; all others share one. 64 bytes each.
pub const SOURCES: usize = 16_384;
/// Responses with a good mac1 to a pending attempt that fail: only one who sees our initiations can send such, and the
/// true response is to get through a thousand of them.
pub const FORGED_RESPONSE_BUDGET: Budget = Budget::per_second(2_000);
/// A new secret for cookies is drawn this often; a cookie lives until the next but one.
pub const COOKIE_SECRET_LIFETIME: Duration = Duration::from_secs(120);
/// How long an initiator uses a cookie: as long as it is good for sure.
pub const COOKIE_LIFETIME: Duration = COOKIE_SECRET_LIFETIME;
/// Pause between retries that a cookie reply causes at once, per peer.
pub const COOKIE_RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Pause between two path challenges to a peer: a new address is to be found within a few round trips, and a challenge
/// is longer than the shortest datagram that causes it.
pub const CHALLENGE_PAUSE: Duration = Duration::from_millis(250);
/// How long a path challenge may be answered: the longest round trip, several times over.
pub const CHALLENGE_LIFETIME: Duration = Duration::from_secs(3);
/// Pause between two moves of a peer's endpoint by challenge: datagrams that overtake each other on two paths do not
/// make it swing.
pub const MOVE_PAUSE: Duration = Duration::from_secs(1);
/// Pause between the repeats of a Probe: one lost datagram is no reason for a handshake.
pub const PROBE_REPEAT: Duration = Duration::from_secs(1);
/// Retired SPIs remembered per node: those of an hour of rekeys of a thousand peers.
pub const TOMBSTONES: usize = 4096;
/// Datagrams waiting to be sent: a burst of handshakes with every peer of a large node.
pub const TRANSMIT_QUEUE: usize = 65_536;

const _: () = assert!(RETRY_FIRST.as_millis() <= RETRY_LONGEST.as_millis());
const _: () = assert!(CONFIRM_LONGEST.as_millis() < UNCONFIRMED_LIFETIME.as_millis());
const _: () = assert!(UNCONFIRMED_LIFETIME.as_millis() <= DRAIN.as_millis());
const _: () = assert!(PORT_DRAIN_LEAST.as_millis() < PORT_DRAIN.as_millis());
const _: () = assert!(COOKIE_LIFETIME.as_millis() <= COOKIE_SECRET_LIFETIME.as_millis());
const _: () = assert!(CHALLENGE_PAUSE.as_millis() < CHALLENGE_LIFETIME.as_millis());
const _: () = assert!(PROBE_REPEAT.as_millis() < PROBE_PATIENCE.as_millis());
const _: () = assert!(REKEY_LATE_PERCENT > 100 && HARD_DEADLINE_PERCENT > REKEY_LATE_PERCENT);
const _: () = assert!(RETRY_JITTER_PERCENT < 100 && REKEY_JITTER_PERCENT < 100);
