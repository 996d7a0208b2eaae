//! MACsec with a stock Linux kernel on the other side, by static keys.

use std::net::{IpAddr, Ipv4Addr};

use linkveil_macsec::{CipherSuite, Protection, TxForm};
use linkveil_netns_tests::macsec::kernel::KernelSide;
use linkveil_netns_tests::macsec::own::OwnSide;
use linkveil_netns_tests::macsec::plan::{End, LinkPlan, OUR_MAC};
use linkveil_netns_tests::macsec::side::{Side, count};
use linkveil_netns_tests::macsec::table::Table;
use linkveil_netns_tests::netns::Namespace;
use linkveil_netns_tests::skip::skipped;
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::traffic::ping;
use linkveil_netns_tests::vm::KernelVm;

/// Our end of the wire.
const PORT: &str = "port0";

/// Our host, and the machine on the other end of its port; `None` where there can be no machine.
fn wire() -> Option<(Namespace, KernelSide)> {
    let host = Namespace::new("host");
    match KernelVm::boot(&host, PORT) {
        Ok(machine) => {
            let mac = OUR_MAC.map(|octet| format!("{octet:02x}")).join(":");
            host.ip(&format!("link set {PORT} address {mac}"));
            Some((host, KernelSide::new(machine)))
        }
        Err(reason) => {
            skipped(&reason.0);
            None
        }
    }
}

/// Who plays our side in all tests.
fn our_side(host: &Namespace, plan: &LinkPlan) -> impl Side {
    host.ip(&format!("link set {PORT} mtu {}", plan.port_mtu));
    OwnSide::start(host, PORT, plan)
}

fn machine_address() -> IpAddr {
    Ipv4Addr::from(End::Machine.address()).into()
}

/// Waits until what one side sent is what the other accepted, and demands that nothing else was counted. Returns frames
/// from us and from the machine.
fn assert_equal_counts(side: &impl Side, kernel: &mut KernelSide, plan: &LinkPlan) -> [u64; 2] {
    let (packets, octets, opened) = match plan.protection {
        Protection::Confidentiality => (
            "out_pkts_encrypted",
            "out_octets_encrypted",
            "in_octets_decrypted",
        ),
        Protection::Integrity => (
            "out_pkts_protected",
            "out_octets_protected",
            "in_octets_validated",
        ),
    };
    let pairs = |from: &_, to: &_| {
        count(from, packets) == count(to, "in_pkts_ok") && count(from, octets) == count(to, opened)
    };
    let (ours, theirs) = wait_for("equal counters", || {
        let (ours, theirs) = (side.counts(), kernel.counts().counts);
        (pairs(&ours, &theirs) && pairs(&theirs, &ours)).then_some((ours, theirs))
    });
    for counts in [&ours, &theirs] {
        let expected = [packets, octets, opened, "in_pkts_ok"];
        let others = counts
            .iter()
            .filter(|(name, moved)| **moved > 0 && !expected.contains(&name.as_str()));
        assert_eq!(others.collect::<Vec<_>>(), [], "with {plan:?}");
    }
    [count(&ours, packets), count(&theirs, packets)]
}

// REQ-SECY-1, REQ-SECY-3, REQ-SECY-5, REQ-SECY-6
#[test]
fn every_suite_crosses_both_ways_encrypted_or_not_however_channels_are_named() {
    let Some((host, mut kernel)) = wire() else {
        return;
    };
    for suite in CipherSuite::ALL {
        for protection in [Protection::Confidentiality, Protection::Integrity] {
            for form in [TxForm::Explicit, TxForm::PointToPoint, TxForm::EndStation] {
                let plan = LinkPlan {
                    protection,
                    form,
                    ..LinkPlan::new(suite)
                };
                let start = linkveil_net::clock::now();
                kernel.set_up(&plan);
                let side = our_side(&host, &plan);
                ping(side.site(), machine_address());
                assert!(kernel.ping(5, 100), "{plan:?}");
                let frames = assert_equal_counts(&side, &mut kernel, &plan);
                eprintln!(
                    "{suite} {protection:?} {form:?} {frames:?} {:?}",
                    linkveil_net::clock::now() - start
                );
            }
        }
    }
}
