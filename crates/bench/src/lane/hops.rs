//! One lane hop by hop: what is measured of each half, and what follows for each hop.

use linkveil_crypto::Suite;

use super::node::{Keys, Tenants};
use super::workers::{self, Refill, Refusal};
use super::{Devices, HopRow, LaneRow, Side, sides_and_sizes};
use crate::timing::{Times, Worker};

/// The last hop that is passed, and the worker that goes so far.
pub(super) type Hops = Vec<(&'static str, Box<dyn Worker>)>;

pub(super) fn egress(suite: Suite, bytes: usize) -> Result<Hops, String> {
    Ok(vec![
        ("1 recv_batch", workers::read_device(bytes)),
        (
            "2 classify",
            workers::egress_until(Keys::None, bytes, "no_epoch")?,
        ),
        (
            "3 encapsulate",
            workers::egress_until(Keys::SealUsedUp(suite), bytes, "tx_key_exhausted")?,
        ),
    ])
}

pub(super) fn ingress(suite: Suite, bytes: usize) -> Result<Hops, String> {
    let known = Refusal {
        tenants: Tenants::There,
        refill: Refill::Rewind,
        reason: "duplicate",
    };
    let strange = Refusal {
        tenants: Tenants::Elsewhere,
        refill: Refill::Seal,
        reason: "wrong_source",
    };
    let until = |refusal| workers::ingress_until(suite, bytes, refusal);
    Ok(vec![
        ("1 recv_batch", workers::read_socket(suite, bytes)?),
        ("2 parse, 3 rx_mut, 4 window", until(known)?),
        ("4 AEAD, 5 admit", until(strange)?),
    ])
}

/// What the last row of a half's hops adds: the whole pipeline.
const fn last_hops(side: Side) -> &'static str {
    match side {
        Side::Egress => "4 seal_in_place, 5 commit, 6 send_batch",
        Side::Ingress => "6 send_batch",
    }
}

pub(super) fn rows(
    labels: &[(Side, usize, &'static str)],
    times: &[Times],
    pipelines: &[LaneRow],
) -> Vec<HopRow> {
    let mut all = Vec::new();
    for (side, bytes) in sides_and_sizes() {
        let mut before = 0.0;
        let measured = labels
            .iter()
            .zip(times)
            .filter(|((s, b, _), _)| (*s, *b) == (side, bytes));
        let whole = pipelines.iter().find(|row| {
            (row.side, row.bytes, row.devices, row.lanes) == (side, bytes, Devices::Plain, 1)
        });
        let whole = whole.map(|row| (last_hops(side), &row.nanoseconds_per_packet));
        for (hops, until) in measured
            .map(|((_, _, hops), time)| (*hops, &time.whole))
            .chain(whole)
        {
            all.push(HopRow {
                side,
                bytes,
                hops,
                nanoseconds_added: until.median - before,
                nanoseconds_until: until.clone(),
            });
            before = until.median;
        }
    }
    all
}
