//! MACsec with a stock Linux kernel on the other side, by static keys.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;

use etherparse::PacketBuilder;
use linkveil_macsec::{CipherSuite, Protection, TxForm};
use linkveil_netns_tests::capture::Capture;
use linkveil_netns_tests::gateway::binary;
use linkveil_netns_tests::keys;
use linkveil_netns_tests::macsec::config::Place;
use linkveil_netns_tests::macsec::kernel::KernelSide;
use linkveil_netns_tests::macsec::own::OwnSide;
use linkveil_netns_tests::macsec::plan::{End, LinkPlan, MACSEC_DEVICE, OUR_MAC, OVERHEAD, batch};
use linkveil_netns_tests::macsec::product::GatewaySide;
use linkveil_netns_tests::macsec::side::{Side, count};
use linkveil_netns_tests::macsec::table::Table;
use linkveil_netns_tests::netns::Namespace;
use linkveil_netns_tests::station::Station;
use linkveil_netns_tests::timing::{PATIENCE, wait_for};
use linkveil_netns_tests::traffic::{ping, ping_of_size};
use linkveil_netns_tests::vm::MACHINE_MAC;
use linkveil_wire::{An, PacketNumber};
use tempfile::TempDir;

/// Our end of the wire.
const PORT: &str = "port0";

/// Who plays our side: a gateway as users have it, but for what a configuration cannot say.
fn our_side(host: &Namespace, plan: &LinkPlan) -> Box<dyn Side> {
    host.ip(&format!("link set {PORT} mtu {}", plan.port_mtu));
    match plan.form {
        TxForm::EndStation => Box::new(OwnSide::start(host, PORT, plan)),
        TxForm::Explicit | TxForm::PointToPoint => Box::new(GatewaySide::start(host, PORT, plan)),
    }
}

fn machine_address() -> IpAddr {
    Ipv4Addr::from(End::Machine.address()).into()
}

/// Waits until what one side sent is what the other accepted, and demands that nothing else was counted. Returns frames
/// from us and from the machine.
fn assert_equal_counts(side: &dyn Side, kernel: &mut KernelSide, plan: &LinkPlan) -> [u64; 2] {
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

/// One suite with one protection and name after the other, traffic both ways.
fn everything_crosses(protection: Protection, place: &'static str) {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let encrypt = match protection {
        Protection::Confidentiality => "Confidentiality (`encrypt on`)",
        Protection::Integrity => "Integrity only (`encrypt off`)",
    };
    let title = format!("{encrypt}, Linux {}:", kernel.machine.kernel());
    let head = [
        "suite",
        "channel named by",
        "linkveil to Linux",
        "Linux to linkveil",
    ];
    let mut table = Table::new(place, &title, &head);
    for suite in CipherSuite::ALL {
        for form in [TxForm::Explicit, TxForm::PointToPoint, TxForm::EndStation] {
            let plan = LinkPlan {
                protection,
                form,
                ..LinkPlan::new(suite)
            };
            kernel.set_up(&plan);
            let side = our_side(&host, &plan);
            ping(side.site(), machine_address());
            assert!(kernel.ping(5, 100), "{plan:?}");
            let [ours, theirs] = assert_equal_counts(&*side, &mut kernel, &plan);
            assert!(ours >= 10 && theirs >= 10, "{ours} and {theirs} frames");
            let name = match form {
                TxForm::Explicit => "SCI (`send_sci on`)",
                TxForm::PointToPoint => "nothing (`send_sci off`)",
                TxForm::EndStation => "ES (`end_station on`)",
            };
            table.row(&[suite.name(), name, &ours.to_string(), &theirs.to_string()]);
        }
    }
    table.write();
}

// REQ-SECY-1, REQ-SECY-3, REQ-SECY-5, REQ-SECY-6
#[test]
fn every_suite_crosses_both_ways_encrypted_however_channels_are_named() {
    everything_crosses(Protection::Confidentiality, "10-confidentiality");
}

