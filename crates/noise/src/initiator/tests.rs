use linkveil_crypto::{PostQuantum, Suite};

use crate::fixture::{POLICIES, World, agree, consume, established};
use crate::{PqPolicy, Role};

// REQ-HS-1, REQ-PQ-1, REQ-PQ-3, REQ-PQ-5, REQ-PQ-6, REQ-KEY-1, REQ-KEY-2, REQ-KEY-4
#[test]
fn both_sides_agree_on_every_key_under_every_combination_that_makes_an_epoch() {
    for suite in Suite::ALL {
        for ours in POLICIES {
            for theirs in POLICIES {
                let refused = (ours == PqPolicy::Off && theirs == PqPolicy::Required)
                    || (ours == PqPolicy::Required && theirs == PqPolicy::Off);
                if refused {
                    continue;
                }
                let mut world = World::new(suite);
                let (initiation, attempt) = world.initiate(ours);
                let (response, responder) = world.respond(&initiation, theirs).unwrap();
                let initiator = established(consume(attempt, &response, ours).unwrap());

                assert!(agree(&initiator, &responder), "{suite} {ours:?} {theirs:?}");
                let hybrid = ours != PqPolicy::Off && theirs != PqPolicy::Off;
                assert_eq!(initiator.post_quantum == PostQuantum::Hybrid, hybrid);
                assert_eq!(initiator.role, Role::Initiator);
                assert_eq!(responder.role, Role::Responder);
            }
        }
    }
}
