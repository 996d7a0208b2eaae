//! The machine's kernel and a receiver of crate `macsec`, both shown the same frames.

use std::mem;

use linkveil_macsec::{Protection, RxSak, RxSecy, SaTerms, TxForm};
use linkveil_sa::{Counter, Counters};
use linkveil_wire::An;

use crate::macsec::forge::{PlainPort, Recipe};
use crate::macsec::kernel::{KernelCounts, KernelSide, marker_sci};
use crate::macsec::plan::{End, LinkPlan, MACSEC_DEVICE, batch, sci_hex};
use crate::macsec::side::{Counts, moved};
use crate::timing::wait_for;

/// What one of them made of a frame: the counters of frames that moved, and `delivered` if it came out.
pub type Outcome = String;

/// See the module's text.
#[derive(Debug)]
pub struct Judges<'k> {
    kernel: &'k mut KernelSide,
    port: &'k mut PlainPort,
    own: RxSecy,
    plan: LinkPlan,
    /// The kernel's, after the last frame.
    seen: KernelCounts,
}

/// A kernel's and ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcomes {
    /// Of crate `macsec`.
    pub own: Outcome,
    /// Of the kernel.
    pub kernel: Outcome,
}

impl<'k> Judges<'k> {
    /// Both as the plan says, to receive what we send; frames come from this port.
    ///
    /// # Panics
    ///
    /// If the kernel refuses.
    #[must_use]
    pub fn new(kernel: &'k mut KernelSide, port: &'k mut PlainPort, plan: &LinkPlan) -> Self {
        kernel.set_up(plan);
        let (marker, key) = (marker_sci(), plan.kernel_rx_on(marker_sci(), An::ALL[0]));
        let add = format!(
            "macsec add {MACSEC_DEVICE} rx sci {}\n{key}",
            sci_hex(marker)
        );
        kernel.machine.sh(&batch(&add));
        let mut own = RxSecy::new(plan.suite, plan.policy);
        own.add_channel(End::Ours.sci()).unwrap();
        let terms = SaTerms {
            first_pn: plan.first_pn,
            ..SaTerms::of(plan.suite)
        };
        let sak = RxSak::new(plan.sak(End::Ours, plan.tx), terms);
        own.install(plan.tx, sak.unwrap()).unwrap();
        Self {
            seen: kernel.counts(),
            kernel,
            port,
            own,
            plan: plan.clone(),
        }
    }

    /// Shows both a frame.
    ///
    /// # Panics
    ///
    /// If the frame cannot be sent.
    pub fn judge(&mut self, frame: &[u8]) -> Outcomes {
        Outcomes {
            own: self.judge_own(frame),
            kernel: self.judge_kernel(frame),
        }
    }

    fn judge_own(&mut self, frame: &[u8]) -> Outcome {
        let before = own_counts(&self.own);
        let delivered = match self.own.validate(&mut frame.to_vec()) {
            Ok(_) => Delivery::Yes,
            Err(_) => Delivery::No,
        };
        outcome(&moved(&before, &own_counts(&self.own)), delivered)
    }

    /// The kernel has seen a frame when it has accepted the marker that was sent after it.
    fn judge_kernel(&mut self, frame: &[u8]) -> Outcome {
        self.send(frame);
        let marker = Recipe {
            sci: marker_sci(),
            form: TxForm::Explicit,
            an: An::ALL[0],
            number: self.plan.first_pn.get() + self.seen.markers,
            protection: Protection::Confidentiality,
            user_data: 80,
        };
        self.send(&marker.secured(&self.plan));
        let after = wait_for("the marker's frame", || {
            let counts = self.kernel.counts();
            (counts.markers > self.seen.markers).then_some(counts)
        });
        let before = mem::replace(&mut self.seen, after);
        // One of the delivered frames is the marker.
        let delivered = match self.seen.delivered - before.delivered {
            1 => Delivery::No,
            _ => Delivery::Yes,
        };
        outcome(&moved(&before.counts, &self.seen.counts), delivered)
    }

    fn send(&mut self, frame: &[u8]) {
        self.port.sender.send_to(frame, None).unwrap().unwrap();
    }
}

fn own_counts(own: &RxSecy) -> Counts {
    let mut counts = named(own.counters());
    for channel in own.channels() {
        counts.extend(named(channel.counters()));
    }
    counts
}

fn named<C: Counter>(counters: &Counters<C>) -> Counts {
    let named = counters.named();
    named
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}

/// Whether a frame came out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    Yes,
    No,
}

fn outcome(moved: &Counts, delivery: Delivery) -> Outcome {
    let frames = moved.keys().filter(|name| name.starts_with("in_pkts_"));
    let mut words: Vec<_> = frames
        .map(|name| name["in_pkts_".len()..].to_owned())
        .collect();
    if words.is_empty() {
        words.push("nothing".to_owned());
    }
    if delivery == Delivery::Yes {
        words.push("delivered".to_owned());
    }
    words.join(", ")
}