// REQ-SECY-1, REQ-SECY-3, REQ-SECY-5, REQ-SECY-6
#[test]
fn every_suite_crosses_both_ways_with_integrity_only_however_channels_are_named() {
    everything_crosses(Protection::Integrity, "11-integrity");
}

/// The machine's clients and servers use it.
const TCP_PORT: u16 = 5_000;
/// A text that both can make: 588,895 octets.
const NUMBERS: u32 = 100_000;

fn numbers() -> String {
    (1..=NUMBERS).map(|number| format!("{number}\n")).collect()
}

fn tcp_to_machine(side: &dyn Side, kernel: &mut KernelSide) {
    let listen = format!("nc -l -p {TCP_PORT} </dev/null >/tmp/got 2>/tmp/errors &\n");
    kernel.machine.sh(&listen);
    let address = SocketAddr::new(machine_address(), TCP_PORT);
    let mut stream = wait_for("a connection", || {
        let connected = side
            .site()
            .run(|| TcpStream::connect_timeout(&address, PATIENCE));
        connected.ok()
    });
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(numbers().as_bytes()).unwrap();
    drop(stream);
    let octets = numbers().len();
    kernel.machine.sh(&format!(
        "until [ $(wc -c </tmp/got) = {octets} ]; do usleep 50000; done\nseq 1 {NUMBERS} | cmp - /tmp/got"
    ));
}

fn tcp_from_machine(side: &dyn Side, kernel: &mut KernelSide) {
    let ours = Ipv4Addr::from(End::Ours.address());
    let listener = side
        .site()
        .run(|| TcpListener::bind((ours, TCP_PORT)))
        .unwrap();
    let receiver = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut received = String::new();
        stream.read_to_string(&mut received).unwrap();
        received
    });
    let send = format!("seq 1 {NUMBERS} | nc {ours} {TCP_PORT}");
    kernel.machine.sh(&send);
    assert!(
        receiver.join().unwrap() == numbers(),
        "TCP changed the text"
    );
}

/// What a frame of a wire's MTU leaves for an IP packet.
fn inner_mtu(plan: &LinkPlan) -> u16 {
    plan.port_mtu - OVERHEAD
}

#[test]
fn full_frames_and_tcp_cross_at_both_mtus() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let head = ["suite", "MTU of the wire", "largest IP packet", "both ways"];
    let mut table = Table::new("12-sizes", "Sizes and TCP:", &head);
    for (suite, port_mtu) in [
        (CipherSuite::GcmAes128, 1500),
        (CipherSuite::GcmAesXpn256, 9000),
    ] {
        let plan = LinkPlan {
            port_mtu,
            ..LinkPlan::new(suite)
        };
        kernel.set_up(&plan);
        let side = our_side(&host, &plan);
        let largest = inner_mtu(&plan);
        assert!(ping_of_size(side.site(), machine_address(), largest));
        assert!(kernel.ping(3, largest));
        assert!(!ping_of_size(side.site(), machine_address(), largest + 1));
        tcp_to_machine(&*side, &mut kernel);
        tcp_from_machine(&*side, &mut kernel);
        assert_equal_counts(&*side, &mut kernel, &plan);
        let (mtu, largest) = (port_mtu.to_string(), largest.to_string());
        table.row(&[suite.name(), &mtu, &largest, "ping, 0.6 MB of TCP"]);
    }
    table.write();
}

/// A station behind our side.
const STATION: [u8; 6] = [2, 0xcc, 0, 0, 0, 1];

/// An echo request with a payload of so many octets, in VLAN 7.
fn tagged_echo(payload: usize) -> Vec<u8> {
    let vlan = etherparse::VlanId::try_new(7).unwrap();
    let builder = PacketBuilder::ethernet2(STATION, MACHINE_MAC)
        .single_vlan(vlan)
        .ipv4([10, 7, 0, 1], [10, 7, 0, 2], 64)
        .icmpv4_echo_request(1, 1);
    let mut frame = Vec::new();
    builder.write(&mut frame, &vec![0x77; payload]).unwrap();
    frame
}

