//! The simulation sees what it is there to see: a gateway that is broken on purpose is found within a few seeds, and by what it
//! does wrong.

use linkveil_sim::fault::Fault;
use linkveil_sim::random::Seed;
use linkveil_sim::run::{Options, run_with};
use linkveil_sim::world::SIDES;

/// Of so many runs one at least must fail. A fault that shows at restarts alone needs some.
const SEEDS: u64 = 8;

/// What is said of each of them.
const fn verdicts(fault: Fault) -> &'static [&'static str] {
    match fault {
        Fault::ForgetsToDrain => &["receives under"],
        Fault::DeliversTwice => &["was delivered twice"],
        Fault::LosesAtChange => &["arrived whole and was not delivered"],
        Fault::KeepsKeysOverRestart => &[
            "delivered under keys that were given up",
            "was delivered twice",
        ],
        Fault::RepeatsNumbers => &["used packet number"],
        // Its peer answers calls that nobody goes on with.
        Fault::DeafAfterRestart => &["no recovery within", "still receives under"],
        Fault::SendsAstray => &["sent a packet astray"],
        Fault::TalksWithoutEnd => &["initiations, although all was well", "receives under"],
        Fault::ChangesPackets => &["delivered a packet that nobody sent"],
        Fault::NeverSleeps => &["time stands still"],
    }
}

#[test]
fn every_fault_is_found_and_called_by_its_name() {
    for fault in Fault::ALL {
        for side in SIDES {
            let found: Vec<String> = (0..SEEDS)
                .filter_map(|seed| {
                    let fault = Some((side, fault));
                    let options = Options {
                        fault,
                        ..Options::default()
                    };
                    run_with(Seed::new(seed), options).err()
                })
                .map(|failure| failure.what)
                .collect();
            let named =
                |what: &&String| verdicts(fault).iter().any(|verdict| what.contains(verdict));
            assert!(
                found.iter().any(|what| named(&what)),
                "{fault:?} of {side}: {found:?}"
            );
            let wrong: Vec<_> = found.iter().filter(|what| !named(what)).collect();
            assert!(wrong.is_empty(), "{fault:?} of {side}: {wrong:?}");
        }
    }
}

// The same seeds without a fault: it is the fault that was found.
#[test]
fn the_same_runs_are_well_without_a_fault() {
    for seed in 0..SEEDS {
        run_with(Seed::new(seed), Options::default()).unwrap();
    }
}
