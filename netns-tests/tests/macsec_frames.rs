//! Frames that no side sends, shown to a stock Linux kernel and to crate `macsec`: both count the same, but for what
//! docs/macsec.md section 8 says.

use linkveil_macsec::{
    CipherSuite, Protection, ReplayProtect, RxError, RxSak, RxScError, RxSecy, SaTerms, TxForm,
    Validate,
};
use linkveil_netns_tests::macsec::forge::{PlainPort, Recipe, open_port, plain};
use linkveil_netns_tests::macsec::judges::{Judges, Outcome, Outcomes};
use linkveil_netns_tests::macsec::kernel::KernelSide;
use linkveil_netns_tests::macsec::plan::{
    End, LinkPlan, MACSEC_DEVICE, OUR_MAC, batch, policy, sci_hex,
};
use linkveil_netns_tests::macsec::table::Table;
use linkveil_netns_tests::netns::Namespace;
use linkveil_netns_tests::timing::wait_for;
use linkveil_netns_tests::vm::MACHINE_MAC;
use linkveil_wire::{An, MacAddr, PacketNumber, PortId, Sci};

/// Our end of the wire.
const PORT: &str = "port0";

#[track_caller]
fn wire() -> Option<(Namespace, KernelSide, PlainPort)> {
    let (host, kernel) = KernelSide::wire(PORT)?;
    let port = open_port(&host, PORT);
    Some((host, kernel, port))
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

/// Shows all frames to both, and returns what crate `macsec` made of them.
fn judge(
    judges: &mut Judges<'_>,
    cases: Vec<Case>,
    table: &mut Table,
) -> Vec<(&'static str, Outcome)> {
    let mut all = Vec::new();
    for (what, frame) in cases {
        let Outcomes { own, kernel } = judges.judge(&frame);
        let expected = difference(what, &own).unwrap_or(&own);
        assert_eq!(kernel, expected, "{what}: {own} here");
        table.row(&[what, &own, if own == kernel { "the same" } else { &kernel }]);
        all.push((what, own));
    }
    all
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
    let own = judge(&mut judges, cases(&plan), &mut table);
    for (what, outcome) in own {
        assert_eq!(outcome, strictly(what), "{what}");
    }
    table.write();
}

/// What docs/macsec.md section 5 says of these frames with strict validation, a window and confidentiality.
fn strictly(what: &str) -> &'static str {
    match what {
        "the same again" => "duplicate",
        "below the window" => "late",
        "another bit in the data" | "another bit in the ICV" | "one octet short" => "not_valid",
        "C without E" => "not_valid",
        "another association" => "not_using_sa",
        "another channel" => "no_sci",
        "E without C" => "uncontrolled",
        "without SecTAG" => "no_tag",
        "in order" | "in order again" | "before the last, in the window" => OK,
        "the last number of the window" | "of 10 octets" | "of 10 octets, padded to 60" => OK,
        _ => "bad_tag",
    }
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

/// Shows frames with these numbers, given as distances from a base, to both; what crate `macsec` makes of them, and the
/// kernel.
fn judge_numbers(
    judges: &mut Judges<'_>,
    plan: &LinkPlan,
    base: u64,
    expected: &[(i64, &str, &str)],
) {
    for (distance, own, kernel) in expected {
        let number = base.checked_add_signed(*distance).unwrap();
        let outcomes = judges.judge(&Recipe::good(plan, number).secured(plan));
        let (own, kernel) = ((*own).to_owned(), (*kernel).to_owned());
        assert_eq!(outcomes, Outcomes { own, kernel }, "{base:#x} {distance:+}");
    }
}

const OK: &str = "ok, delivered";

// REQ-SECY-17
#[test]
fn extended_numbers_from_before_a_multiple_of_two_to_the_31_are_recovered_here_and_lost_there() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    // Behind a multiple of 2^32 the kernel does not know late frames, either.
    for (base, late_there) in [(1_u64 << 32, "not_valid"), (3 << 31, "late")] {
        let plan = LinkPlan {
            first_pn: PacketNumber::new(base - 100),
            ..LinkPlan::new(CipherSuite::GcmAesXpn256)
        };
        let mut judges = Judges::new(&mut kernel, &mut port, &plan);
        let expected = [
            (-5, OK, OK),
            (-1, OK, OK),
            (0, OK, OK),
            (3, OK, OK),
            (-2, OK, "not_valid"),
            (-60, "late", late_there),
            (4, OK, OK),
            (0x7fff_ffff, OK, OK),
        ];
        judge_numbers(&mut judges, &plan, base, &expected);
    }
}

