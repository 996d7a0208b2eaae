//! Frames that no side sends, shown to a stock Linux kernel and to crate `macsec`: both count the same, but for what
//! docs/macsec.md section 8 says.

use linkveil_macsec::{CipherSuite, Protection, ReplayProtect, TxForm, Validate};
use linkveil_netns_tests::macsec::forge::{PlainPort, Recipe, open_port, plain};
use linkveil_netns_tests::macsec::judges::{Judges, Outcomes};
use linkveil_netns_tests::macsec::kernel::KernelSide;
use linkveil_netns_tests::macsec::plan::{LinkPlan, OUR_MAC, policy};
use linkveil_netns_tests::macsec::table::Table;
use linkveil_netns_tests::netns::Namespace;
use linkveil_netns_tests::skip::skipped;
use linkveil_netns_tests::vm::KernelVm;
use linkveil_wire::{An, MacAddr, PacketNumber, PortId, Sci};

/// Our end of the wire.
const PORT: &str = "port0";

fn wire() -> Option<(Namespace, KernelSide, PlainPort)> {
    let host = Namespace::new("host");
    match KernelVm::boot(&host, PORT) {
        Ok(machine) => {
            let port = open_port(&host, PORT);
            Some((host, KernelSide::new(machine), port))
        }
        Err(reason) => {
            skipped(&reason.0);
            None
        }
    }
}

/// Places of octets in a frame with SecTAG.
const TCI: usize = 14;
const SL: usize = 15;
const PN: usize = 16;

/// A frame and what it is.
type Case = (&'static str, Vec<u8>);

/// In the order in which they are sent. Numbers are those of one association with a window of 32.
fn cases(plan: &LinkPlan) -> Vec<Case> {
    let good = |number| Recipe::good(plan, number).secured(plan);
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut frame = good(120);
        change(&mut frame);
        frame
    };
    let recipe = |change: fn(&mut Recipe)| {
        let mut recipe = Recipe::good(plan, 120);
        change(&mut recipe);
        recipe.secured(plan)
    };
    let mut padded = recipe(|recipe| (recipe.user_data, recipe.number) = (10, 102));
    padded.resize(60, 0);
    vec![
        ("in order", good(100)),
        ("before the last, in the window", good(90)),
        ("the same again", good(90)),
        ("the last number of the window", good(69)),
        ("below the window", good(68)),
        (
            "of 10 octets",
            recipe(|recipe| (recipe.user_data, recipe.number) = (10, 101)),
        ),
        ("of 10 octets, padded to 60", padded),
        ("another bit in the data", changed(|frame| frame[40] ^= 1)),
        (
            "another bit in the ICV",
            changed(|frame| *frame.last_mut().unwrap() ^= 1),
        ),
        (
            "one octet short",
            changed(|frame| frame.truncate(frame.len() - 1)),
        ),
        (
            "another association",
            recipe(|recipe| recipe.an = An::ALL[1]),
        ),
        ("another channel", recipe(|recipe| recipe.sci = other_sci())),
        ("V set", changed(|frame| frame[TCI] |= 0x80)),
        ("ES beside SC", changed(|frame| frame[TCI] |= 0x40)),
        ("SCB beside SC", changed(|frame| frame[TCI] |= 0x10)),
        (
            "E without C",
            changed(|frame| frame[TCI] = frame[TCI] & !0x04 | 0x08),
        ),
        (
            "C without E",
            changed(|frame| frame[TCI] = frame[TCI] & !0x08 | 0x04),
        ),
        ("number 0", changed(|frame| frame[PN..PN + 4].fill(0))),
        ("SL of another length", changed(|frame| frame[SL] = 40)),
        ("upper bits of SL", changed(|frame| frame[SL] = 0x40)),
        ("short without SL", {
            let mut frame = recipe(|recipe| recipe.user_data = 20);
            frame[SL] = 0;
            frame
        }),
        ("another channel, V set", {
            let mut frame = recipe(|recipe| recipe.sci = other_sci());
            frame[TCI] |= 0x80;
            frame
        }),
        ("ends in the SecTAG", good(120)[..18].to_vec()),
        ("ends in the ICV", good(120)[..32].to_vec()),
        ("without SecTAG", plain(80)),
        ("in order again", good(121)),
    ]
}

fn other_sci() -> Sci {
    Sci::new(MacAddr::new(OUR_MAC), PortId::new(2))
}

/// What the kernel makes of a frame where that is not what crate `macsec` makes of it.
fn difference(what: &str, own: &str) -> Option<&'static str> {
    Some(match (what, own) {
        (_, "duplicate" | "delayed, delivered") => "ok, delivered",
        ("of 10 octets, padded to 60", _) => "bad_tag",
        ("E without C" | "ends in the SecTAG", _) => "nothing",
        ("another channel, V set", _) => "no_sci",
        // It hands them over as well, but its device does not count them as received.
        (_, "untagged, delivered") => "untagged",
        (_, "unknown_sci, delivered") => "unknown_sci",
        _ => return None,
    })
}

