//! What a protected port does when something is in its way, or is taken away from it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use linkveil_netns_tests::link::Side;
use linkveil_netns_tests::timing::{pause, wait_for};
use linkveil_netns_tests::traffic::ping;
use linkveil_netns_tests::trunk::{End, PORT_DEVICE, TAP_DEVICE, Trunk};

/// What `linkveil up` says when it refuses to start with this configuration.
fn refusal(end: &End, config: &str) -> String {
    linkveil_netns_tests::keys::write_secret(&end.folder().join("node.key"), &end.secret);
    let path = end.folder().join("refused.toml");
    fs::write(&path, config).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let mut up = Command::new("timeout");
    up.arg("10")
        .arg(linkveil_netns_tests::gateway::binary())
        .arg("up")
        .arg(path)
        .env("STATE_DIRECTORY", end.folder());
    let output = end.host.run(|| up.output().unwrap());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// Flags and addresses of an end's port.
fn interface(end: &End) -> Vec<String> {
    let output = end
        .host
        .output("ip", &format!("-d address show {PORT_DEVICE}"));
    let text = String::from_utf8(output.stdout).unwrap();
    let words = text.replace(" tentative", "");
    let lines = words.lines().filter(|line| {
        let parts = [PORT_DEVICE, "inet", "addrgenmode"];
        parts.into_iter().any(|part| line.contains(part))
    });
    lines.map(|line| line.trim().to_owned()).collect()
}

/// The last words of an end's gateway, which ended by itself.
fn last_words(end: &mut End) -> String {
    let gateway = end.take_gateway();
    // A gateway removes its control socket at the end.
    let gone = || (!gateway.control_socket().exists()).then_some(());
    wait_for("the end of the gateway", gone);
    let words = || gateway.log().lines().last().map(str::to_owned);
    wait_for("its last words", || {
        words().filter(|line| line.starts_with("linkveil:"))
    })
}

#[test]
fn a_start_that_fails_gives_its_ports_back() {
    let trunk = Trunk::fixed("gcm-aes-256");
    for end in trunk.ends() {
        end.host.ip(&format!("link set {PORT_DEVICE} up"));
    }
    let before = interface(&trunk.a);
    let addresses = before.iter().filter(|line| line.starts_with("inet"));
    assert_eq!(addresses.count(), 1, "{before:?}");
    // Everything about the port is in order, and then its packet numbers are not known.
    fs::write(trunk.a.folder().join("trunk.pn"), "").unwrap();
    let text = refusal(&trunk.a, &trunk.a.config());
    assert!(text.contains("trunk.pn, line 1"), "{text}");
    assert_eq!(interface(&trunk.a), before);
    // So it is if another port is at fault.
    fs::remove_file(trunk.a.folder().join("trunk.pn")).unwrap();
    let one = trunk.a.config();
    let (_, table) = one.split_once("[[macsec]]").unwrap();
    let other = table
        .replace("\"trunk\"", "\"other\"")
        .replace(PORT_DEVICE, "eth77")
        .replace(TAP_DEVICE, "lv-other")
        .replace(&trunk.a.address().to_string(), "10.4.0.1");
    let text = refusal(&trunk.a, &format!("{one}\n[[macsec]]{other}"));
    assert!(text.contains("eth77"), "{text}");
    assert_eq!(interface(&trunk.a), before);
}

#[test]
fn a_port_that_has_an_owner_is_refused_and_goes_on() {
    let mut trunk = Trunk::noise();
    trunk.start();
    let before = interface(&trunk.a);
    let second = trunk.a.config();
    let second = second
        .replace("control.sock", "second.sock")
        .replace(TAP_DEVICE, "lv-second");
    let text = refusal(&trunk.a, &second);
    assert!(text.contains("is protected by process"), "{text}");
    assert_eq!(interface(&trunk.a), before);
    ping(&trunk.a.inside, trunk.b.address());
}

// Nobody sends or receives anything meanwhile, so nothing but the deletion itself can tell.
#[test]
fn a_gateway_whose_port_is_deleted_says_so_and_ends() {
    let mut trunk = Trunk::fixed("gcm-aes-256");
    for end in trunk.ends_mut() {
        end.start();
        end.inside.ip(&format!("link set {TAP_DEVICE} down"));
    }
    // Its other end goes with it. One of them was down before.
    trunk.b.host.ip(&format!("link set {PORT_DEVICE} down"));
    pause(Duration::from_millis(100));
    trunk.a.host.ip(&format!("link delete {PORT_DEVICE}"));
    for end in trunk.ends_mut() {
        let words = last_words(end);
        assert!(
            words.contains("[[macsec]] \"trunk\": ") && words.contains("deleted"),
            "{words}"
        );
    }
}

#[test]
fn a_gateway_whose_device_is_deleted_says_so_and_ends() {
    let mut trunk = Trunk::noise();
    trunk.start();
    trunk.a.inside.ip(&format!("link delete {TAP_DEVICE}"));
    let words = last_words(&mut trunk.a);
    assert!(
        words.contains("[[macsec]] \"trunk\": ") && words.contains("deleted"),
        "{words}"
    );
}

#[test]
fn a_cable_that_was_pulled_works_when_it_is_back() {
    let mut trunk = Trunk::noise();
    trunk.start();
    for side in [Side::A, Side::B] {
        let flow = trunk.flow(Side::A).start();
        let end = match side {
            Side::A => &trunk.a,
            Side::B => &trunk.b,
        };
        end.host.ip(&format!("link set {PORT_DEVICE} down"));
        let dropped = || trunk.a.port().drops["port_dropped"];
        let before = dropped();
        wait_for("frames that are dropped", || {
            (dropped() > before).then_some(())
        });
        end.host.ip(&format!("link set {PORT_DEVICE} up"));
        let report = flow.finish();
        assert_eq!((report.duplicates, report.foreign), (0, 0), "{report:?}");
        ping(&trunk.a.inside, trunk.b.address());
    }
}

// Its channels are named by the address: the peer would refuse its handshakes, and nobody would know why.
#[test]
fn a_gateway_whose_port_gets_another_address_says_so_and_ends() {
    let mut trunk = Trunk::noise();
    trunk.start();
    let change = format!("link set {PORT_DEVICE} address 02:00:00:00:01:77");
    trunk.a.host.ip(&change);
    let words = last_words(&mut trunk.a);
    assert!(words.contains("02:00:00:00:01:77"), "{words}");
    // A new start has new channels, and the peer follows.
    trunk.a.start();
    trunk.wait_for_epoch(|_| true);
    ping(&trunk.a.inside, trunk.b.address());
}

#[test]
fn written_down_keys_cannot_be_rekeyed() {
    let mut trunk = Trunk::fixed("gcm-aes-256");
    trunk.a.start();
    let socket = trunk.a.gateway().control_socket();
    for names in [&["trunk"][..], &[]] {
        let mut rekey = Command::new(linkveil_netns_tests::gateway::binary());
        rekey.arg("rekey").args(names).arg("--socket").arg(&socket);
        let output = rekey.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(5), "{text}");
        assert!(text.contains("written down"), "{text}");
    }
}