// REQ-SECY-12
#[test]
fn frames_with_vlan_tags_cross_both_ways() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let plan = LinkPlan::new(CipherSuite::GcmAesXpn256);
    kernel.set_up(&plan);
    let station = STATION.map(|octet| format!("{octet:02x}")).join(":");
    kernel.machine.sh(&batch(&format!(
        "link add link {MACSEC_DEVICE} name vlan7 type vlan id 7\n\
         address add 10.7.0.2/24 dev vlan7\n\
         link set vlan7 up\n\
         neigh add 10.7.0.1 lladdr {station} dev vlan7"
    )));
    let side = our_side(&host, &plan);
    let mut behind = Station::plug_in(side.site(), side.device());
    for payload in [8, 1_000, usize::from(inner_mtu(&plan)) - 4 - 28] {
        let request = tagged_echo(payload);
        behind.send(&request);
        let reply = behind.next_frame();
        assert_eq!(reply.len(), request.len());
        assert_eq!(reply[..6], STATION);
        assert_eq!(reply[12..16], [0x81, 0, 0, 7]);
        assert_eq!(reply[38], 0, "an echo reply");
        assert_eq!(reply[42..], request[42..]);
    }
    assert_equal_counts(&*side, &mut kernel, &plan);
    // A tagged frame of the device's MTU is 4 octets too long. The kernel gives a VLAN as much less.
    let largest = usize::from(inner_mtu(&plan)) - 28;
    behind.send(&tagged_echo(largest));
    wait_for("the frame that is too long", || {
        (count(&side.counts(), "out_pkts_too_long") == 1).then_some(())
    });
    let mtu = kernel.machine.sh("cat /sys/class/net/vlan7/mtu");
    assert_eq!(mtu.trim(), (inner_mtu(&plan) - 4).to_string());
    let head = ["suite", "frames", "both ways"];
    let mut table = Table::new("13-vlan", "VLAN tags inside:", &head);
    table.row(&[
        plan.suite.name(),
        "one tag, up to full size",
        "echo and reply",
    ]);
    table.write();
}

/// The associations under which an end sent, in the order of their first frames.
fn associations(frames: &[Vec<u8>], from: [u8; 6]) -> Vec<u8> {
    let mut seen = Vec::new();
    for frame in frames.iter().filter(|frame| frame[6..12] == from) {
        let an = frame[14] & 3;
        if !seen.contains(&an) {
            seen.push(an);
        }
    }
    seen
}

// REQ-SECY-7
#[test]
fn either_side_changes_its_association_and_no_frame_is_lost() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let mut plan = LinkPlan::new(CipherSuite::GcmAes256);
    kernel.set_up(&plan);
    let mut side = OwnSide::start(&host, PORT, &plan);
    let capture = Capture::start(&host, PORT);
    // 5 seconds: longer than all that follows where nothing else runs.
    let mut pings = Command::new("ping");
    let target = machine_address().to_string();
    pings.args(["-n", "-q", "-i", "0.02", "-c", "250", "-W", "5", &target]);
    let pings = side.site().spawn(pings.stdout(Stdio::piped()));
    for an in [1, 2, 3].map(|number| An::new(number).unwrap()) {
        // Ours: whoever receives is first.
        kernel.receive_under(&plan, an);
        plan.tx = an;
        side.change(&plan);
        // The machine's.
        plan.rx.push(an);
        side.change(&plan);
        kernel.send_under(&plan, an);
    }
    let output = pings.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(" 250 received"), "{text}");
    assert!(kernel.ping(5, 100));
    assert_equal_counts(&side, &mut kernel, &plan);
    let frames = capture.finish();
    for end in [OUR_MAC, MACHINE_MAC] {
        assert_eq!(associations(&frames, end), [0, 1, 2, 3]);
    }
    let head = ["who changes", "associations", "frames lost of 250 echoes"];
    let mut table = Table::new(
        "14-associations",
        "Change of association under traffic:",
        &head,
    );
    table.row(&["crate `macsec`, then Linux, three times", "0, 1, 2, 3", "0"]);
    table.write();
}