/// Shows all frames to both.
fn judge(judges: &mut Judges<'_>, cases: Vec<Case>, table: &mut Table) {
    for (what, frame) in cases {
        let Outcomes { own, kernel } = judges.judge(&frame);
        let expected = difference(what, &own).unwrap_or(&own);
        assert_eq!(kernel, expected, "{what}: {own} here");
        table.row(&[what, &own, if own == kernel { "the same" } else { &kernel }]);
    }
}

// REQ-SECY-2, REQ-SECY-4, REQ-SECY-14, REQ-SECY-16, REQ-SECY-19
#[test]
fn with_strict_validation_the_kernel_counts_as_we_do_but_for_the_known_differences() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    let plan = LinkPlan::new(CipherSuite::GcmAes256);
    let title = "Frames by hand, strict validation, a window of 32, confidentiality:";
    let mut table = Table::new("20-frames", title, &HEAD);
    let mut judges = Judges::new(&mut kernel, &mut port, &plan);
    judge(&mut judges, cases(&plan), &mut table);
    table.write();
}

const HEAD: [&str; 3] = ["frame", "linkveil", "Linux"];

/// Those whose outcome depends on how one validates.
const JUDGED_BY_POLICY: [&str; 10] = [
    "in order",
    "before the last, in the window",
    "the same again",
    "below the window",
    "another bit in the data",
    "another association",
    "another channel",
    "E without C",
    "C without E",
    "without SecTAG",
];

// REQ-SECY-4, REQ-SECY-14, REQ-SECY-20
#[test]
fn with_other_validation_the_kernel_counts_as_we_do_but_for_the_known_differences() {
    use Protection::{Confidentiality, Integrity};
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    for (place, validate, replay_protect, protection) in [
        (
            "21-frames",
            Validate::Strict,
            ReplayProtect::Off,
            Confidentiality,
        ),
        (
            "22-frames",
            Validate::Check,
            ReplayProtect::On,
            Confidentiality,
        ),
        ("23-frames", Validate::Check, ReplayProtect::On, Integrity),
        (
            "24-frames",
            Validate::Disabled,
            ReplayProtect::On,
            Integrity,
        ),
    ] {
        let plan = LinkPlan {
            policy: policy(validate, replay_protect),
            protection,
            ..LinkPlan::new(CipherSuite::GcmAes256)
        };
        let title =
            format!("The same, {validate}, replay protection {replay_protect:?}, {protection:?}:");
        let mut table = Table::new(place, &title, &HEAD);
        let mut judges = Judges::new(&mut kernel, &mut port, &plan);
        let mut cases = cases(&plan);
        cases.retain(|(what, _)| JUDGED_BY_POLICY.contains(what));
        assert_eq!(cases.len(), JUDGED_BY_POLICY.len());
        judge(&mut judges, cases, &mut table);
        table.write();
    }
}

/// Below, at and above a multiple of 2^32, in the order in which they are sent, and what crate `macsec` and the kernel
/// make of them.
const EDGE: u64 = 1 << 32;

// REQ-SECY-15, REQ-SECY-17
#[test]
fn extended_numbers_are_recovered_here_where_the_kernel_loses_them() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    for first in [EDGE, 3 << 31] {
        let plan = LinkPlan {
            first_pn: PacketNumber::new(first - 100),
            ..LinkPlan::new(CipherSuite::GcmAesXpn256)
        };
        let mut judges = Judges::new(&mut kernel, &mut port, &plan);
        for number in [
            first - 5,
            first - 1,
            first,
            first + 3,
            first - 2,
            first - 60,
            first + 4,
            first + (1 << 31) - 1,
            first + (1 << 31) + 5,
            first + (3 << 31) + 9,
        ] {
            let Outcomes { own, kernel } =
                judges.judge(&Recipe::good(&plan, number).secured(&plan));
            let mark = if own == kernel { "  " } else { "!!" };
            eprintln!(
                "{mark} {first:x} {} | {own} | {kernel}",
                number as i64 - first as i64
            );
        }
    }
    let plan = LinkPlan {
        first_pn: PacketNumber::new(100),
        ..LinkPlan::new(CipherSuite::GcmAes128)
    };
    let mut judges = Judges::new(&mut kernel, &mut port, &plan);
    for number in [100, 95, 60] {
        eprintln!(
            "first 100, {number}: {:?}",
            judges.judge(&Recipe::good(&plan, number).secured(&plan))
        );
    }
    let plan = LinkPlan {
        policy: policy(Validate::Strict, ReplayProtect::Off),
        ..LinkPlan::new(CipherSuite::GcmAes128)
    };
    let mut judges = Judges::new(&mut kernel, &mut port, &plan);
    for number in [100, 60, 7] {
        eprintln!(
            "replay off, {number}: {:?}",
            judges.judge(&Recipe::good(&plan, number).secured(&plan))
        );
    }
    for form in [TxForm::PointToPoint, TxForm::EndStation] {
        let plan = LinkPlan {
            ..LinkPlan::new(CipherSuite::GcmAes128)
        };
        let mut judges = Judges::new(&mut kernel, &mut port, &plan);
        eprintln!(
            "{form:?}: {:?}",
            judges.judge(
                &Recipe {
                    form,
                    ..Recipe::good(&plan, 7)
                }
                .secured(&plan)
            )
        );
    }
}