// REQ-SECY-15
#[test]
fn the_kernel_accepts_a_window_below_the_first_number() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    let plan = LinkPlan {
        first_pn: PacketNumber::new(100),
        ..LinkPlan::new(CipherSuite::GcmAes128)
    };
    let mut judges = Judges::new(&mut kernel, &mut port, &plan);
    let expected = [(0, OK, OK), (-5, "late", OK), (-40, "late", "late")];
    judge_numbers(&mut judges, &plan, 100, &expected);
}

// REQ-SECY-3
#[test]
fn a_frame_that_names_no_channel_is_of_the_only_one_whatever_its_name() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    let plan = LinkPlan {
        form: TxForm::PointToPoint,
        ..LinkPlan::new(CipherSuite::GcmAes128)
    };
    let good = Recipe::good(&plan, 7);
    // The kernel has two channels, that of markers beside ours. It drops such a frame and counts nothing.
    let mut judges = Judges::new(&mut kernel, &mut port, &plan);
    let with_two = judges.judge(&good.secured(&plan));
    assert_eq!([&with_two.own, &with_two.kernel], [OK, "nothing"]);
    // Now it has one, of another name.
    kernel.set_up(&plan);
    let (ours, other) = (sci_hex(End::Ours.sci()), sci_hex(other_sci()));
    let key = plan.kernel_rx_on(other_sci(), plan.tx);
    kernel.machine.sh(&batch(&format!(
        "macsec set {MACSEC_DEVICE} rx sci {ours} sa 0 off\n\
         macsec del {MACSEC_DEVICE} rx sci {ours} sa 0\n\
         macsec del {MACSEC_DEVICE} rx sci {ours}\n\
         macsec add {MACSEC_DEVICE} rx sci {other}\n{key}"
    )));
    let frame = Recipe {
        sci: other_sci(),
        ..good
    };
    let sent = port.sender.send_to(&frame.secured(&plan), None);
    sent.unwrap().unwrap();
    wait_for("the frame", || {
        (kernel.accepted_on(other_sci()) == 1).then_some(())
    });
}

/// The first secured frame from the machine, as a channel of port 0 takes it.
fn single_copy_broadcast(
    kernel: &mut KernelSide,
    port: &mut PlainPort,
    suite: CipherSuite,
) -> Result<(), RxError> {
    let plan = LinkPlan::new(suite);
    kernel.set_up(&plan);
    // An address resolution goes out.
    kernel.machine.sh(&format!(
        "ip link set {MACSEC_DEVICE} type macsec send_sci off scb on\n\
         ping -q -c 1 -W 1 10.3.0.1 || true"
    ));
    let sci = Sci::new(MacAddr::new(MACHINE_MAC), PortId::SINGLE_COPY_BROADCAST);
    let mut own = RxSecy::new(suite, plan.policy);
    own.add_channel(sci).unwrap();
    let sak = plan.sak_for(sci, End::Machine, plan.rx[0]);
    let sak = RxSak::new(sak, SaTerms::of(suite)).unwrap();
    own.install(plan.rx[0], sak).unwrap();
    let mut frame = wait_for("a broadcast", || {
        let frame = port.receiver.next().ok()?;
        (frame[12..15] == [0x88, 0xe5, 0x1c]).then(|| frame.to_vec())
    });
    own.validate(&mut frame).map(|_| ())
}

// REQ-SECY-3
#[test]
fn the_kernel_makes_nonces_of_single_copy_broadcasts_with_its_own_port() {
    let Some((_host, mut kernel, mut port)) = wire() else {
        return;
    };
    let mut of = |suite| single_copy_broadcast(&mut kernel, &mut port, suite);
    // The SSCI is in these nonces, which knows no port.
    assert_eq!(of(CipherSuite::GcmAesXpn128), Ok(()));
    let not_valid = Err(RxError::Channel(RxScError::NotValid));
    assert_eq!(of(CipherSuite::GcmAes128), not_valid);
}