// REQ-SECY-7, REQ-SECY-25
#[test]
fn a_gateway_follows_the_machines_association_and_changes_its_own_with_a_restart() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let [first, second] = [0, 1].map(|number| An::new(number).unwrap());
    let mut plan = LinkPlan {
        rx: vec![first, second],
        ..LinkPlan::new(CipherSuite::GcmAesXpn256)
    };
    kernel.set_up(&plan);
    let mut side = GatewaySide::start(&host, PORT, &plan);
    let mut pings = Command::new("ping");
    let target = machine_address().to_string();
    pings.args(["-n", "-q", "-i", "0.02", "-c", "100", "-W", "5", &target]);
    let pings = side.site().spawn(pings.stdout(Stdio::piped()));
    kernel.send_under(&plan, second);
    let output = pings.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains(" 100 received"), "{text}");
    assert_equal_counts(&side, &mut kernel, &plan);
    let capture = Capture::start(&host, PORT);
    kernel.receive_under(&plan, second);
    plan.tx = second;
    side.restart(&host, &plan);
    ping(side.site(), machine_address());
    assert!(kernel.ping(5, 100));
    let frames = capture.finish();
    // What a gateway sends, a capture on its own port does not see.
    assert_eq!(side.encoding_an(), Some(1));
    assert_eq!(associations(&frames, MACHINE_MAC), [1]);
}

// REQ-SECY-17
#[test]
fn extended_numbers_pass_two_to_the_32_on_both_sides() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let plan = LinkPlan {
        first_pn: PacketNumber::new((1 << 32) - 5),
        ..LinkPlan::new(CipherSuite::GcmAesXpn128)
    };
    kernel.set_up(&plan);
    let side = our_side(&host, &plan);
    ping(side.site(), machine_address());
    assert!(kernel.ping(5, 100));
    let [ours, theirs] = assert_equal_counts(&*side, &mut kernel, &plan);
    assert!(ours > 8 && theirs > 8, "{ours} and {theirs} frames");
}

// REQ-SECY-8
#[test]
fn numbers_of_32_bits_end_on_both_sides() {
    let Some((host, mut kernel)) = KernelSide::wire(PORT) else {
        return;
    };
    let plan = LinkPlan {
        first_pn: PacketNumber::new(u64::from(u32::MAX) - 4),
        ..LinkPlan::new(CipherSuite::GcmAes128)
    };
    kernel.set_up(&plan);
    let side = our_side(&host, &plan);
    // Address resolution, and some of the pings.
    assert!(!kernel.ping(10, 100));
    let (ours, theirs) = (side.counts(), kernel.counts().counts);
    for (sent, accepted) in [(&ours, &theirs), (&theirs, &ours)] {
        assert_eq!(count(sent, "out_pkts_encrypted"), 5, "{ours:?} {theirs:?}");
        assert_eq!(count(accepted, "in_pkts_ok"), 5, "{ours:?} {theirs:?}");
    }
}

// No machine, but the gateway's own opinion of what would put it in our side's place.
#[test]
fn a_gateway_takes_the_keys_of_every_suite() {
    let folder = TempDir::new().unwrap();
    let control_socket = folder.path().join("control.sock");
    let place = Place {
        port: PORT,
        device: "trunk",
        netns: "site",
        control_socket: &control_socket.to_string_lossy(),
    };
    keys::write_secret(&folder.path().join("node.key"), &keys::generate());
    for suite in CipherSuite::ALL {
        let plan = LinkPlan {
            form: TxForm::PointToPoint,
            rx: An::ALL.to_vec(),
            ..LinkPlan::new(suite)
        };
        let file = folder.path().join("node.toml");
        fs::write(&file, plan.gateway_config(&place)).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        let checked = Command::new(binary()).arg("check").arg(&file).output();
        let checked = checked.unwrap();
        let said = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{suite}: {said}");
    }
}
